"""Reads public checkpoint files: nothing in them is executed, nothing in them is believed."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from pyg_skeletonmae.errors import CheckpointError, SkeletonMAEError
from pyg_skeletonmae.io.torch_file import read_torch_file
from pyg_skeletonmae.models.checkpoints.names import Source, load_public, public_weights
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import NTU25_CTRGCN

T = TypeVar("T")
M = TypeVar("M", bound=nn.Module)
_WRAPPERS = ("module", "_orig_mod")


def read_public(path: str | Path, allowed: tuple[type, ...] = ()) -> dict[str, Any]:
    """The content of a checkpoint file, onto the CPU.

    Args:
        path: The file.
        allowed: The classes, besides tensors and plain values, that may be in it.

    Raises:
        CheckpointError: The file is missing or damaged, or holds an object of another class (such
            a file could run code; it is not unpickled).
    """
    content = read_torch_file(path, allowed)
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: expected a dict, found {type(content).__name__}")
    return content


def entry(
    path: str | Path,
    content: Mapping[str, Any],
    key: str,
    kind: type[T],
    choices: Container[T] | None = None,
) -> T:
    """An entry of a checkpoint.

    Args:
        path: The file, for the message.
        content: Where the entry is.
        key: Its key.
        kind: Its type; a whole number is a ``float``, too.
        choices: The values it may have; none: any.

    Raises:
        CheckpointError: There is no such entry, or it is another.
    """
    value = content.get(key)
    if kind is float and type(value) is int:
        value = float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise CheckpointError(f"{path}: {key}: expected a {kind.__name__}, found {value!r:.80}")
    if choices is not None and value not in choices:
        raise CheckpointError(f"{path}: {key}: {value!r} is not one of {choices}")
    return value


def tensors(path: str | Path, state: Mapping[Any, Any]) -> dict[str, Tensor]:
    """A state dict, checked.

    What wrappers put into the names of a model that they save, ``module.`` of data-parallel
    training and ``_orig_mod.`` of compiled models, is taken out of them.

    Raises:
        CheckpointError: A key is no text, or two are one without the wrappers' names; a value is no
            tensor, is larger than its memory, or holds numbers that are not finite.
    """
    plain: dict[str, Tensor] = {}
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise CheckpointError(f"{path}: {key!r:.80}: expected a tensor")
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise CheckpointError(f"{path}: {key!r}: larger than what the file holds of it")
        if not value.isfinite().all():
            raise CheckpointError(f"{path}: {key!r}: holds numbers that are not finite")
        name = ".".join(part for part in key.split(".") if part not in _WRAPPERS)
        if name in plain:
            raise CheckpointError(f"{path}: {key!r}: a second tensor {name!r}")
        plain[name] = value
    return plain


def shape_of(state: Mapping[str, Tensor], key: str, axes: int) -> list[int]:
    """The shape of a tensor with so many axes, none of them empty.

    Raises:
        CheckpointError: It is missing, or has another number of axes.
    """
    if key not in state:
        raise CheckpointError(f"the checkpoint has no {key!r}")
    shape = list(state[key].shape)
    if len(shape) != axes or 0 in shape:
        raise CheckpointError(f"the checkpoint's {key!r} {shape}: expected {axes} axes, none empty")
    return shape


def skeleton_for(
    state: Mapping[str, Tensor], key: str, axis: int, skeleton: Skeleton | None
) -> Skeleton:
    """The skeleton of a checkpoint: the one that is given, or NTU's of 25 joints.

    Args:
        state: The public names and tensors.
        key: The embedding of joints, with four axes.
        axis: Which of them is the joints.
        skeleton: What is given.

    Raises:
        CheckpointError: It has another number of joints, or none is given for another number.
    """
    joints = shape_of(state, key, 4)[axis]
    if skeleton is None and joints != NTU25_CTRGCN.num_joints:
        raise CheckpointError(
            f"the checkpoint has {joints} joints ({key!r}) and does not name them: give their "
            "skeleton (--skeleton, a layout or a YAML file)"
        )
    skeleton = skeleton or NTU25_CTRGCN
    if skeleton.num_joints != joints:
        raise CheckpointError(
            f"the checkpoint has {joints} joints ({key!r}), the skeleton {skeleton.name} "
            f"{skeleton.num_joints}"
        )
    return skeleton


def heads_of(told: int | None, given: int | None) -> int:
    """The attention heads that a file tells, else those that are given.

    Raises:
        CheckpointError: Neither, or they differ.
    """
    if told is None and given is None:
        raise CheckpointError("the file does not tell the attention heads: give heads (--heads)")
    if None not in (told, given) and told != given:
        raise CheckpointError(f"heads {given}: the file tells of {told}")
    heads = given if told is None else told
    assert heads is not None
    return heads


def count_blocks(state: Mapping[str, Tensor], prefix: str) -> int:
    """The number of transformer blocks below a prefix."""
    tail = ".norm1.weight"
    return sum(key.startswith(prefix) and key.endswith(tail) for key in state)


def build_public(
    build: Callable[[], M], state: Mapping[str, Tensor], source: Callable[[str], Source]
) -> M:
    """A model with the weights of a checkpoint.

    Shapes are compared before any memory is taken, so that a file cannot ask for too much of it.

    Args:
        build: Makes the model.
        state: The public names and tensors.
        source: Where each of our parameters is among them.

    Raises:
        CheckpointError: A key is missing, left over, or has a wrong shape; it is named.
    """
    with torch.device("meta"):
        shapes = build()
    public_weights(shapes, state, source)
    model = build()
    load_public(model, state, source)
    return model.eval()


@contextmanager
def named(path: str | Path) -> Iterator[None]:
    """Adds the name of the file to what is raised.

    Raises:
        CheckpointError: For any error of this library.
    """
    try:
        yield
    except SkeletonMAEError as error:
        text = str(error)
        text = text if text.startswith(str(path)) else f"{path}: {text}"
        raise CheckpointError(text) from error
