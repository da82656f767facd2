"""Run state on disk: written beside and renamed, read without unpickling anything but tensors."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor, nn

from pyg_skeletonmae.errors import CheckpointError

FORMAT = 1
_COUNTS = "_extra_state"  # of the modules here only an EMA has one: its updates


def write_beside(path: str | Path, write: Callable[[IO[bytes]], object]) -> None:
    """Writes a file beside its place, flushes it to the disk, and renames it into place.

    Whoever reads ``path``, at any moment and after any crash, finds the old file or the new one.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.partial")
    try:
        with beside.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def save_checkpoint(path: str | Path, state: Mapping[str, Any]) -> None:
    """Writes a dict of tensors and plain Python values, atomically."""
    content = {"format": FORMAT, **state}
    write_beside(path, lambda file: torch.save(content, file))


def load_checkpoint(path: str | Path, keys: Iterable[str] = ()) -> dict[str, Any]:
    """Reads what :func:`save_checkpoint` wrote, onto the CPU.

    Args:
        path: The file.
        keys: Keys that must be there.

    Raises:
        CheckpointError: The file is missing, damaged, of another format, lacks one of ``keys``, or
            holds anything but tensors and plain values (such a file could run code; it is not
            unpickled).
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # A damaged file makes the reader fail in any way it likes.
        reason = str(error).strip().split("\n", 1)[0][:200] or type(error).__name__
        raise CheckpointError(
            f"{path}: not a readable checkpoint, damaged or not written by this library ({reason})"
        ) from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise CheckpointError(f"{path}: not a checkpoint of this library (format {FORMAT})")
    for key in keys:
        if key not in state:
            raise CheckpointError(f"{path}: the key {key!r} is missing")
    return state


def load_weights(model: nn.Module, weights: Mapping[str, Any], path: str | Path) -> None:
    """Loads weights strictly: every tensor of the model, no other, each of its own shape.

    Raises:
        CheckpointError: Names the file and the tensor that is missing, left over or of another
            shape. The model is then unchanged.
    """
    own = model.state_dict()
    name = type(model).__name__
    if not isinstance(weights, Mapping):
        raise CheckpointError(f"{path}: expected a dict of tensors, found {type(weights).__name__}")
    for key in own.keys() - weights.keys():
        raise CheckpointError(f"{path}: {name} needs the tensor {key!r}, which is missing")
    for key in weights.keys() - own.keys():
        raise CheckpointError(f"{path}: the tensor {key!r} does not belong to {name}")
    for key, tensor in own.items():
        other = weights[key]
        found = list(other.shape) if isinstance(other, Tensor) else type(other).__name__
        if found != list(tensor.shape):
            raise CheckpointError(
                f"{path}: {key}: {name} expects the shape {list(tensor.shape)}, found {found}"
            )
        if other.layout != torch.strided or other.is_meta:
            raise CheckpointError(f"{path}: {key}: expected a plain tensor with values")
        if key.endswith(_COUNTS) and not 0 <= other.item() < math.inf:
            raise CheckpointError(f"{path}: {key}: expected a count of updates, found {other}")
    model.load_state_dict(weights)


def load_model(model: nn.Module, path: str | Path) -> None:
    """Loads the weights in a run's ``last.ckpt`` or ``best.ckpt`` into a model of the same kind.

    Raises:
        CheckpointError: As :func:`load_checkpoint` and :func:`load_weights`.
    """
    load_weights(model, load_checkpoint(path, ["model"])["model"], path)
