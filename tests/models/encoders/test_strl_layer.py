import torch
from model_helpers import make_strl

from pyg_skeletonmae import layouts

SKELETON = layouts.UIPRMD22


def test_spatial_modelling_as_printed() -> None:
    layer = make_strl(strides=[0, 0, 0]).eval().encoder.layers[0]
    x = torch.randn(2, SKELETON.num_joints, 5, 16)
    adjacency = SKELETON.adjacency(self_loops=True)
    pooled = layer.encoders[0](x, adjacency).sum(1, keepdim=True).expand_as(x)
    expected = torch.relu(layer.norm(layer.linear(pooled + layer.residual(x))))
    torch.testing.assert_close(layer(x, adjacency, None), expected)


def test_concatenation_keeps_both_sides_apart() -> None:
    layer = make_strl(strides=[0, 0, 0], join="concat").eval().encoder.layers[0]
    x = torch.randn(2, SKELETON.num_joints, 5, 16)
    adjacency = SKELETON.adjacency(self_loops=True)
    pooled = layer.encoders[0](x, adjacency).sum(1, keepdim=True).expand_as(x)
    joined = torch.cat([pooled, layer.residual(x)], dim=-1)
    torch.testing.assert_close(
        layer(x, adjacency, None), torch.relu(layer.norm(layer.linear(joined)))
    )


def test_local_encodings_stay_with_their_joints() -> None:
    torch.manual_seed(0)
    layer = make_strl(strides=[0, 0, 0], local=True).eval().encoder.layers[0]
    x = torch.randn(2, SKELETON.num_joints, 5, 16)
    adjacency = SKELETON.adjacency(self_loops=True)
    encoded = layer.encoders[0](x, adjacency)
    joined = encoded.sum(1, keepdim=True) + layer.residual(x) + encoded
    torch.testing.assert_close(
        layer(x, adjacency, None), torch.relu(layer.norm(layer.linear(joined)))
    )
