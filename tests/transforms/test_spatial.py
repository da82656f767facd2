import pytest
import torch
from transforms_helpers import check_transform, make_clip, make_clips

from pyg_skeletonmae.batch import as_tracks
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.layouts import NTU25, UIPRMD22
from pyg_skeletonmae.transforms import CenterRoot, ScaleBody

V = UIPRMD22.num_joints
ROOT = UIPRMD22.index("pelvis")


@pytest.mark.parametrize("mode", ["first", "frame", "mean"])
@pytest.mark.parametrize("frames", [1, 9])
@pytest.mark.parametrize("missing", [0.0, 0.1, 0.9])
def test_center_alike_on_clip_and_batch(mode, frames, missing):
    check_transform(CenterRoot(UIPRMD22, mode), make_clips(frames=frames, missing=missing))


def test_center_first_moves_all_persons_together():
    clip = make_clip(2, missing=0.0)
    out = CenterRoot(UIPRMD22)(clip)
    assert out.pos[ROOT, 0].tolist() == [0.0, 0.0, 0.0]
    torch.testing.assert_close(clip.pos - out.pos, clip.pos[ROOT, 0].expand_as(clip.pos))


def test_center_first_takes_the_first_frame_that_shows_the_joint():
    clip = make_clip(missing=0.0)
    clip.valid[ROOT, :3] = False
    assert CenterRoot(UIPRMD22)(clip).pos[ROOT, 3].abs().max() == 0


def test_center_frame_holds_the_last_known_centre():
    clip = make_clip(missing=0.0)
    clip.valid[ROOT] = torch.tensor([0, 0, 1, 1, 0, 0, 1, 1, 0], dtype=torch.bool)
    shift = (clip.pos - CenterRoot(UIPRMD22, "frame")(clip).pos)[0]
    expected = clip.pos[ROOT, [2, 2, 2, 3, 3, 3, 6, 7, 7]]
    torch.testing.assert_close(shift, expected)


def test_center_without_centre_uses_the_mean():
    clip = make_clip()
    clip.valid[ROOT] = False
    assert CenterRoot(UIPRMD22)(clip).pos.equal(CenterRoot(UIPRMD22, "mean")(clip).pos)


def test_center_mean_over_present_joints():
    clip = make_clip(2, missing=0.3)
    out = CenterRoot(UIPRMD22, "mean")(clip)
    torch.testing.assert_close(out.pos[out.valid].mean(dim=0), torch.zeros(3), atol=1e-6, rtol=0)


def test_center_is_the_skeletons_center_not_its_root():
    clip = make_clip(skeleton=NTU25, missing=0.0)
    joint = NTU25.index(NTU25.center_joint)
    assert joint != NTU25.index(NTU25.root)
    assert CenterRoot(NTU25)(clip).pos[joint, 0].abs().max() == 0


@pytest.mark.parametrize("transform", [CenterRoot(UIPRMD22, dims=2), ScaleBody(UIPRMD22, dims=2)])
def test_scores_stay(transform):
    clip = make_clip(channels=3)
    out = transform(clip)
    assert out.pos[..., 2].equal(clip.pos[..., 2])
    assert not out.pos[..., :2].equal(clip.pos[..., :2])
    assert transform(make_clip(channels=2)).pos.equal(transform(make_clip(channels=2)).pos)


@pytest.mark.parametrize("by", ["bones", "std"])
@pytest.mark.parametrize("frames", [1, 9])
@pytest.mark.parametrize("missing", [0.0, 0.1, 0.9])
def test_scale_alike_on_clip_and_batch(by, frames, missing):
    check_transform(ScaleBody(UIPRMD22, by), make_clips(frames=frames, missing=missing))


def test_scale_by_bones_makes_the_mean_bone_one():
    clip = make_clip(2, missing=0.2)
    out = ScaleBody(UIPRMD22, "bones")(clip)
    child, parent = UIPRMD22.bone_index
    tracks, valid = as_tracks(out.pos, V), as_tracks(out.valid, V)
    length = (tracks[:, child] - tracks[:, parent]).norm(dim=-1)
    assert length[valid[:, child] & valid[:, parent]].mean() == pytest.approx(1.0)


def test_scale_by_std_matches_numpy():
    clip = make_clip(2, missing=0.2)
    present = clip.pos[clip.valid].numpy()
    size = float(((present - present.mean(0)) ** 2).mean() ** 0.5)
    torch.testing.assert_close(ScaleBody(UIPRMD22, "std")(clip).pos, clip.pos / size)


@pytest.mark.parametrize(
    "transform",
    [
        CenterRoot(UIPRMD22),
        CenterRoot(UIPRMD22, "frame"),
        CenterRoot(UIPRMD22, "mean"),
        ScaleBody(UIPRMD22, "bones"),
        ScaleBody(UIPRMD22, "std"),
    ],
    ids=repr,
)
def test_what_a_missing_joint_holds_does_not_matter(transform):
    clip, damaged = make_clip(2), make_clip(2)
    damaged.pos[~damaged.valid] = float("nan")
    assert transform(damaged).pos[clip.valid].equal(transform(clip).pos[clip.valid])


@pytest.mark.parametrize("by", ["bones", "std"])
def test_scale_does_not_depend_on_size_and_leaves_a_point_alone(by):
    clip, large, point = make_clip(), make_clip(), make_clip()
    large.pos = large.pos * 1000
    torch.testing.assert_close(
        ScaleBody(UIPRMD22, by)(clip).pos, ScaleBody(UIPRMD22, by)(large).pos
    )
    point.pos = torch.full_like(point.pos, 2.0)
    assert ScaleBody(UIPRMD22, by)(point).pos.equal(point.pos)


def test_unknown_settings():
    with pytest.raises(ConfigError, match="mode 'median': expected one of"):
        CenterRoot(UIPRMD22, "median")
    with pytest.raises(ConfigError, match="by 'height': expected one of"):
        ScaleBody(UIPRMD22, "height")


def test_repr():
    assert repr(CenterRoot(UIPRMD22)) == "CenterRoot(uiprmd22, mode='first')"
    assert repr(ScaleBody(UIPRMD22)) == "ScaleBody(uiprmd22, by='bones')"
