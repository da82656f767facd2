"""The recorded runs of the public masked auto-encoders, in this library's layout."""

import torch
from nn_helpers import model_oracle
from torch import Tensor
from torch_geometric.data import Data

from pyg_skeletonmae import layouts
from pyg_skeletonmae.batch import tracks_edge_index
from pyg_skeletonmae.models import STSkeletonMAE, ViTBackbone
from pyg_skeletonmae.models.checkpoints.names import load_public, mamp_source

SKELETON = layouts.NTU25
FRAMES, PATCH = 24, 4
STEPS = FRAMES // PATCH
BACKBONE = ViTBackbone(
    frames_per_patch=PATCH, hidden_channels=32, depth=2, heads=4, mlp_ratio=2.0,
    decoder_channels=24, decoder_depth=1,
)  # fmt: skip


def oracle_tracks(x: Tensor) -> Tensor:
    """``[N, C, T, V, M]`` as tracks ``[N * M, V, T, C]``; a zero person is a track like any."""
    return x.permute(0, 4, 3, 2, 1).flatten(0, 1).contiguous()


def ours(tokens: Tensor, steps: int = STEPS) -> Tensor:
    """Numbers of tokens, time-major ``[P, S * V, ...]``, as ``[P, V, S, ...]``."""
    return tokens.unflatten(1, (steps, -1)).transpose(1, 2)


def our_ids(ids: Tensor, steps: int = STEPS) -> Tensor:
    """Token numbers ``s * V + v`` as ``v * S + s``."""
    return ids.long() % SKELETON.num_joints * steps + ids.long() // SKELETON.num_joints


def as_batch(tracks: Tensor, mask: Tensor | None = None) -> Data:
    """One clip of many persons, masked as a whole by tokens ``[P, V, S]``."""
    batch = Data(
        pos=tracks.flatten(0, 1),
        edge_index=tracks_edge_index(SKELETON, len(tracks)),
        num_tracks=torch.tensor([len(tracks)]),
    )
    if mask is not None:
        batch.joint_mask = mask.repeat_interleave(PATCH, 2).flatten(0, 1)
    return batch


def weights(oracle: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key[3:]: value for key, value in oracle.items() if key.startswith("sd/")}


def oracle_model(oracle: dict[str, Tensor], **arguments: object) -> STSkeletonMAE:
    model = STSkeletonMAE(SKELETON, 3, FRAMES, BACKBONE, **arguments)  # type: ignore[arg-type]
    load_public(model, weights(oracle), mamp_source)
    return model


def load(name: str) -> dict[str, Tensor]:
    return model_oracle(f"{name}_tiny.npz")


def call(oracle: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The arrays of one recorded call, by their names without the prefix."""
    return {key[len(prefix) :]: value for key, value in oracle.items() if key.startswith(prefix)}
