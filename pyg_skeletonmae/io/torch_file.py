"""Files of ``torch.save``, looked through before PyTorch reads them.

PyTorch's own safe reader runs nothing that a file names. It believes what a file says of its sizes,
though: of a storage longer than its bytes it reads what lies behind them, a few kilobytes deflate
to gigabytes, and a tensor of strides 0 is as large as it likes.
"""

from __future__ import annotations

import io
import math
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import torch

from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.files.plain import not_plain
from pyg_skeletonmae.io.safe_pickle import DAMAGE, scan_pickle
from pyg_skeletonmae.io.zip_file import open_zip

MAX_PICKLE = 16 * 2**20  # names, shapes and plain values; the numbers lie beside them
MAX_INSTRUCTIONS = 1_000_000  # about 25 for a tensor
MAX_VALUES, MAX_DEPTH = 1_000_000, 32
_FOLDER = 0x10  # among the attributes of a member
# What torch.save does not write.
_FORBIDDEN = {
    "INST", "OBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4", "PERSID", "STACK_GLOBAL", "LONG4",
    "NEXT_BUFFER", "READONLY_BUFFER", "FROZENSET", "DUP", "FRAME",
}  # fmt: skip
_STORAGES = {
    "FloatStorage": "float32", "DoubleStorage": "float64", "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16", "LongStorage": "int64", "IntStorage": "int32",
    "ShortStorage": "int16", "CharStorage": "int8", "ByteStorage": "uint8", "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64", "ComplexDoubleStorage": "complex128",
}  # fmt: skip
_PLAIN = ("torch.Size", "torch.device", "builtins.set", "__builtin__.set", "__builtin__.complex")
_EXPECTED = "not a readable checkpoint, damaged or not written by torch.save"


def read_torch_file(path: str | Path, allowed: tuple[type, ...] = (), verify: bool = False) -> Any:
    """Reads what ``torch.save`` wrote, onto the CPU.

    Everything is looked at first: the archive (its members are stored, not packed, so that they
    take no more memory than the file), the names in it, and that each storage has the bytes it
    claims and each tensor lies within its storage.

    Args:
        path: The file.
        allowed: The classes, besides tensors and plain values, that may be in it.
        verify: Compare all content with the checksums (CRC-32) that ``torch.save`` wrote beside it,
            and PyTorch's own reader leaves alone: a flipped bit is then an error.

    Raises:
        CheckpointError: The file is missing, no plain file, damaged, or holds an object of another
            class (such a file could run code; it is not unpickled).
    """
    path = Path(path)
    if (other := not_plain(path)) is not None:
        reason = "no such file" if other.startswith("nothing") else f"{other}, not a plain file"
        raise CheckpointError(f"{path}: {reason}")
    try:
        _look_through(path, allowed, verify)
    except (*DAMAGE, zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise CheckpointError(f"{path}: {_EXPECTED} ({reason})") from None
    try:
        with torch.serialization.safe_globals([*allowed]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # A damaged file makes the reader fail in any way it likes.
        # Its message is left out: it advises to unpickle freely.
        raise CheckpointError(f"{path}: {_EXPECTED} ({type(error).__name__})") from None


def _look_through(path: Path, allowed: tuple[type, ...], verify: bool) -> None:
    with open_zip(path) as archive:
        members = archive.infolist()
        top = members[0].filename.partition("/")[0] if members else ""
        sizes: dict[str, int] = {}
        for member in members:
            name = member.filename
            folder, _, inner = name.partition("/")
            if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
                raise ValueError(f"{name:.60}: packed, which torch.save never does")
            if member.is_dir() or member.external_attr & _FOLDER:
                raise ValueError(f"{name:.60}: a folder, which PyTorch's reader leaves empty")
            if folder != top or inner.lower() in sizes or ".." in inner or "\\" in inner:
                raise ValueError(f"{name:.60}: a name that stands twice or leads elsewhere")
            sizes[inner.lower()] = member.file_size
        if sum(sizes.values()) > path.stat().st_size:
            raise ValueError("members that are larger than the file")
        if "data.pkl" not in sizes or "constants.pkl" in sizes or sizes["data.pkl"] > MAX_PICKLE:
            raise ValueError(f"no data.pkl of at most {MAX_PICKLE} bytes, or a script")
        if verify and (other := archive.testzip()) is not None:
            raise ValueError(f"{other:.60}: not as it was written, its checksum is another")
        data = archive.read(f"{top}/data.pkl")
    scan_pickle(io.BytesIO(data), len(data), _FORBIDDEN, MAX_INSTRUCTIONS)
    _count_values(_Looker(data, sizes, allowed).load())


class _Storage(NamedTuple):
    num_bytes: int
    item: int


class _Named:
    """What a harmless global name stands for: it gives back what it is called with."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *args: object) -> list[object]:
        return [*args]

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("a change of a global name")


class _Object:
    """What an object of an allowed class holds."""

    content: object = None

    def __setstate__(self, state: object) -> None:
        self.content = state


class _Order(OrderedDict[Any, Any]):
    """An ordered dict, of which a state dict keeps the versions of its modules as an attribute."""

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, dict) or not state.keys() <= {"_metadata"}:
            raise ValueError("a dict with attributes")


class _Looker(pickle.Unpickler):
    """Follows a pickle of ``torch.save`` with stand-ins, and checks what it says of sizes."""

    def __init__(self, data: bytes, sizes: dict[str, int], allowed: tuple[type, ...]) -> None:
        super().__init__(io.BytesIO(data))
        self._sizes = sizes
        self._named: dict[str, Any] = {
            "collections.OrderedDict": _Order,
            "torch._utils._rebuild_tensor_v2": _look_at_tensor,
            "torch._utils._rebuild_tensor_v3": _look_at_typed_tensor,
            "torch._utils._rebuild_parameter": _look_at_parameter,
            **{f"{kind.__module__}.{kind.__qualname__}": _Object for kind in allowed},
        }

    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        if full in self._named:
            return self._named[full]
        if full in _PLAIN or (module == "torch" and _item_size(name)):
            return _Named(name)
        if full == "torch.storage.UntypedStorage":
            return _Named("ByteStorage")
        if module == "torch._utils":
            raise pickle.UnpicklingError(f"it holds a tensor that is no plain one ({name[:80]})")
        raise pickle.UnpicklingError(
            f"it holds {full[:80]}, which is not unpickled: such a file could run code"
        )

    def persistent_load(self, place: object) -> _Storage:
        if not isinstance(place, tuple) or len(place) != 5 or place[0] != "storage":
            raise ValueError("a storage of another format")
        _, kind, key, _, numel = place
        item = _item_size(kind.name) if isinstance(kind, _Named) else 0
        size = self._sizes.get(f"data/{key}")
        if not item or type(key) is not str or type(numel) is not int or size is None:
            raise ValueError("a storage that is not in the file")
        if not 0 <= numel * item <= size:
            raise ValueError(f"a storage of {numel} numbers in {size} bytes")
        return _Storage(numel * item, item)


def _item_size(name: str) -> int:
    """Bytes of a number, by the name of a type or a storage of ``torch``; 0 for other names."""
    kind = getattr(torch, _STORAGES.get(name, name), None)
    return kind.itemsize if isinstance(kind, torch.dtype) else 0


def _look_at_tensor(
    storage: object,
    offset: object,
    size: object,
    stride: object,
    requires_grad: object = False,
    hooks: object = None,
    metadata: object = None,
) -> None:
    """Checks that a tensor lies within its storage, without numbers that it shows again."""
    if not isinstance(storage, _Storage) or hooks or metadata or type(requires_grad) is not bool:
        raise ValueError("a tensor with more than a shape and values")
    numbers = [offset]
    for axes in (size, stride):
        if not isinstance(axes, tuple | list):
            raise ValueError("a tensor without a shape")
        numbers += axes
    if any(type(number) is not int or not 0 <= number < 2**62 for number in numbers):
        raise ValueError("a tensor of a negative or no shape")
    assert isinstance(offset, int) and isinstance(size, tuple | list)
    assert isinstance(stride, tuple | list)
    if len(size) != len(stride):
        raise ValueError("a tensor whose strides do not fit its shape")
    if 0 in size:
        return
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    room = storage.num_bytes // storage.item
    if last >= room or math.prod(size) > room:
        raise ValueError(
            f"a tensor of shape {list(size)!s:.80}, larger than what the file holds of it, "
            f"{room} numbers"
        )


def _look_at_typed_tensor(
    storage: object, offset: object, size: object, stride: object,
    requires_grad: object, hooks: object, dtype: object, metadata: object = None,
) -> None:  # fmt: skip
    item = _item_size(dtype.name) if isinstance(dtype, _Named) else 0
    if not isinstance(storage, _Storage) or not item:
        raise ValueError("a tensor of unknown type")
    storage = storage._replace(item=item)
    _look_at_tensor(
        storage,
        offset,
        size,
        stride,
        requires_grad=requires_grad,
        hooks=hooks,
        metadata=metadata,
    )


def _look_at_parameter(data: object, requires_grad: object, hooks: object) -> None:
    if data is not None or type(requires_grad) is not bool or hooks:
        raise ValueError("a parameter that is no tensor")


def _count_values(content: object) -> None:
    """Counts everything as often as it is referred to: the same list may stand in many places."""
    rest, count = [(content, 0)], 0
    while rest:
        value, depth = rest.pop()
        count += 1
        if count > MAX_VALUES or depth > MAX_DEPTH:
            raise ValueError(f"more than {MAX_VALUES} values, or {MAX_DEPTH} levels of them")
        if isinstance(value, _Object):
            rest.append((value.content, depth + 1))
        elif isinstance(value, dict):
            rest += [(item, depth + 1) for pair in value.items() for item in pair]
        elif isinstance(value, list | tuple | set):
            rest += [(item, depth + 1) for item in value]
