"""Constructors answer to wrong names and types with the class, the argument, the nearest one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
import torch
from torch import nn

from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.configurable.arguments import CheckedMeta, nearest
from pyg_skeletonmae.errors import ArgumentError, CheckpointError, ConfigError
from pyg_skeletonmae.layouts import COCO17
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.models import (
    STRL,
    Classifier,
    GraphEncoder,
    GraphSkeletonMAE,
    STSkeletonMAE,
    ViTBackbone,
    build_model,
)
from pyg_skeletonmae.training import Trainer
from pyg_skeletonmae.transforms.masking import PartMask, RandomMask

if TYPE_CHECKING:
    from nowhere import Nothing


class Sized(metaclass=CheckedMeta):
    def __init__(
        self,
        size: int,
        rate: float | None = 0.5,
        mode: Literal["a", "b"] = "a",
        steps: Sequence[tuple[int, int]] = (),
        call: Callable[[int], int] | None = None,
        **more: Any,
    ) -> None:
        self.size, self.more = size, more


@pytest.mark.parametrize(
    ("build", "line"),
    [
        (
            lambda: GraphSkeletonMAE(COCO17, hiden_channels=3),
            "GraphSkeletonMAE: hiden_channels: no such argument; did you mean hidden_channels?",
        ),
        (
            lambda: GraphSkeletonMAE(COCO17, hidden_channels="64"),
            "GraphSkeletonMAE: hidden_channels: expected a whole number, found '64'",
        ),
        (lambda: GraphSkeletonMAE(), "GraphSkeletonMAE: missing a required argument: 'skeleton'"),
        (lambda: GraphSkeletonMAE("coco17"), "skeleton: expected Skeleton, found 'coco17'"),
        (lambda: GraphSkeletonMAE(COCO17, mask=PartMask), "mask: expected MaskPolicy or None"),
        (lambda: GraphSkeletonMAE(COCO17, mask="PartMask"), "mask: expected MaskPolicy or None"),
        (lambda: GraphSkeletonMAE(COCO17, depth=2.0), "depth: expected a whole number, found 2.0"),
        (lambda: GraphSkeletonMAE(COCO17, depth=True), "depth: expected a whole number"),
        (lambda: STSkeletonMAE(COCO17, backbone=RandomMask()), "backbone: expected STBackbone"),
        (lambda: ViTBackbone(heads=None), "ViTBackbone: heads: expected a whole number"),
        (lambda: STRL(COCO17, num_clases=3), "num_clases: no such argument; did you mean num_cla"),
        (lambda: RandomMask("half"), "RandomMask: ratio: expected a number, found 'half'"),
        (lambda: RandomMask(0.5, 0.5, 0.5), "RandomMask: too many positional arguments"),
        (lambda: PartMask((1, 2), parts=(1,)), "multiple values for argument 'parts'|PartMask: "),
        (lambda: Classifier(GraphEncoder(COCO17), "3"), "num_classes: expected a whole number"),
        (lambda: DataConfig(frams=3), "DataConfig: frams: no such argument; did you mean frames?"),
        (lambda: DataConfig(train_subjects=["a"]), "train_subjects: expected a list or tuple or N"),
        (
            lambda: Trainer(max_epoch=3),
            "Trainer: max_epoch: no such argument; did you mean max_epo",
        ),
        (lambda: Trainer(max_epochs="3"), "Trainer: max_epochs: expected a whole number or None"),
        (lambda: SkeletonLoader([1], 3), "SkeletonLoader: dataset: expected SkeletonDataset"),
        (lambda: Sized("x"), "Sized: size: expected a whole number, found 'x'"),
        (lambda: Sized(1, rate="x"), "Sized: rate: expected a number or None, found 'x'"),
        (lambda: Sized(1, mode=3), "Sized: mode: expected one of a, b, found 3"),
        (lambda: Sized(1, steps=[[1, "x"], 3]), "Sized: steps: expected a list or tuple"),
        (lambda: Sized(torch.zeros(2, 2)), r"Sized: size: .* found tensor\(\[\[0., 0.\], \[0., 0."),
    ],
)
def test_one_line_that_is_a_type_error_as_well(build: Callable[[], object], line: str) -> None:
    with pytest.raises(ArgumentError, match=line) as caught:
        build()
    assert isinstance(caught.value, TypeError) and isinstance(caught.value, ConfigError)
    assert "\n" not in str(caught.value)


def test_what_passes() -> None:
    assert Trainer(max_epochs=np.int64(3), clip_norm=np.float32(1)).max_epochs == 3
    assert Sized(1, 1, "c", [[1, 2], (3, 4)], abs, other="x").more == {"other": "x"}  # type: ignore[arg-type]
    assert GraphSkeletonMAE(COCO17, hidden_channels=8, mask=RandomMask(0)).encoder is not None
    STSkeletonMAE(COCO17, frames=8, backbone=ViTBackbone(2, 8, 1, 2, decoder_channels=8))


def test_annotations_that_only_a_type_checker_resolves() -> None:
    class Late(metaclass=CheckedMeta):
        def __init__(self, size: int, nothing: Nothing | None = None) -> None:
            self.size = size

    assert Late("any").size == "any"  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="did you mean size"):
        Late(sise=1)  # type: ignore[call-arg]


def test_releases_say_the_same() -> None:
    config = GraphEncoder(COCO17, hidden_channels=8).config
    config["init_args"]["hiden_channels"] = 3
    with pytest.raises(CheckpointError, match=r"^GraphEncoder: hiden_channels: no such argument"):
        build_model(config)


def test_errors_of_a_constructor_itself_stay_as_they_are() -> None:
    class Broken(nn.Module, metaclass=CheckedMeta):
        def __init__(self, size: int) -> None:
            super().__init__()
            len(size)  # type: ignore[arg-type]

    with pytest.raises(TypeError, match="has no len") as caught:
        Broken(3)
    assert not isinstance(caught.value, ArgumentError)


def test_nearest() -> None:
    assert nearest("framse", ["frames", "seed"]) == "; did you mean frames?"
    assert nearest("xyzzy", ["frames", "seed"]) == ""
