import pytest
import torch
from model_helpers import make_batch, make_strl

from pyg_skeletonmae import layouts
from pyg_skeletonmae.errors import ConfigError

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


def test_a_layer_learns_its_own_adjacency_from_the_skeletons() -> None:
    plain, model = make_strl(local=True), make_strl(local=True, learn_adjacency=True)
    batch = make_batch(SKELETON)
    torch.testing.assert_close(model(batch)["logits"], plain(batch)["logits"])
    model(batch)["loss"].backward()
    for layer in model.encoder.layers:
        assert torch.equal(layer.adjacency, SKELETON.adjacency(self_loops=True))
        assert layer.adjacency.grad.ne(0).sum() > 0.9 * 22 * 22  # far joints as well
    with torch.no_grad():
        model.encoder.layers[0].adjacency.mul_(2)
    assert not torch.equal(model.encoder.layers[0].adjacency, model.encoder.layers[1].adjacency)


@pytest.mark.parametrize("conv", ["gcn", "gat"])
def test_other_convolutions_learn_no_adjacency(conv: str) -> None:
    with pytest.raises(ConfigError, match="learn_adjacency with conv"):
        make_strl(conv=conv, learn_adjacency=True)
