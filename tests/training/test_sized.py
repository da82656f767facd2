"""A configuration cannot ask for a model that is larger than its weights."""

import pytest
import torch
from torch import nn

from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.training.sized import MAX_NUMBER, WeightsError, build_sized


def shapes_of(model: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def test_the_model_of_the_shapes_is_built():
    model = build_sized(lambda: nn.Linear(3, 2), {"width": [3, 2]}, shapes_of(nn.Linear(3, 2)))
    assert isinstance(model, nn.Linear) and model.weight.device.type == "cpu"


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"weight": (2, 3)}, "needs the tensor 'bias', which is missing"),
        ({"weight": (2, 3), "bias": (2,), "more": (1,)}, "'more' does not belong to Linear"),
        ({"weight": (2, 4), "bias": (2,)}, r"expects the shape \[2, 3\], found \[2, 4\]"),
    ],
)
def test_other_tensors_are_named_before_memory_is_taken(shapes, message):
    devices = []

    def build() -> nn.Module:
        devices.append(torch.get_default_device().type)
        return nn.Linear(3, 2)

    with pytest.raises(WeightsError, match=message):
        build_sized(build, {}, shapes)
    assert devices == ["meta"]


@pytest.mark.parametrize("value", [MAX_NUMBER + 1, -1e30, float("inf"), float("nan")])
def test_no_number_is_larger_than_a_model_can_have(value):
    with pytest.raises(CheckpointError, match="larger than a model of these weights can have"):
        build_sized(lambda: nn.Linear(1, 1), {"a": [{"b": value}]}, {"weight": (1, 1)})


def test_building_ends_at_too_many_layers_or_weights():
    def deep() -> nn.Module:
        return nn.Sequential(*(nn.Identity() for _ in range(5000)))

    def wide() -> nn.Module:
        return nn.Sequential(*(nn.Linear(1000, 1000) for _ in range(5)))

    with pytest.raises(CheckpointError, match="more layers than 1 tensors"):
        build_sized(deep, {}, {"weight": (1,)})
    with pytest.raises(CheckpointError, match="more weights than there are"):
        build_sized(wide, {}, {"weight": (1,)})
    nn.Sequential(*(nn.Identity() for _ in range(5000)))  # the limit ended with the block
