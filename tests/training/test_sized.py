from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.training.sized import MAX_BUFFERS, MAX_NUMBER, WeightsError, build_sized

SHAPES = {"weight": (3, 2), "bias": (3,)}


def test_a_model_of_these_shapes_is_built_with_values() -> None:
    model = build_sized(lambda: nn.Linear(2, 3), {"width": 3, "depth": [1, 2]}, SHAPES)
    assert isinstance(model, nn.Linear) and not model.weight.is_meta
    assert torch.isfinite(model(torch.ones(1, 2))).all()


@pytest.mark.parametrize("config", [{"a": [1, {"b": MAX_NUMBER + 1}]}, {"a": -2e9}])
def test_numbers_of_a_configuration_are_no_larger_than_its_weights(config: object) -> None:
    def build() -> nn.Module:
        raise AssertionError("nothing is built")

    with pytest.raises(CheckpointError, match="larger than a model of these weights can have"):
        build_sized(build, config, SHAPES)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: nn.Linear(2, 3, bias=False), "'bias' does not belong to Linear"),
        (lambda: nn.BatchNorm1d(3), r"needs the tensor '(running_|num_)\w+', which is missing"),
        (lambda: nn.Linear(4, 3), r"weight: Linear expects the shape \[3, 4\], found \[3, 2\]"),
    ],
)
def test_other_tensors_are_named(build: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        build_sized(build, {}, SHAPES)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: nn.Sequential(*(nn.Identity() for _ in range(5000))), "more layers than 2"),
        (lambda: nn.Linear(10**4, 10**4), r"more weights than there are \(9 numbers in 2"),
        (lambda: nn.ParameterList([torch.zeros(1)] * 200), "more weights than there are"),
    ],
)
def test_building_ends_before_memory_does(build: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        build_sized(build, {}, SHAPES)
    assert len(nn.Sequential(*(nn.Identity() for _ in range(5000)))) == 5000, "the hooks are gone"


def test_what_a_model_keeps_beside_its_weights_is_limited() -> None:
    class Table(nn.Linear):
        def __init__(self) -> None:
            super().__init__(2, 3)
            self.register_buffer("table", torch.zeros(MAX_BUFFERS + 100), persistent=False)

    with pytest.raises(WeightsError, match="Table would keep far more numbers than its weights"):
        build_sized(Table, {}, SHAPES)
