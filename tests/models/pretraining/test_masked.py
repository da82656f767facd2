"""What an encoder of masked clips and a backbone have to be."""

import pytest
import torch
from torch import Tensor

from pyg_skeletonmae import layouts
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.models.pretraining.masked import MaskedEncoder, MaskedView, STBackbone

BODY = layouts.UIPRMD22


class Steps(MaskedEncoder):
    """Nothing but the mean of every patch."""

    def encode_tracks(self, pos: Tensor) -> Tensor:
        self.check(pos)
        return pos.unflatten(2, (-1, self.frames_per_patch)).mean(3)


@pytest.mark.parametrize(("frames", "patch"), [(0, 4), (15, 4), (4, 8), (8, 0), (-8, 4), (8, -4)])
def test_clips_are_whole_numbers_of_patches(frames: int, patch: int) -> None:
    with pytest.raises(ConfigError, match=f"{frames} frames are no whole number .* of {patch}$"):
        Steps(BODY, 3, frames, 3, patch)


def test_tracks_that_fit() -> None:
    encoder = Steps(BODY, 2, 8, 2, 4)
    assert (encoder.in_channels, encoder.frames, encoder.frames_per_patch) == (2, 8, 4)
    for tracks in (0, 1, 5):
        pos = torch.zeros(tracks, BODY.num_joints, 8, 2)
        assert encoder.encode_tracks(pos).shape == (tracks, BODY.num_joints, 2, 2)


@pytest.mark.parametrize(
    ("shape", "advice"),
    [((22, 9, 3), "; Resample(8) them"), ((22, 8, 2), ""), ((21, 8, 3), ""), ((8, 22, 3), "; Re")],
    ids=str,
)
def test_tracks_that_do_not_fit(shape: tuple[int, ...], advice: str) -> None:
    """Resampling is advised where it is the frames that differ, and only there."""
    with pytest.raises(DataError) as raised:
        Steps(BODY, 3, 8, 3, 4).encode_tracks(torch.zeros(1, *shape))
    said = f"{list(shape)} for an encoder of [22, 8, 3]{advice}"
    assert said in str(raised.value) and ("Resample" in str(raised.value)) == bool(advice)


def test_parts_that_are_missing_are_told_at_once() -> None:
    class WithoutDecoder(STBackbone):
        mask = encoder = None

    with pytest.raises(TypeError, match=r"abstract method '?decoder"):
        WithoutDecoder()  # type: ignore[abstract]
    with pytest.raises(TypeError, match="encode_tracks"):
        MaskedEncoder(BODY, 3, 8, 3, 4)  # type: ignore[abstract]


def test_a_token_in_hidden_places_and_its_gradients() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 5, 3, 4, dtype=torch.double, requires_grad=True)
    token = torch.randn(4, dtype=torch.double, requires_grad=True)
    mask = torch.rand(2, 5, 3) < 0.5
    view = MaskedView(mask, mask, Draws(torch.arange(2)), token=token)
    out, expected = view.fill(x), torch.where(mask[..., None], token, x)
    assert torch.equal(out, expected)
    seed = torch.randn_like(x)
    found = torch.autograd.grad(out, [x, token], seed)
    for a, b in zip(found, torch.autograd.grad(expected, [x, token], seed), strict=True):
        torch.testing.assert_close(a, b)
