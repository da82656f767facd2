"""What holds for every model: it trains, runs in half precision, and comes back from disk."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from model_helpers import assert_gradients, make_batch
from torch import nn

from pyg_skeletonmae import Skeleton, layouts
from pyg_skeletonmae.models import (
    STGCN,
    STRL,
    AttentionDecoder,
    BoneTarget,
    Classifier,
    GraphEncoder,
    GraphSkeletonMAE,
    GraphTemporalEncoder,
    LatentTarget,
    MaskedPretrainer,
    MixingDecoder,
    Skeleton2Vec,
    SkeletonModel,
    STEncoder,
    STGCNEncoder,
    STRLEncoder,
    STSkeletonMAE,
    STTFormerBackbone,
    STTFormerEncoder,
    ViTBackbone,
    WeightedTargets,
)
from pyg_skeletonmae.training import OptimConfig, Trainer, load_release, save_release
from pyg_skeletonmae.transforms import MotionMask, MotionTubeMask

FRAMES = 12
SMALL = ViTBackbone(3, 16, 2, 2, decoder_channels=16, decoder_depth=1)
TUPLES = STTFormerBackbone(
    3, channels=[(8, 8, 4), (8, 8, 4)], heads=2, decoder_channels=[(8, 8, 4)]
)
Make = Callable[..., SkeletonModel]


def st_classifier(skeleton: Skeleton, in_channels: int, head: str) -> Classifier:
    encoder = STEncoder(skeleton, in_channels, FRAMES, 3, 16, 2, 2)
    return Classifier(encoder, 3, head=head, hidden=16)


MODELS: dict[str, Make] = {
    "graph_mae": partial(GraphSkeletonMAE, hidden_channels=16),
    "graph_mae-edges": partial(
        GraphSkeletonMAE, hidden_channels=16, edge_ratio=0.2, edge_weight=1.0
    ),
    "st_mae-vit": partial(STSkeletonMAE, frames=FRAMES, backbone=SMALL),
    "st_mae-time": partial(STSkeletonMAE, frames=FRAMES, backbone=SMALL, target_norm="time"),
    "mamp": partial(
        STSkeletonMAE, frames=FRAMES, backbone=SMALL, mask=MotionMask(0.8), target="motion"
    ),
    "st_mae-sttformer": partial(STSkeletonMAE, frames=FRAMES, backbone=TUPLES),
    "skeleton2vec": partial(
        Skeleton2Vec, frames=FRAMES, backbone=SMALL, mask=MotionTubeMask(0.8, 2), ema_steps=10
    ),
    "skeleton2vec-published": partial(
        Skeleton2Vec,
        frames=FRAMES,
        backbone=SMALL,
        mask=MotionTubeMask(0.8, 2, keep="published"),
        decoder_order="published",
        views=2,
    ),
    "graph_mae-drop": partial(
        GraphSkeletonMAE, hidden_channels=16, target="coordinates", loss="squared", hidden="drop"
    ),
    "masked-st_gcn": lambda skeleton, in_channels: MaskedPretrainer(
        STGCNEncoder(skeleton, in_channels, [16, 32], global_group=True),
        decoder=MixingDecoder(hidden="drop"),
    ),
    "masked-graph_temporal": lambda skeleton, in_channels: MaskedPretrainer(
        GraphTemporalEncoder(skeleton, in_channels, FRAMES, 3, 16, 2),
        decoder=MixingDecoder(hidden="drop"),
    ),
    "masked-attention": lambda skeleton, in_channels: MaskedPretrainer(
        GraphTemporalEncoder(
            skeleton, in_channels, FRAMES, 3, 16, 2, norm="layer", joint_gain=True
        ),
        decoder=AttentionDecoder(heads=2, average_weight=3.0),
    ),
    "masked-latent": lambda skeleton, in_channels: MaskedPretrainer(
        STTFormerEncoder(skeleton, in_channels, FRAMES, 3, [(8, 8, 4), (8, 16, 4)], 2),
        target=WeightedTargets([BoneTarget(), LatentTarget(steps=10)], [1.0, 0.5]),
        views=2,
    ),
    "strl": partial(STRL, num_classes=3, frames=FRAMES, hidden_channels=16, depth=2),
    "strl-adjacency": partial(
        STRL,
        num_classes=3,
        frames=FRAMES,
        hidden_channels=16,
        depth=2,
        local=True,
        learn_adjacency=True,
    ),
    "st_gcn": partial(STGCN, num_classes=3, channels=[16, 16, 32]),
    "classifier-linear": lambda skeleton, in_channels: Classifier(
        GraphEncoder(skeleton, in_channels, 16), 3, head="linear"
    ),
    "classifier-bn-linear": partial(st_classifier, head="bn-linear"),
    "classifier-joints-mlp": partial(st_classifier, head="joints-mlp"),
}
CHAIN = Skeleton.from_parents(
    "snake",
    [f"j{i}" for i in range(31)],
    range(-1, 30),
    parts={"front": ("j0", "j1"), "middle": ("j12", "j13"), "side": ("j9",), "rear": ("j30",),
           "tail": ("j29",), "tip": ("j28",)},
)  # fmt: skip
BODIES = [layouts.COCO17, layouts.UIPRMD22, layouts.NTU25, CHAIN]
EXEMPT = (
    "keys.bias", "qkv.bias", "head.0.bias", "embed.bias", "gamma_1", "gamma_2", "residual.bias",
)  # fmt: skip


def make(name: str, skeleton: Skeleton = layouts.UIPRMD22, channels: int = 3) -> SkeletonModel:
    torch.manual_seed(0)
    return MODELS[name](skeleton, in_channels=channels)


def clips(skeleton: Skeleton = layouts.UIPRMD22, channels: int = 3):
    return make_batch(skeleton, (1, 2, 3, 1), FRAMES, channels)


@pytest.mark.parametrize("channels", [2, 3])
@pytest.mark.parametrize("skeleton", BODIES, ids=lambda body: body.name)
@pytest.mark.parametrize("name", MODELS)
def test_trains_on_any_body(name: str, skeleton: Skeleton, channels: int) -> None:
    model = make(name, skeleton, channels)
    out = model(clips(skeleton, channels))
    assert out["loss"].ndim == 0 and out["loss"].isfinite()
    out["loss"].backward()
    assert_gradients(model, EXEMPT)


@pytest.mark.parametrize("name", MODELS)
def test_bfloat16_agrees_loosely(name: str) -> None:
    model, batch = make(name).eval(), clips()
    expected = model(batch)["loss"]
    with torch.autocast("cpu", torch.bfloat16):
        found = model(batch)["loss"]
    torch.testing.assert_close(found.float(), expected, rtol=0.1, atol=0.02)


@pytest.mark.parametrize("name", MODELS)
def test_release_round_trip(name: str, tmp_path: Path) -> None:
    model, batch = make(name).eval(), clips()
    save_release(model, tmp_path / "release")
    again = load_release(tmp_path / "release")
    assert type(again) is type(model)
    assert torch.equal(again(batch)["loss"], model(batch)["loss"])


class Batches:
    """The same batch over and over: a loader with as little to it as the Trainer needs."""

    def __init__(self) -> None:
        self.batch = clips()

    def __len__(self) -> int:
        return 2

    def __iter__(self):
        return iter([self.batch, self.batch])


def train(model: nn.Module, folder: Path, epochs: int, resume: bool = False) -> dict[str, float]:
    trainer = Trainer(max_epochs=epochs, optim=OptimConfig(lr=1e-3), accelerator="cpu")
    return trainer.fit(model, Batches(), run_dir=folder, resume=resume)


@pytest.mark.parametrize("name", MODELS)
def test_resumed_equals_uninterrupted(name: str, tmp_path: Path) -> None:
    whole, halves = make(name), make(name)
    train(whole, tmp_path / "whole", epochs=2)
    train(halves, tmp_path / "halves", epochs=1)
    again = make(name)
    train(again, tmp_path / "halves", epochs=2, resume=True)
    for key, value in whole.state_dict().items():
        assert torch.equal(again.state_dict()[key], value), key


ENCODERS: dict[str, Make] = {
    "gin": partial(GraphEncoder, hidden_channels=16),
    "gcn": partial(GraphEncoder, hidden_channels=16, conv="gcn", joint_embedding=True),
    "gat": partial(GraphEncoder, hidden_channels=16, conv="gat", norm="layer"),
    "st": lambda skeleton, frames: STEncoder(skeleton, 3, frames, min(frames, 3), 16, 2, 2),
    "st-long": lambda skeleton, frames: STEncoder(skeleton, 3, frames, 1, 16, 2, 2),  # fused
    "sttformer": lambda skeleton, frames: STTFormerEncoder(
        skeleton, 3, frames, min(frames, 3), [(8, 8, 4), (8, 16, 4)]
    ),
    "strl": lambda skeleton, frames: STRLEncoder(
        skeleton, 3, frames, 16, depth=2, data_norm=True, local=True
    ),
    "strl-concat": lambda skeleton, frames: STRLEncoder(
        skeleton, 3, frames, 16, join="concat", strides=[0, 1, 2]
    ),
    "graph_temporal": lambda skeleton, frames: GraphTemporalEncoder(
        skeleton, 3, frames, min(frames, 3), 16, 2
    ),
    "graph_temporal-layer": lambda skeleton, frames: GraphTemporalEncoder(
        skeleton, 3, frames, 1, 16, 2, norm="layer", global_group=False
    ),
    "st_gcn": partial(STGCNEncoder, channels=[16, 32]),
}
FRAMELESS = ("gin", "gcn", "gat", "st_gcn")  # clips of any length


def make_encoder(name: str, frames: int = FRAMES) -> SkeletonModel:
    torch.manual_seed(0)
    made = ENCODERS[name]
    encoder = made(layouts.UIPRMD22) if name in FRAMELESS else made(layouts.UIPRMD22, frames=frames)
    return encoder.eval()


def tracks(count: int = 5, frames: int = FRAMES) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, layouts.UIPRMD22.num_joints, frames, 3, generator=generator)


def views(pos: torch.Tensor) -> dict[str, torch.Tensor]:
    """The same numbers, laid out in memory otherwise."""
    return {
        "MTVC": pos.transpose(1, 2).contiguous().transpose(1, 2),
        "CTVM": pos.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0),
        "every second": pos.repeat_interleave(2, dim=2)[:, :, ::2],
        "a slice": torch.cat([pos, pos], dim=3)[..., : pos.size(3)],
        "from behind": pos.flip(0)[torch.arange(len(pos) - 1, -1, -1)],
    }


@pytest.mark.parametrize("name", ENCODERS)
def test_encoders_take_tracks_however_they_lie_in_memory(name: str) -> None:
    encoder, pos = make_encoder(name), tracks()
    expected = encoder.encode_tracks(pos)
    for layout, view in views(pos).items():
        torch.testing.assert_close(encoder.encode_tracks(view), expected, msg=layout)
    encoder.train().encode_tracks(views(pos)["CTVM"].requires_grad_()).sum().backward()


@pytest.mark.parametrize("name", ENCODERS)
def test_encoders_take_one_track_or_none(name: str) -> None:
    encoder, pos = make_encoder(name), tracks()
    expected = encoder.encode_tracks(pos)
    torch.testing.assert_close(encoder.encode_tracks(pos[:1]), expected[:1], rtol=1e-4, atol=1e-5)
    assert encoder.encode_tracks(pos[:0]).shape == (0, *expected.shape[1:])


@pytest.mark.parametrize("name", ENCODERS)
def test_encoders_take_a_single_frame(name: str) -> None:
    features = make_encoder(name, 1).encode_tracks(tracks(2, 1))
    assert features.shape[:3] == (2, layouts.UIPRMD22.num_joints, 1) and features.isfinite().all()


@pytest.mark.parametrize("name", ENCODERS)
def test_encoders_in_other_precisions(name: str) -> None:
    expected = make_encoder(name).encode_tracks(tracks())
    wide = make_encoder(name).double()
    found = wide.encode_tracks(tracks().double())
    assert found.dtype == torch.float64
    torch.testing.assert_close(found.float(), expected, rtol=1e-3, atol=1e-4)
    assert wide(clips()).dtype == torch.float64  # clips are float32 as ever
    half = make_encoder(name).bfloat16()
    found = half.encode_tracks(tracks().bfloat16())
    assert found.dtype == half(clips()).dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected, rtol=0.2, atol=0.2)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("name", MODELS)
def test_models_train_in_other_precisions(name: str, dtype: torch.dtype) -> None:
    expected, model = make(name)(clips())["loss"], make(name).to(dtype)
    out = model(clips())
    torch.testing.assert_close(out["loss"].float(), expected, rtol=0.2, atol=0.05)
    out["loss"].backward()
    assert_gradients(model, (*EXEMPT, "weight", "bias", "scale", "base", "token", "importance"))


@pytest.mark.parametrize("name", MODELS)
def test_trains_in_float64_from_float32_clips(name: str) -> None:
    model = make(name)
    trainer = Trainer(max_epochs=1, precision="64-true", accelerator="cpu")
    assert trainer.fit(model, Batches(), lambda net: {"loss": float(net(clips())["loss"])})
    assert {p.dtype for p in model.parameters()} == {torch.float64}


@pytest.mark.slow
def test_compiled_equals_eager() -> None:
    model, batch = make("st_mae-vit"), clips()
    expected = model(batch)["loss"]
    torch.testing.assert_close(torch.compile(model)(batch)["loss"], expected, rtol=1e-4, atol=1e-5)
