"""The recorded runs of the public Skeleton2vec, in this library's layout."""

import pytest
import torch
from nn_helpers import model_oracle
from st_helpers import SKELETON, weights
from torch import Tensor

from pyg_skeletonmae import Skeleton, layouts
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.models import Skeleton2Vec, ViTBackbone
from pyg_skeletonmae.models.checkpoints.names import load_public
from pyg_skeletonmae.models.checkpoints.skeleton2vec import drop_average
from pyg_skeletonmae.models.checkpoints.skeleton2vec_names import skeleton2vec_source
from pyg_skeletonmae.transforms import MotionTubeMask

FRAMES, PATCH = 30, 3
STEPS = FRAMES // PATCH
BACKBONE = ViTBackbone(
    frames_per_patch=PATCH, hidden_channels=32, depth=2, heads=4, layer_scale=1e-4, norm_eps=1e-6,
    time_embedding="zero", decoder_channels=24, decoder_depth=1, init="normal",
)  # fmt: skip
SMALL = ViTBackbone(
    frames_per_patch=2, hidden_channels=16, depth=2, heads=2, mlp_ratio=2.0, layer_scale=0.1,
    time_embedding="zero", decoder_channels=8, decoder_depth=1,
)  # fmt: skip


def s2v_oracle(name: str = "s2v") -> dict[str, Tensor]:
    return model_oracle(f"{name}_tiny.npz")


def s2v_tracks(x: Tensor) -> Tensor:
    """``[B, clips, M, T, V, C]`` as tracks ``[B * clips * M, V, T, C]``."""
    return x.flatten(0, 2).transpose(1, 2).contiguous()


def s2v_model(oracle: dict[str, Tensor], **settings: object) -> Skeleton2Vec:
    """A model with the recorded weights, by default in the recorded configuration."""
    arguments = {
        "mask": MotionTubeMask(0.9, 5, 0.1, "published"), "ema_start": 0.9, "ema_steps": 4,
        "decoder_order": "published",
    } | settings  # fmt: skip
    model = Skeleton2Vec(SKELETON, 3, FRAMES, BACKBONE, **arguments)  # type: ignore[arg-type]
    state = weights(oracle)
    drop_average(state)
    load_public(model, state, skeleton2vec_source)
    return model


def replay(monkeypatch: pytest.MonkeyPatch, noise: Tensor) -> None:
    """Lets every uniform draw be the recorded one: time-major ``[P, tubes or steps, V]``."""
    monkeypatch.setattr(Draws, "uniform", lambda self, *shape: noise.transpose(1, 2))


def make_s2v(skeleton: Skeleton = layouts.UIPRMD22, **arguments: object) -> Skeleton2Vec:
    """A small model for clips of 16 frames."""
    torch.manual_seed(0)
    settings = {"frames": 16, "backbone": SMALL, "mask": MotionTubeMask(0.75, 3)} | arguments
    return Skeleton2Vec(skeleton, **settings)  # type: ignore[arg-type]
