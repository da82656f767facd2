import torch

from pyg_skeletonmae import layouts
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.models.pretraining.draw_split import draw_split
from pyg_skeletonmae.transforms import PartMask, RandomTokenMask


def test_policies_with_and_without_a_known_count() -> None:
    skeleton = layouts.UIPRMD22
    patches = torch.zeros(4, skeleton.num_joints, 5, 2, 3)
    split = draw_split(RandomTokenMask(0.9), patches, skeleton, Draws(torch.arange(4)))
    assert split.keep.shape == (4, 11) and split.present is None
    split = draw_split(PartMask("random"), patches, skeleton, Draws(torch.arange(4)))
    visible = (~split.mask).flatten(1).sum(1)
    assert split.keep.size(1) == visible.max()
    if split.present is not None:
        assert torch.equal(split.present.sum(1), visible)
