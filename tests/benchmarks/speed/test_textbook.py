import torch
from speed.textbook import TextbookMAE, TextbookSTGCN

from pyg_skeletonmae.layouts import NTU25
from pyg_skeletonmae.models import STGCNEncoder


def test_hidden_patches_are_scored_alone() -> None:
    torch.manual_seed(0)
    model = TextbookMAE(6, 4, 8, 1, 1, 2)
    patches, keep = torch.randn(2, 6, 4), torch.tensor([[0, 2], [1, 5]])
    loss = model(patches, keep)
    loss.backward()
    assert all(weight.grad is not None for weight in model.parameters())
    changed = patches.clone().requires_grad_()
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.zero_()
    model(changed, keep).backward()
    assert (changed.grad.gather(1, keep[..., None].expand(-1, -1, 4)) == 0).all()
    assert (changed.grad != 0).sum() == 2 * 4 * 4


def test_the_textbook_has_the_sizes_of_ours() -> None:
    ours, plain = STGCNEncoder(NTU25, 3, [16, 32]), TextbookSTGCN(NTU25, [16, 32])
    sizes = [sum(weight.numel() for weight in model.parameters()) for model in (ours, plain)]
    pos = torch.randn(2, 25, 8, 3)
    assert plain(pos).shape == (2, 32, 4, 25) and ours.encode_tracks(pos).shape == (2, 25, 4, 32)
    assert abs(sizes[0] - sizes[1]) < 0.05 * sizes[0]
