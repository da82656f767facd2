"""Encoders from run and release folders, and the classifiers that start from them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol, cast

from torch import nn

from pyg_skeletonmae.commands import run_folders as runs
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.errors import ArgumentError, CheckpointError, ConfigError
from pyg_skeletonmae.evaluation.transfer import bridge
from pyg_skeletonmae.models import (
    STGCN,
    STRL,
    Classifier,
    GraphEncoder,
    Preprocessing,
    build_model,
)
from pyg_skeletonmae.models.base import SkeletonEncoder, as_encoder, encoder_of, with_drop_path
from pyg_skeletonmae.models.from_config import CLASSIFIERS
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.training import load_release, release_config

PRETRAIN_ONLY = ("pipeline", "frames", "center", "scale", "stream")


class ClassifierBuilder(Protocol):
    """A classifier but for what the data or a pre-training give."""

    def __call__(
        self,
        *,
        num_classes: int,
        encoder: SkeletonEncoder = ...,
        skeleton: Skeleton = ...,
        in_channels: int = ...,
    ) -> Classifier:
        """Builds it: ``Classifier`` on an encoder, ``STRL`` for a skeleton and its channels."""
        ...


def check_settings(settings: dict[str, Any], own: Iterable[type] = ()) -> None:
    """Looks at the settings of a fine-tuning before anything is computed.

    Args:
        settings: Of the fine-tuning.
        own: The user's own classes that they may name.

    Raises:
        ConfigError: They do not fit the model, or an encoder is needed and none is named.
    """
    pretrained, name = settings["pretrained"], _kind(settings["model"], own)
    strl, reference = name == STRL.__name__, name == STGCN.__name__
    for wrong, message in (
        (
            reference and pretrained is not None,
            f"pretrained: {name} is trained from scratch; leave --pretrained out",
        ),
        (settings["random_init"] and pretrained is None, "random_init: needs --pretrained, too"),
        (settings["bridge"] and pretrained is None, "bridge: needs --pretrained, too"),
        (
            strl and settings["freeze"] and pretrained is None,
            "freeze: there is nothing to freeze without --pretrained",
        ),
        (
            (strl or reference) and settings["drop_path"] is not None,
            f"drop_path: {name} has no stochastic depth; set model.init_args.dropout",
        ),
        (
            not strl and settings["freeze"],
            f"freeze: is for STRL; with {name} set model.init_args.freeze_encoder",
        ),
        (
            not (strl or reference) and pretrained is None,
            f"{name}: needs an encoder, give --pretrained RUN_OR_RELEASE, with --random_init to "
            "take its architecture alone",
        ),
    ):
        if wrong:
            raise ConfigError(message)


def build_classifier(
    model: ClassifierBuilder,
    dataset: SkeletonDataset,
    settings: dict[str, Any],
    own: Iterable[type] = (),
) -> Classifier:
    """A classifier for the clips of a data set, started from a pre-training if one is named.

    Args:
        model: Builds the classifier.
        dataset: The labelled clips.
        settings: Of the fine-tuning, as :func:`check_settings` lets them pass.
        own: The user's own classes that the release may name.

    Raises:
        ConfigError: The encoder has no stochastic depth.
        CheckpointError: The folder holds no encoder, or one for other clips.
    """
    path, classes = settings["pretrained"], dataset.num_classes
    encoder = None
    if path is not None:
        encoder = load_encoder(Path(path), settings["data"], settings["random_init"], own)
        if settings["bridge"]:
            encoder = bridge(encoder, dataset.skeleton)
        check_fits(encoder, dataset, path)
    if encoder is not None and _kind(settings["model"], own) != STRL.__name__:
        return model(encoder=with_drop_path(encoder, settings["drop_path"]), num_classes=classes)
    channels = dataset.store.num_channels
    net = model(skeleton=dataset.skeleton, in_channels=channels, num_classes=classes)
    if encoder is not None and isinstance(net, STRL):
        if not isinstance(encoder, GraphEncoder):
            raise CheckpointError(
                f"{path}: expected a graph encoder for STRL, found {encoder!r:.80}; for this one "
                "take --model Classifier"
            )
        net.load_pretrained(encoder, settings["freeze"])
    return net


def load_encoder(
    path: Path, data: dict[str, Any], random_init: bool = False, own: Iterable[type] = ()
) -> SkeletonEncoder:
    """The encoder of a run or release folder; tells of data that are prepared in another way.

    Args:
        path: The folder.
        data: How the clips are prepared now.
        random_init: Give it fresh weights, from the current random state.
        own: The user's own classes that the release may name.

    Raises:
        CheckpointError: There is no release, or it holds no model with an encoder.
    """
    model = load_release(path, own)
    told: Preprocessing | None = model.__dict__["preprocessing"]
    before = None if told is None else told.settings()
    differences = runs.data_differences(path, data, PRETRAIN_ONLY, before)
    for difference in differences + runs.split_differences(path, data):
        logging.getLogger("pyg_skeletonmae").warning(difference)
    try:
        encoder = encoder_of(model)
    except ArgumentError as error:
        raise CheckpointError(
            f"{path}: expected a model with an encoder, found {model!r:.80} ({error})"
        ) from None
    return cast(SkeletonEncoder, build_model(encoder.config, own)) if random_init else encoder


def check_fits(module: nn.Module, dataset: SkeletonDataset, path: Path | str) -> None:
    """Compares what an encoder reads with what the clips are: joints, and channels if it says so.

    Raises:
        CheckpointError: They have other joints, or another number of channels.
    """
    encoder, there = as_encoder(module), dataset.store.num_channels
    channels = getattr(module, "clip_channels", None)
    same = encoder.skeleton.joints == dataset.skeleton.joints and channels in (None, there)
    if not same:
        raise CheckpointError(
            f"{path}: pre-trained on {encoder.skeleton.name} with {channels or 'any'} channels, "
            f"the clips are {dataset.skeleton.name} with {there}; for other joints see "
            "data.joints, finetune --bridge and evaluate --protocol transfer"
        )


def is_classifier(path: Path | str, own: Iterable[type] = ()) -> bool:
    """Whether a run or release folder holds a classifier, by its configuration.

    Args:
        path: The folder.
        own: The user's own classes that the release may name.

    Raises:
        CheckpointError: There is no release.
    """
    kind = _kind(release_config(path)["model"], own)
    return kind in {classifier.__name__ for classifier in CLASSIFIERS}


def _kind(model: Mapping[str, Any], own: Iterable[type]) -> str:
    """The name of the classifier that settings name, or that the user's own derives from."""
    name = str(model.get("class_path")).rpartition(".")[2]
    bases = next((cls.__mro__ for cls in own if cls.__name__ == name), ())
    return next((base.__name__ for base in bases if base in CLASSIFIERS), name)
