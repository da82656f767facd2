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
    Classifier,
    GraphEncoder,
    GraphSkeletonMAE,
    Skeleton2Vec,
    SkeletonModel,
    STEncoder,
    STSkeletonMAE,
    STTFormerBackbone,
    ViTBackbone,
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
    "strl": partial(STRL, num_classes=3, frames=FRAMES, hidden_channels=16, depth=2),
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


@pytest.mark.slow
def test_compiled_equals_eager() -> None:
    model, batch = make("st_mae-vit"), clips()
    expected = model(batch)["loss"]
    torch.testing.assert_close(torch.compile(model)(batch)["loss"], expected, rtol=1e-4, atol=1e-5)
