"""Pickles of plain containers and NumPy arrays, loaded without running anything they name.

NumPy itself takes no part in loading: what a pickle calls ``numpy.ndarray`` or ``numpy.dtype`` are
stand-ins of this module that only remember what they were told, and arrays are made of them, and
checked, when their values are asked for.
"""

from __future__ import annotations

import codecs
import math
import mmap
import pickle
import pickletools
import re
import struct
import warnings
from collections.abc import Callable, Container
from pathlib import Path
from typing import IO, Any

import numpy as np

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.files.plain import open_plain
from pyg_skeletonmae.io.npz import Array, require_file

MAX_PROTOCOL = 5
MAX_ENCODED = 4  # text turned into bytes, as a multiple of the size of the file
MAX_TUPLE = 2**16  # items of a tuple, with those of the tuples in it
_DTYPE = re.compile(r"[<>=|]?(?:b1|[iu][1248]|f[248])")
_TEXT = re.compile(r"U[1-9][0-9]{0,3}|O8?")
_FORBIDDEN = {
    "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID",
    "NEXT_BUFFER", "READONLY_BUFFER", "EMPTY_SET", "ADDITEMS", "FROZENSET",
}  # fmt: skip
# All that the scan and the unpickler are known to raise on damaged or hostile bytes.
DAMAGE = (
    pickle.UnpicklingError, struct.error, EOFError, ValueError, TypeError, AttributeError,
    LookupError, OverflowError, MemoryError, ImportError, RecursionError,
)  # fmt: skip


class PickledArray:
    """An array in a pickle, not yet made; it shares the bytes of the pickle and is read-only."""

    __slots__ = ("_dtype", "_fortran", "_raw", "_shape")

    def __init__(self) -> None:
        self._shape: object = None

    def __setstate__(self, state: tuple[object, ...]) -> None:
        _, self._shape, self._dtype, self._fortran, self._raw = state

    def array(self) -> Array:
        """The array, in the byte order of this machine.

        Raises:
            ValueError: Its parts do not fit together, or it holds no plain numbers.
        """
        shape = self._shape
        if not isinstance(shape, tuple) or not all(type(size) is int for size in shape):
            raise ValueError("an array without a shape")
        if not isinstance(self._dtype, _Dtype) or not isinstance(self._raw, bytes | bytearray):
            raise ValueError("an array of objects")
        dtype = self._dtype.dtype()
        if dtype.kind not in "biuf":
            raise ValueError("an array of text or objects")
        if min(shape, default=1) < 0 or math.prod(shape) * dtype.itemsize != len(self._raw):
            raise ValueError(f"{dtype} of shape {list(shape)} in {len(self._raw)} bytes")
        values = np.frombuffer(self._raw, dtype)
        values = values.reshape(shape, order="F" if self._fortran else "C")
        return np.ascontiguousarray(values, dtype.newbyteorder("=")).reshape(shape)

    def texts(self) -> list[str]:
        """The texts of an array of texts, of NumPy's type or as objects.

        Raises:
            ValueError: Its parts do not fit together, or it holds anything else.
        """
        raw, shape = self._raw, self._shape
        if not isinstance(self._dtype, _Dtype) or not isinstance(shape, tuple) or len(shape) != 1:
            raise ValueError("no row of texts")
        dtype = self._dtype.dtype()
        if isinstance(raw, list) and dtype.kind == "O" and shape == (len(raw),):
            if not all(isinstance(text, str) for text in raw):
                raise ValueError("no row of texts")
            return list(raw)
        if not isinstance(raw, bytes | bytearray) or dtype.kind != "U":
            raise ValueError("no row of texts")
        if type(shape[0]) is not int or shape[0] * dtype.itemsize != len(raw):
            raise ValueError(f"{dtype} of shape {list(shape)} in {len(raw)} bytes")
        bytes(raw).decode("utf-32-be" if dtype.str[0] == ">" else "utf-32-le")  # or it is damage
        row: list[str] = np.frombuffer(raw, dtype).tolist()
        return row


class _Dtype:
    __slots__ = ("_name", "_order")

    def __init__(self, name: object, texts: bool) -> None:
        known = isinstance(name, str) and (
            _DTYPE.fullmatch(name) or (texts and _TEXT.fullmatch(name))
        )
        if not isinstance(name, str) or not known:
            raise pickle.UnpicklingError("an array of something other than numbers")
        self._name, self._order = name, "="

    def __setstate__(self, state: tuple[object, ...]) -> None:
        order = state[1]
        if order not in ("<", ">", "=", "|"):
            raise pickle.UnpicklingError("an array of unknown byte order")
        self._order = str(order)

    def dtype(self) -> np.dtype[Any]:
        dtype = np.dtype(self._name)
        return dtype if self._order in "=|" else dtype.newbyteorder(self._order)  # type: ignore[arg-type]


class _Named:
    """What a global name in a pickle stands for; it can be called and not be changed."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function

    def __call__(self, *args: object) -> object:
        return self._function(*args)

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("a change of a global name")


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: mmap.mmap, texts: bool) -> None:
        super().__init__(file)
        self._budget = MAX_ENCODED * len(file)
        self._ndarray = _Named(_not_to_be_called)
        named = {
            ("numpy", "ndarray"): self._ndarray,
            ("numpy", "dtype"): _Named(lambda name, *_: _Dtype(name, texts)),
            ("_codecs", "encode"): _Named(self._encode),
        }
        for builtins in ("builtins", "__builtin__"):  # how protocols 0 to 2 write empty bytes
            named[builtins, "bytes"] = _Named(lambda: b"")
        for core in ("numpy.core", "numpy._core"):
            named[f"{core}.multiarray", "_reconstruct"] = _Named(self._reconstruct)
            named[f"{core}.multiarray", "scalar"] = _Named(_scalar)
            named[f"{core}.numeric", "_frombuffer"] = _Named(_frombuffer)
        self._named = named

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._named:
            raise pickle.UnpicklingError(f"the forbidden name {f'{module}.{name}'[:60]!r}")
        return self._named[module, name]

    def _encode(self, text: object, encoding: object) -> bytes:
        if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
            raise pickle.UnpicklingError("text in an unknown encoding")
        self._budget -= len(text)
        if self._budget < 0:
            raise pickle.UnpicklingError("more bytes than the file can mean")
        return codecs.encode(text, "latin-1")

    def _reconstruct(self, kind: object, *_: object) -> PickledArray:
        if kind is not self._ndarray:
            raise pickle.UnpicklingError("an array of unknown type")
        return PickledArray()


def _not_to_be_called(*_: object) -> None:
    raise pickle.UnpicklingError("an array without values")


def _scalar(dtype: object, raw: object) -> object:
    array = PickledArray()
    if isinstance(dtype, _Dtype) and dtype.dtype().kind == "U":
        array.__setstate__((1, (1,), dtype, False, raw))
        return array.texts()[0]
    array.__setstate__((1, (), dtype, False, raw))
    return array.array().item()


def _frombuffer(raw: object, dtype: object, shape: object, order: object) -> PickledArray:
    array = PickledArray()
    array.__setstate__((1, shape, dtype, order == "F", raw))
    return array


def load_pickle(path: str | Path, texts: bool = False) -> object:
    """Loads a pickle of dicts, lists, tuples, text, numbers and NumPy arrays and scalars.

    Arrays come as :class:`PickledArray`, scalars as Python numbers. Before anything is loaded, the
    instructions of the pickle are checked one by one, so that no claim of size is believed. Old and
    new names of NumPy's modules are known.

    Args:
        path: The file.
        texts: Allow arrays of texts, too, for :meth:`PickledArray.texts`.

    Raises:
        SkeletonFormatError: The file is missing or damaged, or wants anything else.
    """
    path = require_file(path, "a pickle")
    try:
        if not path.stat().st_size:
            raise EOFError("it is empty")
        with (
            open_plain(path) as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")  # about odd escapes in text
            scan_pickle(data, len(data))
            data.seek(0)
            return _Unpickler(data, texts).load()
    except DAMAGE as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        expected = "a pickle of containers, numbers, text and NumPy arrays"
        raise SkeletonFormatError(path, "the pickle", expected, reason) from None


def scan_pickle(
    data: IO[bytes] | mmap.mmap,
    size: int,
    forbidden: Container[str] = _FORBIDDEN,
    most: int | None = None,
) -> None:
    """Looks at the instructions of a pickle, one by one, before any is followed.

    Args:
        data: The pickle, from its first byte; it is left at its end.
        size: Its length in bytes.
        forbidden: The instructions it must not hold, by ``pickletools``' names.
        most: How many instructions it may have; none: any number.

    Raises:
        pickle.UnpicklingError: It holds one of them, claims a size that it has not, nests tuples to
            more than 65,536 items, or goes on after its end. Whatever else ``pickletools`` raises.
    """
    weights = _Weights()
    for count, (opcode, value, position) in enumerate(pickletools.genops(data)):  # type: ignore[arg-type]
        name, argument = opcode.name, value if isinstance(value, int) else 0
        if name in forbidden:
            raise pickle.UnpicklingError(f"the forbidden instruction {name} at byte {position}")
        if name == "PROTO" and argument > MAX_PROTOCOL:
            raise pickle.UnpicklingError(f"protocol {argument}")
        if name in ("PUT", "BINPUT", "LONG_BINPUT") and argument > count:
            raise pickle.UnpicklingError(f"memo {argument} after {count} instructions")
        if name == "FRAME" and argument > size:
            raise pickle.UnpicklingError(f"a frame of {argument} bytes at byte {position}")
        if most is not None and count >= most:
            raise pickle.UnpicklingError(f"more than {most} instructions")
        weights.follow(opcode, argument)
    if data.tell() != size:
        raise pickle.UnpicklingError(f"{size - data.tell()} bytes after the end")


class _Weights:
    """Follows the instructions of a pickle to learn how many items its tuples have, in all.

    A few bytes can put a tuple twice into another, and so on: to hash it would take forever.
    """

    def __init__(self) -> None:
        self._stack: list[int] = []  # 0 is a mark
        self._memo: dict[int, int] = {}

    def follow(self, opcode: pickletools.OpcodeInfo, argument: int) -> None:
        before, after = opcode.stack_before, opcode.stack_after
        name, popped, number = opcode.name, [], len(before)
        if name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self._memo[len(self._memo) if name == "MEMOIZE" else argument] = self._stack[-1]
            return
        if name in ("GET", "BINGET", "LONG_BINGET"):
            self._stack.append(self._memo[argument])
            return
        if pickletools.markobject in before:
            while item := self._stack.pop():
                popped.append(item)
            number = before.index(pickletools.markobject)
        popped += [self._stack.pop() for _ in range(number)]
        weight = 1
        if name.startswith("TUPLE"):
            weight += sum(popped)
        elif name == "DUP":
            weight = popped[0]
        if weight > MAX_TUPLE:
            raise pickle.UnpicklingError(f"a tuple of more than {MAX_TUPLE} items")
        self._stack += [0 if item is pickletools.markobject else weight for item in after]
