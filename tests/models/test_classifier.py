import json

import pytest
import torch
from model_helpers import assert_gradients, make_batch, make_clip
from torch import Tensor, nn
from torch_geometric.data import Batch, Data

from pyg_skeletonmae import layouts
from pyg_skeletonmae.batch import as_tracks, tracks_edge_index
from pyg_skeletonmae.errors import ArgumentError, CheckpointError, ConfigError, DataError
from pyg_skeletonmae.models import Classifier, GraphEncoder
from pyg_skeletonmae.models.base import SkeletonEncoder, SkeletonModel
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.training import load_release, save_release
from pyg_skeletonmae.transforms import KeepPersons, UniformSample

SKELETON = layouts.COCO17


def make_model(**arguments: object) -> Classifier:
    encoder = GraphEncoder(SKELETON, in_channels=2, hidden_channels=16)
    return Classifier(encoder, 3, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"head": "linear"},
        {"joints": "concat", "segments": 2},
        {"label_smoothing": 0.1},
        {"head": "mean-linear"},
        {"head": "bn-linear", "norm_eps": 1e-6},
        {"head": "bn-linear", "joints": "concat", "segments": 2, "dropout": 0.1},
        {"head": "joints-mlp", "hidden": 32},
    ],
    ids=str,
)
def test_forward_and_gradients(arguments: dict[str, object]) -> None:
    model = make_model(**arguments)
    out = model(make_batch(SKELETON, channels=2))
    assert out["logits"].shape == (4, 3)
    out["loss"].backward()
    assert_gradients(model)


def test_published_heads() -> None:
    probe = make_model(head="bn-linear", norm_eps=1e-6)
    norm = probe.head[0]
    assert norm.eps == 1e-6 and not norm.affine and probe.head[2].in_features == 16
    tuned = make_model(head="joints-mlp")
    assert tuned.head[0].weight.shape == (2048, 17 * 16) and tuned.token_dropout.p == 0.3


def test_dropout_of_tokens_stops_in_evaluation() -> None:
    batch = make_batch(SKELETON, channels=2)
    model = make_model(head="joints-mlp", hidden=8, dropout=0.9).eval()
    torch.testing.assert_close(model(batch)["logits"], model(batch)["logits"])
    model.token_dropout.train()
    assert (model(batch)["logits"] - model(batch)["logits"]).abs().max() > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"head": "svm"}, "head 'svm': expected one of linear, mlp, mean-linear"),
        ({"head": "mean-linear", "joints": "concat"}, "pools joints by 'mean'"),
        ({"head": "joints-mlp", "joints": "mean"}, "pools joints by 'concat'"),
        ({"head": "joints-mlp", "segments": 2}, "segments=2"),
    ],
)
def test_settings_that_do_not_fit_the_head(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_model(**arguments)


def test_without_labels_there_is_no_loss() -> None:
    batch = make_batch(SKELETON, channels=2)
    del batch.y
    assert set(make_model()(batch)) == {"logits"}


def test_order_of_persons_does_not_matter() -> None:
    model = make_model().eval()
    clip = make_batch(SKELETON, (3,), channels=2)[0]
    turned = clip.clone()
    turned.pos = clip.pos.view(3, -1, 8, 2)[[2, 0, 1]].flatten(0, 1)
    scores = [model(Batch.from_data_list([c]))["logits"] for c in (clip, turned)]
    torch.testing.assert_close(*scores)


def test_frozen_encoder_stays_as_it_is() -> None:
    model = make_model(freeze_encoder=True).train()
    before = {name: value.clone() for name, value in model.encoder.state_dict().items()}
    model(make_batch(SKELETON, channels=2))["loss"].backward()
    assert all(p.grad is None for p in model.encoder.parameters())
    assert all(torch.equal(before[k], v) for k, v in model.encoder.state_dict().items())
    assert model.head.training and not model.encoder.training


def test_bad_input() -> None:
    batch = make_batch(SKELETON, channels=2)
    batch.y[0] = 7
    with pytest.raises(DataError, match=r"labels 0\.\.7|labels 1\.\.7"):
        make_model()(batch)
    with pytest.raises(ConfigError, match="num_classes 1"):
        Classifier(GraphEncoder(SKELETON, 2), 1)
    with pytest.raises(DataError, match="another skeleton"):
        make_model()(make_batch(layouts.UIPRMD22, (1,), channels=2))


def test_repr() -> None:
    assert repr(make_model()).endswith("conv=SkeletonGINConv), classes=3)")


# Encoders of one's own ---------------------------------------------------------------------------


class Plain(nn.Module):
    """Has what an encoder needs, and knows nothing of this library's classes."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.linear = nn.Linear(2, width)
        self.out_channels, self.skeleton = width, SKELETON

    def encode_tracks(self, pos: Tensor) -> Tensor:
        return self.linear(pos)


class Recorded(SkeletonModel):
    """The same, but it knows its arguments."""

    def __init__(self, skeleton: Skeleton, width: int = 4, **more: int) -> None:
        super().__init__()
        self.inner = Plain(width + more.get("extra", 0))
        self.out_channels, self.skeleton = self.inner.out_channels, skeleton

    def encode_tracks(self, pos: Tensor) -> Tensor:
        return self.inner.encode_tracks(pos)


class Derived(SkeletonEncoder):
    """The usual way: batches are read by its base."""

    def __init__(self, skeleton: Skeleton) -> None:
        super().__init__(skeleton, 5)
        self.linear = nn.Linear(2, 5)

    def encode_tracks(self, pos: Tensor) -> Tensor:
        return self.linear(pos)


@pytest.mark.parametrize("joints", ["mean", "concat"])
@pytest.mark.parametrize(
    "encoder", [Plain(), Recorded(SKELETON, 3, extra=2), Derived(SKELETON)], ids=type
)
def test_any_module_that_encodes_tracks(encoder: nn.Module, joints: str) -> None:
    model = Classifier(encoder, 3, joints=joints)
    out = model(make_batch(SKELETON, channels=2))
    assert out["logits"].shape == (4, 3)
    out["loss"].backward()
    assert_gradients(model)
    assert model.config["init_args"]["encoder"]["class_path"] == type(encoder).__name__


@pytest.mark.parametrize("encoder", [Recorded(SKELETON, 3, extra=2), Derived(SKELETON)], ids=type)
def test_an_encoder_of_ones_own_comes_back(encoder: nn.Module, tmp_path) -> None:
    model = Classifier(encoder, 3, "linear").eval()
    folder = save_release(model, tmp_path / "release")
    again = load_release(folder, classes=(type(encoder),))
    assert isinstance(again, Classifier) and type(again.encoder) is type(encoder)
    batch = make_batch(SKELETON, channels=2)
    assert torch.equal(again(batch)["logits"], model(batch)["logits"])
    with pytest.raises(CheckpointError, match=f"unknown class '{type(encoder).__name__}'"):
        load_release(folder)
    for wrong in (nn.Linear, GraphEncoder):
        with pytest.raises(CheckpointError, match="unknown class"):
            load_release(folder, classes=(wrong,))


def test_an_encoder_that_does_not_know_its_arguments_has_no_release(tmp_path) -> None:
    model = Classifier(Plain(), 3)
    json.dumps(model.config)
    with pytest.raises(CheckpointError, match=r"^Plain has no config .* derive the class from"):
        save_release(model, tmp_path / "release")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encode_tracks": None}, "encoder: Plain has no method encode_tracks"),
        ({"out_channels": "4"}, "Plain.out_channels: expected a whole number, found '4'"),
        ({"skeleton": "coco17"}, "Plain.skeleton: expected a Skeleton, found 'coco17'"),
    ],
)
def test_what_is_no_encoder(change: dict[str, object], message: str) -> None:
    encoder = Plain()
    encoder.__dict__.update(change)
    with pytest.raises(ArgumentError, match=message):
        Classifier(encoder, 3)
    with pytest.raises(ArgumentError, match="encoder: Linear has no method encode_tracks"):
        Classifier(nn.Linear(2, 2), 3)
    with pytest.raises(ArgumentError, match="Classifier: encoder: expected Module, found 3"):
        Classifier(3, 3)  # type: ignore[arg-type]


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("head", ["mean-linear", "joints-mlp"])
def test_what_is_missing_does_not_enter_the_head(share: float, head: str) -> None:
    """Whatever an encoder makes of missing joints, scores are those of what is there."""

    class Telling(GraphEncoder):
        """Says of every joint whether it reads a zero, which missing ones are read as."""

        def encode_tracks(self, pos):
            absent = (pos == 0).all(-1, keepdim=True)
            return torch.where(absent, self.value, super().encode_tracks(pos))

    torch.manual_seed(0)
    encoder = Telling(SKELETON, 2, hidden_channels=4)
    model = Classifier(encoder, 3, head, hidden=4).eval()
    data = Data(pos=torch.rand(17, 6, 2) + 0.1, num_tracks=torch.tensor([1]))
    data.valid = torch.rand(17, 6) >= share
    encoder.value = 0.0
    scores = model(data)["logits"]
    encoder.value = 9.0
    torch.testing.assert_close(model(data)["logits"], scores)
    data.valid = torch.ones(17, 6, dtype=torch.bool)
    whole = model(data)["logits"]
    del data.valid
    assert torch.equal(model(data)["logits"], whole)


@pytest.mark.parametrize("head", ["mean-linear", "joints-mlp"])
def test_what_stands_for_an_absent_person(head: str) -> None:
    torch.manual_seed(0)
    models = {fill: make_model(head=head, absent=fill).eval() for fill in ("none", "zeros", "loop")}
    for model in models.values():
        model.load_state_dict(models["none"].state_dict())
    lone, pair = (make_batch(SKELETON, (persons,), channels=2) for persons in (1, 2))
    scores = {fill: model(lone)["logits"] for fill, model in models.items()}
    both = KeepPersons(2, "zeros")(lone)
    assert not both.pos[17:].any()
    torch.testing.assert_close(scores["zeros"], models["none"](both)["logits"])
    torch.testing.assert_close(scores["loop"], scores["none"])
    assert (scores["zeros"] - scores["none"]).abs().max() > 1e-3
    for model in models.values():  # nobody is absent
        torch.testing.assert_close(model(pair)["logits"], models["none"](pair)["logits"])
    assert lone.num_tracks.tolist() == [1]
    with pytest.raises(ConfigError, match="absent 'zero'"):
        make_model(absent="zero")


@pytest.mark.parametrize("absent", ["none", "zeros"])
def test_scores_of_views_are_the_mean_of_their_logits(absent: str) -> None:
    torch.manual_seed(0)
    model = make_model(head="mlp", absent=absent).eval()
    clips = [make_clip(SKELETON, persons, 20, 2, persons) for persons in (1, 2)]
    batch = UniformSample(8, views=3, train=False)(Batch.from_data_list(clips))
    views = as_tracks(batch.pos, 17)
    alone = []
    for tracks in (views[:1], views[1:2], views[2:3], views[3:5], views[5:7], views[7:9]):
        edges = tracks_edge_index(SKELETON, len(tracks))
        count = torch.tensor([len(tracks)])
        clip = Data(pos=tracks.flatten(0, 1), edge_index=edges, num_tracks=count)
        alone.append(model(clip)["logits"])
    out = model(batch)
    torch.testing.assert_close(out["logits"], torch.cat(alone).view(2, 3, 3).mean(1))
    assert out["loss"].isfinite()
