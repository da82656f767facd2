import pytest
import torch
from model_helpers import assert_gradients, make_batch
from torch_geometric.data import Batch

from pyg_skeletonmae import layouts
from pyg_skeletonmae.errors import CheckpointError, ConfigError, DataError
from pyg_skeletonmae.models import STRL, GraphSkeletonMAE, STRLEncoder

SKELETON = layouts.UIPRMD22


def make_model(**arguments: object) -> STRL:
    torch.manual_seed(0)
    fixed = {"frames": 8, "hidden_channels": 16, "depth": 2, **arguments}
    return STRL(SKELETON, 3, 3, **fixed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"join": "concat", "self_loops": False},
        {"tie_layers": True, "data_norm": True, "dropout": 0.1},
        {"num_layers": 2, "strides": [0, 1], "head": "linear", "conv": "gcn"},
    ],
    ids=str,
)
def test_forward_and_gradients(arguments: dict[str, object]) -> None:
    model = make_model(**arguments)
    out = model(make_batch(SKELETON))
    assert out["logits"].shape == (4, 3)
    out["loss"].backward()
    assert_gradients(model)


def test_time_is_halved_by_every_further_layer() -> None:
    encoder = make_model().encoder
    assert encoder(make_batch(SKELETON)).shape == (7, SKELETON.num_joints, 2, 16)


def test_spatial_modelling_as_printed() -> None:
    layer = make_model(strides=[0, 0, 0]).eval().encoder.layers[0]
    x = torch.randn(2, SKELETON.num_joints, 5, 16)
    adjacency = SKELETON.adjacency(self_loops=True)
    pooled = layer.encoders[0](x, adjacency).sum(1, keepdim=True).expand_as(x)
    expected = torch.relu(layer.norm(layer.linear(pooled + layer.residual(x))))
    torch.testing.assert_close(layer(x, adjacency, None), expected)


@pytest.mark.parametrize("persons", [(1,), (2, 1), (5, 2, 1)])
def test_any_number_of_persons_in_any_order(persons: tuple[int, ...]) -> None:
    model = make_model().eval()
    clip = make_batch(SKELETON, persons)[0]
    turned = clip.clone()
    turned.pos = clip.pos.view(persons[0], -1, 8, 3).flip(0).flatten(0, 1)
    scores = [model(Batch.from_data_list([c]))["logits"] for c in (clip, turned)]
    torch.testing.assert_close(*scores)


def test_separate_persons() -> None:
    model = make_model(share_persons=False)
    model(make_batch(SKELETON, (1, 2, 2)))["loss"].backward()
    assert_gradients(model)
    assert len(model.encoder.layers[0].encoders) == 2
    with pytest.raises(DataError, match="3 persons"):
        model(make_batch(SKELETON, (1, 3)))
    with pytest.raises(DataError, match="who is who"):
        model.encoder.encode_tracks(torch.randn(1, SKELETON.num_joints, 8, 3))


def test_separate_persons_of_equal_weights_are_shared_persons() -> None:
    shared, separate = make_model().eval(), make_model(share_persons=False).eval()
    weights = shared.state_dict()
    for name in separate.state_dict():
        weights[name] = weights[name.replace("encoders.1.", "encoders.0.")]
    separate.load_state_dict(weights)
    batch = make_batch(SKELETON, (1, 2))
    torch.testing.assert_close(shared(batch)["logits"], separate(batch)["logits"])


def test_from_pretrained_copies_every_encoder() -> None:
    pretrained = GraphSkeletonMAE(SKELETON, hidden_channels=16, depth=2, conv="gcn")
    model = STRL.from_pretrained(pretrained, 3, frames=8)
    for layer in model.encoder.layers:
        for name, value in layer.encoders[0].state_dict().items():
            assert torch.equal(value, pretrained.encoder.gnn.state_dict()[name])
    assert torch.equal(model.encoder.embed.weight, pretrained.encoder.embed.weight)
    assert model.config["init_args"]["conv"] == "gcn"
    with torch.no_grad():
        model.encoder.embed.weight.add_(1.0)
    assert not torch.equal(model.encoder.embed.weight, pretrained.encoder.embed.weight)


def test_frozen_graph_layers() -> None:
    pretrained = GraphSkeletonMAE(SKELETON, hidden_channels=16, depth=2)
    model = STRL.from_pretrained(pretrained, 3, frames=8, freeze=True)
    model(make_batch(SKELETON))["loss"].backward()
    assert model.encoder.embed.weight.grad is None
    assert all(p.grad is None for p in model.encoder.layers[1].encoders.parameters())
    assert model.encoder.layers[1].linear.weight.grad is not None


def test_pretrained_on_something_else() -> None:
    with pytest.raises(CheckpointError, match="joints of coco17"):
        make_model().load_pretrained(GraphSkeletonMAE(layouts.COCO17, hidden_channels=16, depth=2))
    with pytest.raises(CheckpointError, match="size mismatch"):
        make_model().load_pretrained(GraphSkeletonMAE(SKELETON, hidden_channels=8, depth=2))
    with pytest.raises(CheckpointError, match=r"layers\.2"):
        make_model().load_pretrained(GraphSkeletonMAE(SKELETON, hidden_channels=16, depth=3))
    with pytest.raises(TypeError, match="layrs"):
        STRL.from_pretrained(GraphSkeletonMAE(SKELETON, hidden_channels=16), 3, layrs=2)


def test_bad_input() -> None:
    with pytest.raises(DataError, match=r"Resample\(8\)"):
        make_model()(make_batch(SKELETON, frames=9))
    with pytest.raises(ConfigError, match="strides"):
        make_model(strides=[1])


def test_repr() -> None:
    encoder = "STRLEncoder(uiprmd22, frames=8, hidden=16, layers=3)"
    assert repr(make_model().encoder) == encoder
    assert repr(make_model()) == f"STRL({encoder}, classes=3)"
    assert isinstance(make_model().encoder, STRLEncoder)
