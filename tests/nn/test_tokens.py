import pytest
import torch

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.nn.tokens import (
    gather_tokens,
    hidden_share,
    scatter_tokens,
    split_tokens,
    to_patches,
)


def test_patches_are_views_of_consecutive_frames() -> None:
    pos = torch.randn(2, 3, 8, 2)
    patches = to_patches(pos, 4)
    assert patches.shape == (2, 3, 2, 4, 2) and patches.data_ptr() == pos.data_ptr()
    assert torch.equal(patches[1, 2, 1, 3], pos[1, 2, 7])
    with pytest.raises(DataError, match="8 frames are no whole number of patches of 3"):
        to_patches(pos, 3)


def test_split_gives_visible_tokens_in_order() -> None:
    mask = torch.tensor([[[True, False], [False, True]], [[False, True], [True, False]]])
    for visible in (2, None):
        split = split_tokens(mask, visible)
        assert split.keep.tolist() == [[1, 2], [0, 3]]
        assert split.present is None


def test_split_fills_up_where_tracks_differ() -> None:
    mask = torch.tensor([[[True, False, True]], [[False, False, False]]])
    split = split_tokens(mask)
    assert split.keep[1].tolist() == [0, 1, 2]
    assert split.keep[0, 0] == 1
    assert split.present is not None
    assert split.present.tolist() == [[True, False, False], [True, True, True]]


def test_gather_then_scatter_restores_the_visible_tokens() -> None:
    generator = torch.Generator().manual_seed(0)
    mask = torch.rand(5, 3, 4, generator=generator) < 0.5
    x = torch.randn(5, 12, 2, generator=generator)
    split, fill = split_tokens(mask), torch.tensor([7.0, -7.0])
    places = scatter_tokens(gather_tokens(x, split.keep), split, fill)
    assert torch.equal(places, torch.where(mask.flatten(1)[..., None], fill, x))


def test_no_track_at_all_and_nothing_visible() -> None:
    assert split_tokens(torch.zeros(0, 2, 2, dtype=torch.bool)).keep.shape[0] == 0
    with pytest.raises(DataError, match="none is left to see"):
        split_tokens(torch.ones(1, 2, 2, dtype=torch.bool))


def test_share_counts_what_is_present() -> None:
    mask = torch.tensor([[[True, False], [False, False]]])  # tokens of two frames
    valid = torch.tensor([[[True, False, True, True], [True, True, False, False]]])
    assert hidden_share(mask, valid).item() == pytest.approx(1 / 5)
    assert hidden_share(mask, torch.zeros_like(valid)).item() == 0.0
