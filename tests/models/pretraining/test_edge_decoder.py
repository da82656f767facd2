import pytest
import torch

from pyg_skeletonmae import Skeleton, layouts
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models.pretraining.edge_decoder import EdgeDecoder
from pyg_skeletonmae.transforms.masking import draw_edge_mask

SKELETON = layouts.COCO17


def draws(rows: int = 5) -> Draws:
    return Draws.from_generator(rows, torch.Generator().manual_seed(0))


VALID = torch.ones(5, SKELETON.num_joints, 3, dtype=torch.bool)


def test_learns_which_pairs_are_bones() -> None:
    torch.manual_seed(0)
    decoder = EdgeDecoder(SKELETON, 32)
    joints = torch.randn(1, SKELETON.num_joints, 1, 32).expand(5, -1, 3, -1)
    optimizer = torch.optim.Adam(decoder.parameters(), lr=0.01)
    for step in range(150):
        key = Draws(torch.arange(5) + step)
        loss = decoder(joints, draw_edge_mask(SKELETON, 0.5, key), key, VALID)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.2


def test_nothing_hidden_is_zero() -> None:
    none = torch.zeros(5 * SKELETON.edge_index.size(1), dtype=torch.bool)
    encoded = torch.randn(5, SKELETON.num_joints, 3, 8)
    assert EdgeDecoder(SKELETON, 8)(encoded, none, draws(), VALID) == 0


def test_joints_that_are_missing_are_not_scored() -> None:
    decoder, mask = EdgeDecoder(SKELETON, 8), draw_edge_mask(SKELETON, 0.9, draws())
    encoded = torch.randn(5, SKELETON.num_joints, 3, 8, requires_grad=True)
    assert decoder(encoded, mask, draws(), torch.zeros_like(VALID)) == 0
    valid = VALID.clone()
    valid[0, 2], valid[1, 4, 1] = False, False  # never there; away for a frame
    decoder(encoded, mask, draws(), valid).backward()
    seen = encoded.grad.abs().sum(-1) > 0
    assert not seen[~valid].any() and seen[1, 4].tolist() == [True, False, True]


def test_needs_a_pair_without_a_bone() -> None:
    pair = Skeleton("pair", ("a", "b"), (("b", "a"),), "a")
    with pytest.raises(ConfigError, match="every pair of joints is a bone"):
        EdgeDecoder(pair, 8)
