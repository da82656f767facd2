"""npy and npz files: read without pickles and without trust in a header, written in one go."""

from __future__ import annotations

import math
import mmap
import os
import struct
import sys
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from pyg_skeletonmae.errors import SkeletonFormatError, SkeletonMAEError
from pyg_skeletonmae.files.bus_error import watch
from pyg_skeletonmae.files.plain import not_plain, open_plain
from pyg_skeletonmae.files.write import write_file
from pyg_skeletonmae.io.zip_file import open_zip

Array = npt.NDArray[Any]

MAX_GROWTH = 50
MAX_KEY = 200
FREE_BYTES = 256 * 2**20
_CHUNK = 2**20
_KINDS = {"i": "integers", "u": "integers", "f": "floats", "b": "booleans", "U": "text"}
# All that zip, deflate and npy readers are known to raise on damaged or hostile bytes.
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError, EOFError, OSError,
    ValueError, TypeError, SyntaxError, RuntimeError, MemoryError, OverflowError,
)  # fmt: skip


class Header(NamedTuple):
    """What the header of an npy file claims."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    offset: int

    @property
    def num_bytes(self) -> int:
        """The size of the file that fits the claim."""
        return self.offset + math.prod(self.shape) * self.dtype.itemsize


class NpzFile:
    """An npz file, opened but not read: arrays are checked and loaded one by one.

    Nothing is unpickled, and nothing is allocated before the header's claim was compared with the
    size of the member. A small file that unpacks to a big one is refused: all members together may
    take 256 MiB, or 50 times the size of the file if that is more (our choice: real joint data
    shrink by a factor of 1 to 10, masks by up to 1000 but they are small beside the joints).

    Args:
        path: The file.

    Raises:
        SkeletonFormatError: The file is missing, no zip archive, damaged, or unpacks to too much.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = require_file(path, "an npz file")
        with _reading(self.path, "the file", "an npz file (a zip archive of npy arrays)"):
            self._zip = open_zip(self.path)
        members = self._zip.infolist()
        self._members = {m.filename.removesuffix(".npy"): m for m in members}
        size = sum(member.file_size for member in members)
        limit = max(FREE_BYTES, MAX_GROWTH * self.path.stat().st_size)
        longest = max(map(len, self._members), default=0)
        try:
            if size > limit:
                self._fail("the file", f"at most {limit} bytes when unpacked", f"{size} bytes")
            if longest > MAX_KEY:
                names = f"array names of at most {MAX_KEY} letters"
                self._fail("the file", names, f"{longest} letters")
            if len(self._members) != len(members):
                self._fail("the file", "distinct array names", "an array that stands twice")
        except SkeletonFormatError:
            self.close()
            raise

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the arrays."""
        return tuple(self._members)

    def header(self, key: str) -> Header:
        """Shape and type of an array, without loading it.

        Raises:
            SkeletonFormatError: The array is missing, holds pickled objects, or its header is
                damaged or claims another size than the member has.
        """
        with self._open(key) as (header, _):
            return header

    def array(self, key: str, kinds: str, ndim: int) -> Array:
        """Loads an array.

        Args:
            key: Its name.
            kinds: NumPy's letters of the kinds of type it may have, for example ``"iu"``.
            ndim: The number of axes it must have.

        Raises:
            SkeletonFormatError: As :meth:`header`; or another type or number of axes; or the bytes
                are damaged.
        """
        with self._open(key) as (header, file):
            self._check_kind(key, header, kinds, ndim)
            return _read_values(header, file)

    def rows(self, key: str, kinds: str, ndim: int) -> Generator[Array, None, None]:
        """Loads an array entry by entry along its first axis, so that it may exceed the memory.

        An array in Fortran order, whose entries are scattered, is loaded at once.

        Args:
            key: As for :meth:`array`.
            kinds: As for :meth:`array`.
            ndim: As for :meth:`array`; at least 1.

        Raises:
            SkeletonFormatError: As :meth:`array`.
        """
        with self._open(key) as (header, file):
            self._check_kind(key, header, kinds, ndim)
            if header.fortran:
                yield from _read_values(header, file)
                return
            row = header._replace(shape=header.shape[1:])
            for _ in range(header.shape[0]):
                yield _read_values(row, file)

    def close(self) -> None:
        """Closes the file."""
        self._zip.close()

    def __enter__(self) -> NpzFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path.name}, arrays={len(self._members)})"

    @contextmanager
    def _open(self, key: str) -> Iterator[tuple[Header, IO[bytes]]]:
        if key not in self._members:
            found = f"only {', '.join(map(repr, sorted(self._members))):.300}"
            self._fail(f"array {key!r}", "an array of that name", found)
        member, where = self._members[key], f"array {key!r}"
        with _reading(self.path, where, "a whole npy array"), self._zip.open(member) as file:
            header = read_header(file)
            check_header(header, member.file_size, self.path, where)
            yield header, file

    def _check_kind(self, key: str, header: Header, kinds: str, ndim: int) -> None:
        if header.dtype.kind not in kinds:
            expected = " or ".join(dict.fromkeys(_KINDS[kind] for kind in kinds))
            self._fail(f"array {key!r}", expected, f"type {header.dtype}")
        if len(header.shape) != ndim:
            self._fail(f"array {key!r}", f"{ndim} axes", f"shape {list(header.shape)}")

    def _fail(self, where: str, expected: str, found: str) -> NoReturn:
        raise SkeletonFormatError(self.path, where, expected, found)


def map_npy(path: str | Path) -> Array:
    """Maps an npy file into memory, copy on write: pages are read when they are touched.

    Reading on where the file has become shorter ends the process, naming the file;
    :func:`check_mapped` looks first.

    Raises:
        SkeletonFormatError: The file is missing, damaged, holds pickled objects, is in Fortran
            order, or is shorter or longer than its header says.
    """
    path = require_file(path, "an npy file")
    with _reading(path, "header", "a whole npy array"):
        with open_plain(path) as file:
            header = read_header(file)
            check_header(header, os.fstat(file.fileno()).st_size, path, "header")
            if header.fortran or 0 in header.shape:
                raise ValueError(f"shape {list(header.shape)}, Fortran order {header.fortran}")
            whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
            watch(whole, path)
        return np.ndarray(header.shape, header.dtype, whole, header.offset)


def check_mapped(array: Array, path: Path) -> None:
    """Looks whether the file behind an array of :func:`map_npy` is as long as it was.

    The one that was mapped, also if another has its name by now: it stays as it is.

    Raises:
        SkeletonFormatError: It is shorter.
    """
    whole: object = array.base
    assert isinstance(whole, mmap.mmap)
    if whole.size() < len(whole):
        raise SkeletonFormatError(
            path,
            "the file",
            f"the {len(whole)} bytes that it had when it was opened",
            f"{whole.size()}: something else writes there; restore it and go on with the last "
            "checkpoint",
        )


def write_npz(path: str | Path, arrays: Mapping[str, Array], compress: bool = True) -> None:
    """Writes an npz file, whole or not at all.

    Args:
        path: The file; its folder is made if need be.
        arrays: The arrays, by name; object arrays are a ``ValueError``.
        compress: Deflate them.
    """
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED

    def write(whole: IO[bytes]) -> None:
        with zipfile.ZipFile(whole, "w", method) as archive:
            for key, array in arrays.items():
                with archive.open(f"{key}.npy", "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)

    write_file(path, write)


def read_header(file: IO[bytes]) -> Header:
    """Reads the header of an npy stream and leaves the stream at the first value."""
    version = np.lib.format.read_magic(file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about files that were written under Python 2
        if version == (1, 0):
            claim = np.lib.format.read_array_header_1_0(file)
        elif version == (2, 0):
            claim = np.lib.format.read_array_header_2_0(file)
        else:
            raise ValueError(f"version {version} of the npy format")
    return Header(*claim, file.tell())


def check_header(header: Header, size: int, path: Path, where: str) -> None:
    """Compares a header with the size of its file.

    Raises:
        SkeletonFormatError: They differ, or the array holds pickled objects.
    """
    if header.dtype.hasobject:
        raise SkeletonFormatError(path, where, "plain numbers or text", "pickled objects")
    if min(header.shape, default=1) < 0 or header.dtype.itemsize == 0 or header.num_bytes != size:
        claim = f"{header.dtype} of shape {list(header.shape)}"
        raise SkeletonFormatError(
            path, where, f"the {size} bytes that are there", f"a claim of {claim}"
        )


def _read_values(header: Header, file: IO[bytes]) -> Array:
    values = np.empty(header.num_bytes - header.offset, np.uint8)
    view, start = values.data, 0
    while start < len(values):
        count = file.readinto(view[start : start + _CHUNK])  # type: ignore[attr-defined]
        if not count:
            raise EOFError("the file ends early")
        start += count
    if header.dtype.kind == "U":
        codes = values.view(np.dtype(np.uint32).newbyteorder(header.dtype.byteorder))
        # Text that Python cannot hold, or could not write, is damage.
        if ((codes > sys.maxunicode) | ((codes >= 0xD800) & (codes < 0xE000))).any():
            raise ValueError("text of what are no letters")
    array = values.view(header.dtype).reshape(header.shape, order="F" if header.fortran else "C")
    return np.ascontiguousarray(array, header.dtype.newbyteorder("=")).reshape(header.shape)


def require_file(path: str | Path, what: str) -> Path:
    """The path, if a file is there.

    Raises:
        SkeletonFormatError: Nothing is there, or a folder, a pipe, a socket or a device.
    """
    path = Path(path)
    found = not_plain(path)
    if found is not None:
        raise SkeletonFormatError(path, "the path", what, found)
    return path


@contextmanager
def _reading(path: Path, where: str, expected: str) -> Iterator[None]:
    """Turns whatever the readers below raise on bad bytes into one line about the file."""
    try:
        yield
    except SkeletonMAEError:
        raise
    except _DAMAGE as error:
        reason = str(error).partition("\n")[0][:120] or type(error).__name__
        raise SkeletonFormatError(path, where, expected, f"damage ({reason})") from None
