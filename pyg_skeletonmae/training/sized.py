"""Models that a configuration asks for, no larger than the weights that come with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from math import prod
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as registration

from pyg_skeletonmae.errors import CheckpointError


class WeightsError(CheckpointError):
    """The tensors of a file are not those of the model."""


Shapes = Mapping[str, tuple[int, ...]]

MAX_NUMBER = 1_000_000  # in a configuration of a small model: steps of a schedule, say
MAX_BUFFERS = 64 * 2**20  # numbers in what a model keeps beside its weights


def build_sized(build: Callable[[], nn.Module], config: object, shapes: Shapes) -> nn.Module:
    """Builds a model whose tensors have the shapes that a file has, or none at all.

    A width, a depth or a length of time that is too large would fill the memory, or take forever.
    So no whole number of the configuration may exceed the count of numbers in the file (or a
    million), the model is first built on the ``meta`` device, where tensors take no memory, and the
    building ends as soon as there are more modules or weights than the file can be of.

    Args:
        build: Builds the model of the configuration.
        config: The configuration.
        shapes: The shapes in the file, by the names of the tensors.

    Raises:
        CheckpointError: A number is too large, or the model has other tensors than the file; the
            first one is named. Whatever else ``build`` raises.
    """
    numbers = sum(map(prod, shapes.values()))
    limit, rest = max(MAX_NUMBER, numbers), [config]
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            rest += value.values()
        elif isinstance(value, list):
            rest += value
        elif isinstance(value, int | float) and not abs(value) <= limit:
            raise CheckpointError(f"{value!r:.40}: larger than a model of these weights can have")
    with _no_larger_than(len(shapes), numbers):
        with torch.device("meta"):
            model = build()
        _compare(model, shapes, numbers)
        return build()


@contextmanager
def _no_larger_than(tensors: int, numbers: int) -> Iterator[None]:
    """Within it, modules are made only until they are more than these tensors can be of."""
    # Layers without weights, and weights that are replaced before the model is whole, get room.
    modules_left, weights_left, numbers_left = (
        20 * tensors + 1000,
        2 * tensors + 100,
        2 * numbers + MAX_NUMBER,
    )

    def module_made(*_: Any) -> None:
        nonlocal modules_left
        modules_left -= 1
        if modules_left < 0:
            raise CheckpointError(f"asks for more layers than {tensors} tensors can be of")

    def weight_made(_: nn.Module, name: str, weight: nn.Parameter | None) -> None:
        nonlocal weights_left, numbers_left
        weights_left -= 1
        numbers_left -= 0 if weight is None else weight.numel()
        if min(weights_left, numbers_left) < 0:
            raise CheckpointError(
                f"asks for more weights than there are ({numbers} numbers in {tensors} tensors)"
            )

    with ExitStack() as stack:
        for handle in (
            registration.register_module_module_registration_hook(module_made),
            registration.register_module_parameter_registration_hook(weight_made),
        ):
            stack.callback(handle.remove)
        yield


def _compare(model: nn.Module, shapes: Shapes, numbers: int) -> None:
    own = model.state_dict()
    name = type(model).__name__
    for key in own.keys() - shapes.keys():
        raise WeightsError(f"{name} needs the tensor {key!r}, which is missing")
    for key in shapes.keys() - own.keys():
        raise WeightsError(f"the tensor {key!r} does not belong to {name}")
    for key, tensor in own.items():
        if list(shapes[key]) != list(tensor.shape):
            raise WeightsError(
                f"{key}: {name} expects the shape {list(tensor.shape)}, found {list(shapes[key])}"
            )
    if sum(buffer.numel() for buffer in model.buffers()) > MAX_BUFFERS + numbers:
        raise WeightsError(f"{name} would keep far more numbers than its weights are")
