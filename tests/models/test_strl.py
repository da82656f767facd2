import pytest
import torch
from model_helpers import assert_gradients, make_batch, make_strl
from torch_geometric.data import Batch

from pyg_skeletonmae import layouts
from pyg_skeletonmae.errors import CheckpointError, ConfigError, DataError
from pyg_skeletonmae.models import STRL, GraphEncoder, GraphSkeletonMAE, STRLEncoder

SKELETON = layouts.UIPRMD22


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"join": "concat", "self_loops": False},
        {"joints": "concat", "segments": 2, "joint_embedding": True},
        {"tie_layers": True, "data_norm": True, "dropout": 0.1},
        {"num_layers": 2, "strides": [0, 1], "head": "linear", "conv": "gcn"},
    ],
    ids=str,
)
def test_forward_and_gradients(arguments: dict[str, object]) -> None:
    model = make_strl(**arguments)
    out = model(make_batch(SKELETON))
    assert out["logits"].shape == (4, 3)
    out["loss"].backward()
    assert_gradients(model)


@pytest.mark.parametrize("persons", [(1,), (2, 1), (5, 2, 1)])
def test_any_number_of_persons_in_any_order(persons: tuple[int, ...]) -> None:
    model = make_strl().eval()
    clip = make_batch(SKELETON, persons)[0]
    turned = clip.clone()
    turned.pos = clip.pos.view(persons[0], -1, 8, 3).flip(0).flatten(0, 1)
    scores = [model(Batch.from_data_list([c]))["logits"] for c in (clip, turned)]
    torch.testing.assert_close(*scores)


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
        make_strl().load_pretrained(GraphSkeletonMAE(layouts.COCO17, hidden_channels=16, depth=2))
    with pytest.raises(CheckpointError, match="size mismatch"):
        make_strl().load_pretrained(GraphSkeletonMAE(SKELETON, hidden_channels=8, depth=2))
    with pytest.raises(CheckpointError, match=r"layers\.2"):
        make_strl().load_pretrained(GraphSkeletonMAE(SKELETON, hidden_channels=16, depth=3))
    with pytest.raises(TypeError, match="layrs"):
        STRL.from_pretrained(GraphSkeletonMAE(SKELETON, hidden_channels=16), 3, layrs=2)


def test_bad_input() -> None:
    with pytest.raises(DataError, match=r"Resample\(8\)"):
        make_strl()(make_batch(SKELETON, frames=9))
    with pytest.raises(ConfigError, match="strides"):
        make_strl(strides=[1])


def test_repr() -> None:
    encoder = "STRLEncoder(uiprmd22, frames=8, hidden=16, layers=3)"
    assert repr(make_strl().encoder) == encoder
    assert repr(make_strl()) == f"STRL({encoder}, classes=3)"
    assert isinstance(make_strl().encoder, STRLEncoder)


def test_joint_embedding_is_copied_too() -> None:
    pretrained = GraphSkeletonMAE(SKELETON, hidden_channels=16, joint_embedding=True)
    encoder = STRL.from_pretrained(pretrained, 3, frames=8).encoder
    assert encoder.joint_embedding is not None and pretrained.encoder.joint_embedding is not None
    assert torch.equal(encoder.joint_embedding, pretrained.encoder.joint_embedding)
    with pytest.raises(CheckpointError, match="both have a joint embedding, or neither"):
        STRL.from_pretrained(pretrained, 3, frames=8, joint_embedding=False)


def test_a_global_group_is_refused_in_words() -> None:
    encoder = GraphEncoder(SKELETON, hidden_channels=8, global_group=True)
    strl = STRL(SKELETON, 3, 4, frames=8, hidden_channels=8)
    with pytest.raises(CheckpointError, match="global_group=True, and the layers of STRL have no"):
        strl.load_pretrained(encoder)
