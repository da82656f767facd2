import torch
from torch import nn

from pyg_skeletonmae.nn.norm import BatchNormLast, channel_norm


def test_batch_norm_equals_flat_batch_norm() -> None:
    x = torch.randn(3, 5, 4, 6)
    ours, reference = BatchNormLast(6), nn.BatchNorm1d(6)
    torch.testing.assert_close(ours(x), reference(x.view(-1, 6)).view(x.shape))
    assert ours.state_dict().keys() == reference.state_dict().keys()


def test_batch_norm_takes_any_layout() -> None:
    x = torch.randn(3, 4, 5, 6).transpose(1, 2)
    out = BatchNormLast(6)(x)
    torch.testing.assert_close(out.flatten(0, 2).mean(0), torch.zeros(6), atol=1e-6, rtol=0)


def test_channel_norm() -> None:
    assert repr(channel_norm(4, "batch")).startswith("BatchNormLast(4")
    x = torch.randn(2, 3, 4)
    torch.testing.assert_close(channel_norm(4, "layer")(x), nn.functional.layer_norm(x, (4,)))
