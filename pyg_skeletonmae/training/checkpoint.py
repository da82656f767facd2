"""Run state on disk: written beside and renamed, read without unpickling anything but tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.files.write import write_file
from pyg_skeletonmae.io.torch_file import read_torch_file
from pyg_skeletonmae.training.schema import MAX_COUNT, check_like, check_tensor

FORMAT = 1
# Of the modules here only an EMA has an extra state: its updates.
_COUNTS = ("_extra_state", "num_batches_tracked", "n_averaged")


def save_checkpoint(
    path: str | Path, state: Mapping[str, Any], previous: str | Path | None = None
) -> None:
    """Writes a dict of tensors and plain Python values, atomically.

    Args:
        path: The file.
        state: The dict.
        previous: The name that a file there gets, at the moment at which the new one is whole.
    """
    content = {"format": FORMAT, **state}
    write_file(path, lambda file: torch.save(content, file), previous)


def load_checkpoint(path: str | Path, keys: Iterable[str] = ()) -> dict[str, Any]:
    """Reads what :func:`save_checkpoint` wrote, onto the CPU.

    Args:
        path: The file.
        keys: Keys that must be there.

    Raises:
        CheckpointError: As :func:`~pyg_skeletonmae.io.torch_file.read_torch_file`; or the file is
            not what was written (each part has a checksum), of another format, or lacks one of
            ``keys``.
    """
    path = Path(path)
    if not path.exists():
        raise CheckpointError(f"{path}: no such checkpoint")
    state = read_torch_file(path, verify=True)
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise CheckpointError(f"{path}: not a checkpoint of this library (format {FORMAT})")
    require_keys(state, keys, path)
    return state


def require_keys(state: Mapping[str, Any], keys: Iterable[str], path: Path) -> None:
    """Raises :class:`CheckpointError` where a checkpoint lacks a key."""
    for key in keys:
        if key not in state:
            raise CheckpointError(f"{path}: the key {key!r} is missing")


def load_weights(model: nn.Module, weights: Mapping[str, Any], path: str | Path) -> None:
    """Loads weights strictly: every tensor of the model, no other, each of its own shape.

    Raises:
        CheckpointError: Names the file and the tensor that is missing, left over or of another
            shape or kind of number, or holds numbers that are not finite. The model is then
            unchanged.
    """
    own = model.state_dict()
    name = type(model).__name__
    former: Mapping[str, str] = getattr(model, "former_names", {})
    if not isinstance(weights, Mapping):
        raise CheckpointError(f"{path}: expected a dict of tensors, found {type(weights).__name__}")
    weights = {renamed(key, former): value for key, value in weights.items()}
    for key in own.keys() - weights.keys():
        raise CheckpointError(f"{path}: {name} needs the tensor {key!r}, which is missing")
    for key in weights.keys() - own.keys():
        raise CheckpointError(f"{path}: the tensor {key!r} does not belong to {name}")
    for key, like in own.items():
        place, other = f"{path}: {key}", weights[key]
        if not isinstance(like, Tensor):  # the extra state of a user's module
            check_like(other, like, place)
            continue
        actual = list(other.shape) if isinstance(other, Tensor) else type(other).__name__
        if actual != list(like.shape):
            raise CheckpointError(
                f"{place}: {name} expects the shape {list(like.shape)}, found {actual}"
            )
        if key.endswith(_COUNTS) and not (
            isinstance(other, Tensor) and 0 <= other.item() < MAX_COUNT
        ):
            raise CheckpointError(f"{place}: expected a count of updates, found {other}")
        check_tensor(other, like, place, casts=True)
        if key.endswith("running_var") and (other < 0).any():
            raise CheckpointError(f"{place}: holds a negative variance")
    # A plain dict: versions of modules, which came with the weights, are none of this library's.
    model.load_state_dict(dict(weights))


def renamed(name: object, former: Mapping[str, str]) -> Any:
    """The name of a weight today, from its name in a file of an earlier version.

    Args:
        name: The name.
        former: Beginnings of names that were, and what they are now.
    """
    for before, now in former.items():
        if isinstance(name, str) and name.startswith(before):
            return now + name.removeprefix(before)
    return name


def load_model(model: nn.Module, path: str | Path) -> None:
    """Loads the weights in a run's ``last.ckpt`` or ``best.ckpt`` into a model of the same kind.

    Raises:
        CheckpointError: As :func:`load_checkpoint` and :func:`load_weights`.
    """
    load_weights(model, load_checkpoint(path, ["model"])["model"], path)
