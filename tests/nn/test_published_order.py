import torch

from pyg_skeletonmae.nn.published_order import place_published, published_split

# One track of three joints and three steps; in the first two steps, a tube, joint 2 has the
# smallest score, in the last step joint 1. One joint stays visible.
RANKS = torch.tensor([[[1, 1, 2], [2, 2, 0], [0, 0, 1]]])


def test_by_hand() -> None:
    split, source = published_split(RANKS, 1)
    assert torch.equal(split.mask, RANKS > 0)
    assert split.keep.tolist() == [[2 * 3 + 0, 2 * 3 + 1, 1 * 3 + 2]]  # step after step
    # The list is [visible 0, 1, 2, mask ...]: the first row of three places holds all of them.
    assert source.view(3, 3).tolist() == [[1, 3, 3], [2, 3, 3], [0, 3, 3]]


def test_tokens_are_placed() -> None:
    split, source = published_split(RANKS, 1)
    x = torch.tensor([[[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]])
    placed = place_published(x, source, torch.tensor([-1.0, -2.0])).view(3, 3, 2)
    assert placed[:, 0, 0].tolist() == [2.0, 3.0, 1.0]
    assert torch.equal(placed[:, 1:], torch.tensor([-1.0, -2.0]).expand(3, 2, 2))
    assert split.present is None
