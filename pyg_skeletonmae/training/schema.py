"""What a checkpoint holds, compared with what is there before any of it is used."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from pyg_skeletonmae.errors import CheckpointError

MAX_COUNT = 2**53  # of steps, clips, epochs


def check_like(value: object, like: object, where: str) -> None:
    """Compares a loaded value with one of this process: types, keys, lengths, finite numbers.

    Args:
        value: What a file holds.
        like: What it must be like. Of a dict its keys, of a list or tuple its length, of a tensor
            its shape and type, of anything else its type; a whole number must be a count.
        where: The place in the file, for the message.

    Raises:
        CheckpointError: It differs; the place is named.
    """
    if isinstance(like, Tensor):
        check_tensor(value, like, where)
    elif isinstance(like, Mapping):
        content = mapping(value, like, where)
        for key in like:
            check_like(content[key], like[key], f"{where}.{key}")
    elif isinstance(like, list | tuple):
        if type(value) is not type(like) or len(value) != len(like):
            raise _differs(where, f"a {type(like).__name__} of {len(like)}", value)
        for number, pair in enumerate(zip(value, like, strict=True)):
            check_like(*pair, f"{where}[{number}]")
    elif type(like) is int:
        count(value, where)
    elif type(value) is not type(like):
        raise _differs(where, "nothing" if like is None else f"a {type(like).__name__}", value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise _differs(where, "a finite number", value)


def check_tensor(value: object, like: Tensor, where: str, casts: bool = False) -> None:
    """Compares a loaded tensor with one of the same place.

    Args:
        value: What a file holds.
        like: What it must be like. Where it is not finite itself, the other need not be.
        where: The place in the file, for the message.
        casts: Whether floats of another width will do.

    Raises:
        CheckpointError: It is no plain tensor of this shape and type, or has numbers that are not
            finite.
    """
    if not isinstance(value, Tensor) or value.shape != like.shape:
        raise _differs(where, f"the shape {list(like.shape)}", value)
    if value.layout != torch.strided or value.is_meta or value.is_quantized or value.is_nested:
        raise CheckpointError(f"{where}: expected a plain tensor with values")
    both_floats = value.is_floating_point() and like.is_floating_point()
    if value.dtype != like.dtype and not (casts and both_floats):
        raise CheckpointError(f"{where}: expected {like.dtype}, found {value.dtype}")
    finite = value.to(like.dtype).isfinite()
    if not (finite.all() or (finite | ~like.detach().to(value.device).isfinite()).all()):
        raise CheckpointError(f"{where}: holds numbers that are not finite")


def mapping(value: object, keys: Iterable[str], where: str) -> dict[Any, Any]:
    """A loaded dict, if it has these keys and no other.

    Raises:
        CheckpointError: It is no dict, or one key is missing or left over; it is named.
    """
    if not isinstance(value, dict):
        raise _differs(where, "a dict", value)
    for key in keys:
        if key not in value:
            raise CheckpointError(f"{where}: the key {key!r} is missing")
    if left := value.keys() - set(keys):
        raise CheckpointError(f"{where}: the key {sorted(map(str, left))[0][:60]!r} is unknown")
    return value


def count(value: object, where: str, below: int = MAX_COUNT) -> int:
    """A loaded whole number, from 0.

    Raises:
        CheckpointError: It is none, or not below the limit.
    """
    if type(value) is not int or not 0 <= value < below:
        limit = "" if below == MAX_COUNT else f" below {below}"
        raise _differs(where, f"a count{limit}", value)
    return value


def number(value: object, where: str, least: float = -math.inf) -> float:
    """A loaded number that is finite.

    Raises:
        CheckpointError: It is none, or smaller than the least.
    """
    if type(value) not in (int, float) or not least <= value < math.inf:  # type: ignore[operator]
        raise _differs(where, "a finite number" + (f" from {least:g}" if least == 0 else ""), value)
    return value  # type: ignore[return-value]


def _differs(where: str, expected: str, value: object) -> CheckpointError:
    shown = f"{value!r:.60}" if isinstance(value, str | int | float | None) else ""
    shape = list(value.shape) if isinstance(value, Tensor) else ""
    actual = shape or shown or type(value).__name__
    return CheckpointError(f"{where}: expected {expected}, found {actual}")
