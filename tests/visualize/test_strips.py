import subprocess
import sys

import numpy as np
import pytest
import torch
from oracle_helpers import real_data

from pyg_skeletonmae import visualize
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.visualize.pose import MASKED, RECONSTRUCTED

pytest.importorskip("matplotlib")

GENERATOR = torch.Generator().manual_seed(0)
CLIP = torch.randn(22, 12, 3, generator=GENERATOR)
MASK = (UIPRMD22.part_index == 2)[:, None].expand(22, 12)


def labels(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def line_colors(ax):
    return {line.get_color() for line in ax.lines if len(line.get_xdata())}


def test_a_film_strip_shows_evenly_spaced_frames(tmp_path):
    figure = visualize.draw_clip(CLIP, UIPRMD22, frames=4, title="wave")
    assert [ax.get_xlabel() for ax in figure.axes] == ["frame 0", "4", "7", "11"]
    np.testing.assert_allclose(figure.axes[1].collections[0].get_offsets(), CLIP[:, 4, :2])
    assert labels(figure) == ["left", "right"]
    figure.savefig(tmp_path / "clip.png")
    assert (tmp_path / "clip.png").stat().st_size > 5000


def test_a_short_clip_shows_each_frame_once():
    assert len(visualize.draw_clip(CLIP[:, :3], UIPRMD22, frames=8).axes) == 3


def test_every_frame_has_the_same_scale_and_holds_its_pose():
    walk = CLIP + torch.arange(12)[None, :, None] * torch.tensor([5.0, 0.0, 0.0])
    figure = visualize.draw_clip(walk, UIPRMD22, frames=5)
    widths = [np.ptp(ax.get_xlim()) for ax in figure.axes]
    np.testing.assert_allclose(widths, widths[0], rtol=1e-5)
    for ax in figure.axes:
        low, high = ax.get_xlim()
        x = np.asarray(ax.collections[0].get_offsets())[:, 0]
        assert low < x.min() and x.max() < high
    assert len({ax.get_ylim() for ax in figure.axes}) == 1


def test_a_masked_strip_explains_the_mask():
    figure = visualize.draw_clip(CLIP, UIPRMD22, masked=MASK)
    assert labels(figure) == ["left", "right", "masked"]


def test_frames_without_any_joint_are_empty():
    valid = torch.ones(22, 12, dtype=torch.bool)
    valid[:, 0] = False
    figure = visualize.draw_clip(CLIP, UIPRMD22, frames=3, valid=valid)
    figure.canvas.draw()
    assert np.isnan(figure.axes[0].collections[0].get_offsets().filled(np.nan)).all()


def test_a_reconstruction_has_three_rows():
    figure = visualize.draw_reconstruction(
        CLIP, CLIP + 0.1, MASK, UIPRMD22, frames=3, caption="41 mm"
    )
    original, masked, full = figure.axes[0], figure.axes[3], figure.axes[6]
    assert [ax.get_ylabel() for ax in (original, masked, full)] == [
        "original", "masked", "reconstructed",
    ]  # fmt: skip
    assert figure.get_suptitle() == "41 mm"
    assert not {MASKED, RECONSTRUCTED} & line_colors(original)
    assert MASKED in line_colors(masked)
    assert {MASKED, RECONSTRUCTED} <= line_colors(full)
    np.testing.assert_allclose(
        full.collections[-1].get_offsets(), CLIP[MASK[:, 0], 0, :2] + 0.1, rtol=1e-6
    )
    np.testing.assert_allclose(full.collections[-2].get_offsets(), CLIP[~MASK[:, 0], 0, :2])


def test_unmasked_joints_are_never_taken_from_the_reconstruction():
    wild = torch.where(MASK[..., None], CLIP, torch.full_like(CLIP, float("nan")))
    figure = visualize.draw_reconstruction(CLIP, wild, MASK, UIPRMD22, frames=2)
    assert np.isfinite(np.asarray(figure.axes[-1].collections[-2].get_offsets())).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pos": CLIP[:21]}, r"expected a track \[22, T, C\] of uiprmd22, found \[21, 12, 3\]"),
        ({"pos": CLIP[:, 0]}, "expected a track"),
        ({"pos": CLIP[:, :0]}, "expected a track"),
        ({"masked": MASK[:, :3]}, r"masked: expected \[22, 12\], found \[22, 3\]"),
        ({"valid": MASK[:3]}, r"valid: expected \[22, 12\], found \[3, 12\]"),
    ],
)
def test_shapes_that_do_not_fit(change, message):
    with pytest.raises(DataError, match=message):
        visualize.draw_clip(**({"pos": CLIP, "skeleton": UIPRMD22} | change))


def test_importing_it_does_not_import_matplotlib():
    code = "import sys, pyg_skeletonmae.visualize; print('matplotlib' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"


def test_a_real_person_stands_upright():
    with np.load(real_data() / "uiprmd" / "uiprmd_kinect.npz") as file:
        frames = file["joints"][: file["offset"][1]] * file["scale"]
    figure = visualize.draw_clip(frames.transpose(1, 0, 2), UIPRMD22, frames=1)
    pose = np.asarray(figure.axes[0].collections[0].get_offsets())
    assert pose[UIPRMD22.index("head"), 1] > pose[UIPRMD22.index("left_foot"), 1] + 1


def heights(figure):
    return [np.ptp(ax.get_ylim()) for ax in figure.axes]


@pytest.mark.parametrize("absent", [[0], [11], [0, 4, 11]])
def test_a_frame_with_nobody_does_not_shrink_the_others(absent):
    small = 0.1 * CLIP
    valid = torch.ones(22, 12, dtype=torch.bool)
    valid[:, absent] = False
    whole = visualize.draw_clip(small, UIPRMD22, frames=4)
    holes = visualize.draw_clip(small, UIPRMD22, frames=4, valid=valid)
    assert max(heights(holes)) <= max(heights(whole)) + 1e-6
    assert (
        max(np.ptp(ax.get_xlim()) for ax in holes.axes) <= np.ptp(whole.axes[0].get_xlim()) + 1e-6
    )
    nan = small.masked_fill(~valid[..., None], torch.nan)
    np.testing.assert_allclose(
        heights(visualize.draw_clip(nan, UIPRMD22, frames=4)), heights(holes)
    )


def test_a_strip_of_several_persons(tmp_path):
    pair = torch.stack([CLIP, CLIP + 3])
    valid = torch.ones(2, 22, 12, dtype=torch.bool)
    valid[1, :, :6] = False  # the second one comes later
    figure = visualize.draw_clip(pair, UIPRMD22, frames=3, valid=valid)
    for ax, t in zip(figure.axes, (0, 6, 11), strict=True):
        shown = [np.ma.filled(dots.get_offsets(), np.nan) for dots in ax.collections[::2]]
        np.testing.assert_allclose(shown[0], CLIP[:, t, :2])
        assert np.isfinite(shown[1]).all() == (t >= 6)
    with pytest.raises(DataError, match=r"valid: expected \[2, 22, 12\]"):
        visualize.draw_clip(pair, UIPRMD22, valid=valid[0])
    with pytest.raises(DataError, match=r"expected a track \[22, T, C\]"):
        visualize.draw_clip(pair[None], UIPRMD22)


def test_a_reconstruction_of_several_persons():
    pair, masks = torch.stack([CLIP, CLIP + 3]), torch.stack([MASK, ~MASK])
    figure = visualize.draw_reconstruction(pair, pair + 0.1, masks, UIPRMD22, frames=2)
    assert len(figure.axes[0].collections) == 4 and len(figure.axes[-1].collections) == 8


def test_a_dollar_in_a_name_is_no_formula():
    figure = visualize.draw_clip(CLIP, UIPRMD22, frames=2, title="$5 and $6_a")
    figure.canvas.draw()
    assert figure.get_suptitle() == "$5 and $6_a"
