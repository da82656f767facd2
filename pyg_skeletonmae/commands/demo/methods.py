"""The methods that a demonstration can show: their small models, and what a report says of them."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor
from torch_geometric.data import Data

from pyg_skeletonmae.batch import pos_tracks
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.evaluation.features import evaluating
from pyg_skeletonmae.models import (
    STRL,
    AttentionDecoder,
    Classifier,
    GraphSkeletonMAE,
    GraphTemporalEncoder,
    MaskedPretrainer,
    Skeleton2Vec,
    STSkeletonMAE,
    ViTBackbone,
)
from pyg_skeletonmae.training import OptimConfig
from pyg_skeletonmae.transforms.masking import PartMask
from pyg_skeletonmae.transforms.motion_masking import MotionTubeMask
from pyg_skeletonmae.transforms.token_masking import RandomTokenMask

Method = Literal["graph_temporal", "graph_mae", "st_mae", "skeleton2vec"]
Pretrained = MaskedPretrainer | Skeleton2Vec


@dataclass(frozen=True)
class About:
    """What a report says of a method.

    Args:
        encoder: What the frozen encoder is called.
        classifier: What the model that is trained with labels is called.
        loss: What pre-training minimises.
        learned: What pre-training does, and what the picture shows.
    """

    encoder: str
    classifier: str
    loss: str
    learned: str


ABOUT: dict[Method, About] = {
    "graph_temporal": About(
        "graph-temporal encoder",
        "classifier",
        "mean squared error",
        "Three of four tokens, some frames of one joint, are hidden; the encoder passes messages "
        "between the others, over the body and over time, and a light decoder predicts the "
        "coordinates of the hidden ones. Here it does so for a person it never saw.",
    ),
    "graph_mae": About(
        "graph encoder",
        "STRL",
        "cosine error",
        "Body parts are hidden and the model rebuilds their features from the rest of the body. "
        "Here the right arm and the right leg of a person it never saw are hidden. The decoder "
        "predicts features, not coordinates: a ridge regression fitted on training clips reads the "
        "places of the masked joints off its output.",
    ),
    "st_mae": About(
        "transformer",
        "transformer",
        "mean squared error",
        "Four of five tokens, some frames of one joint, are hidden and the model predicts their "
        "coordinates, for each joint less its mean over the clip and divided by its deviation. "
        "Here it does so for a person it never saw. The picture puts the true mean and deviation "
        "back, as is usual for such models, so errors in millimetres would say too much and are "
        "not given.",
    ),
    "skeleton2vec": About(
        "transformer",
        "transformer",
        "mean squared error",
        "Four of five tokens are hidden, moving joints first, and the model predicts what a "
        "moving average of itself makes of the whole clip. It predicts features and no "
        "coordinates, so there is no reconstruction to show.",
    ),
}


def build_pretraining(
    method: Method, dataset: SkeletonDataset, frames: int, hidden: int, steps: int
) -> Pretrained:
    """The model to pre-train: those of the small presets, in the width of the demonstration.

    Args:
        method: Which one.
        dataset: The clips: their skeleton and channels.
        frames: The frames of a clip, a multiple of 4.
        hidden: The width of the graph model; those that see time are twice as wide.
        steps: The optimiser steps of the run, over which the teacher slows down.
    """
    skeleton, channels = dataset.skeleton, dataset.store.num_channels
    if method == "graph_mae":
        return GraphSkeletonMAE(
            skeleton, channels, hidden, mask=PartMask("random"), joint_embedding=True
        )
    if method == "graph_temporal":
        temporal = GraphTemporalEncoder(
            skeleton, channels, frames, 4, 2 * hidden, 3, data_norm="axis", joint_gain=True
        )
        decoder = AttentionDecoder(average_weight=30.0)
        hiding = RandomTokenMask(0.3)
        return MaskedPretrainer(temporal, hiding, decoder=decoder, visible_weight=1.0)
    width, eps = 2 * hidden, 1e-5 if method == "st_mae" else 1e-6
    backbone = ViTBackbone(4, width, 3, 4, norm_eps=eps, decoder_channels=width, decoder_depth=1)
    if method == "st_mae":
        mask = RandomTokenMask(0.8)
        return STSkeletonMAE(skeleton, channels, frames, backbone, mask, target_norm="time")
    tube = MotionTubeMask(0.8, math.gcd(4, frames // 4))
    return Skeleton2Vec(skeleton, channels, frames, backbone, tube, ema_start=0.99, ema_steps=steps)


def build_classifier(
    dataset: SkeletonDataset, frames: int, hidden: int, start: Pretrained, pretrained: bool
) -> Classifier:
    """The classifier that belongs to a pre-training model.

    Args:
        dataset: The labelled clips.
        frames: The frames of a clip.
        hidden: The width of the graph model.
        start: The model, pre-trained or new; it stays as it is.
        pretrained: Whether STRL begins with its weights; others are always a copy of the encoder.
    """
    if not isinstance(start, GraphSkeletonMAE):
        encoder, classes = copy.deepcopy(start.encoder), dataset.num_classes
        if isinstance(encoder, GraphTemporalEncoder):  # as configs/finetune has it
            return Classifier(
                encoder, classes, "mlp", 256, 0.3, 0.1, joints="concat", segments=2
            )  # fmt: skip
        return Classifier(encoder, classes, "joints-mlp", 256, label_smoothing=0.1)
    strl = STRL(
        dataset.skeleton, dataset.store.num_channels, dataset.num_classes, frames, hidden,
        joint_embedding=True,
    )  # fmt: skip
    if pretrained:
        strl.load_pretrained(start)
    return strl


def optimiser(method: Method) -> OptimConfig:
    """How all models of a demonstration are trained, but for its length."""
    rates = {"graph_mae": 3e-3, "graph_temporal": 2e-3}
    return OptimConfig(
        lr=rates.get(method, 1e-3),
        weight_decay=0.05,
        betas=(0.9, 0.95),  # errors shrink thirtyfold at once, and 0.999 would long remember them
        schedule="cosine",
        warmup_fraction=0.08,
    )


def restored_clip(model: MaskedPretrainer, clips: Data) -> tuple[Tensor, Tensor, Tensor]:
    """The first person of a batch: original and reconstruction ``[V, T, C]``, mask ``[V, T]``."""
    with evaluating(model) as device, torch.no_grad():
        batch = cast(Data, clips.to(device))
        predicted, mask = model.reconstruct(batch)
    pos = pos_tracks(batch, model.encoder.skeleton.num_joints)
    mixed = torch.where(mask[..., None], predicted, pos)
    return pos[0].cpu(), mixed[0].cpu(), mask[0].cpu()
