"""What tells two transforms or functions apart, the same in every process."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from types import CodeType, FunctionType, MethodType
from typing import Any

import numpy as np
from torch import Tensor

from pyg_skeletonmae.skeleton import Skeleton

_PLAIN = (int, float, complex, str, bytes, bool, type(None))


def described(thing: Any) -> Any:
    """A nest of lists and plain values that is equal for equal settings.

    A transform is its class and its attributes, a function its code, defaults, closure and the
    plain values of the module that it reads, an array its content. Two functions that call others
    which differ are not told apart.
    """
    if isinstance(thing, _PLAIN):
        return thing
    if isinstance(thing, Tensor | np.ndarray):
        array = thing.detach().cpu().numpy() if isinstance(thing, Tensor) else thing
        digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
        return ["array", str(array.dtype), list(array.shape), digest]
    if isinstance(thing, Skeleton):
        return ["skeleton", described(thing.to_dict())]
    if isinstance(thing, Mapping):
        return [[described(key), described(value)] for key, value in thing.items()]
    if isinstance(thing, list | tuple):
        return [described(value) for value in thing]
    if isinstance(thing, set | frozenset):
        return sorted(map(repr, map(described, thing)))
    return _object(thing)


def _object(thing: Any) -> Any:
    if isinstance(thing, CodeType):
        return [thing.co_code.hex(), described(thing.co_consts), list(thing.co_names)]
    if isinstance(thing, FunctionType):
        cells = [cell.cell_contents for cell in thing.__closure__ or ()]
        read = {name: thing.__globals__.get(name) for name in thing.__code__.co_names}
        plain = {name: value for name, value in read.items() if isinstance(value, _PLAIN)}
        parts = (thing.__defaults__, thing.__kwdefaults__, cells, plain)
        return [thing.__qualname__, described(thing.__code__), *map(described, parts)]
    if isinstance(thing, MethodType):
        return [described(thing.__self__), described(thing.__func__)]
    kind = thing if isinstance(thing, type) else type(thing)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if kind is not thing and hasattr(thing, "__dict__"):
        return [name, described(vars(thing))]
    # The address of an object differs from run to run and says nothing.
    return [name, re.sub(r" at 0x[0-9a-f]+", "", repr(thing))]
