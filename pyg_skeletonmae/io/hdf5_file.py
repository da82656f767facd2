"""HDF5 files that nobody vouches for: plain datasets of a known size, and nothing outside."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

import numpy as np

from pyg_skeletonmae.errors import ConfigError, SkeletonFormatError, SkeletonMAEError
from pyg_skeletonmae.files.plain import open_plain
from pyg_skeletonmae.io.npz import Array, require_file
from pyg_skeletonmae.io.poses import check_size

_BUILT_IN = {1, 2, 3}  # deflate, shuffle, checksum: other filters may load a plugin
_MAX_DEFLATE = 1100  # a byte of deflate gives 1032 at most
_MAX_NAME = 1024
# All that h5py is known to raise on damaged bytes.
_DAMAGE = (
    OSError, KeyError, RuntimeError, ValueError, TypeError, AttributeError, OverflowError,
    MemoryError, EOFError, SystemError,
)  # fmt: skip


class Hdf5File:
    """An HDF5 file of datasets, read one by one.

    Links to other files, virtual and external datasets, and filters that HDF5 would load from a
    plugin are refused, and nothing is allocated before its size is known.

    Args:
        path: The file.

    Raises:
        SkeletonFormatError: The file is missing or damaged; so do all methods, and within ``with``
            whatever h5py raises becomes one.
        ConfigError: h5py is not installed.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = require_file(path, "an HDF5 file")
        try:
            self._h5py: Any = importlib.import_module("h5py")
        except ImportError:
            install = "pip install 'pyg_skeletonmae[poses]'"
            raise ConfigError(f"{path}: SLEAP files need h5py: {install}") from None
        try:
            self._file: Any = self._h5py.File(self.path, "r")
        except _DAMAGE as error:
            self._damage(error)

    def shape(self, key: str) -> tuple[int, ...]:
        """The shape of a dataset."""
        return tuple(self._dataset(key).shape)

    def floats(self, key: str, ndim: int) -> Array:
        """A dataset of floats, as float32."""
        with np.errstate(over="ignore"):
            return np.asarray(self._numbers(key, ndim, "f").astype(np.float32)[()])

    def integers(self, key: str, ndim: int) -> Array:
        """A dataset of integers."""
        return np.asarray(self._numbers(key, ndim, "iu")[()])

    def texts(self, key: str, most: int) -> list[str]:
        """A dataset of so many texts at most, one at least."""
        dataset = self._dataset(key)
        shape, itemsize = dataset.shape, dataset.dtype.itemsize
        if len(shape) != 1 or not 0 < shape[0] <= most or itemsize > _MAX_NAME:
            self.fail(key, f"1 to {most} names", f"{dataset.dtype} of shape {list(shape)}")
        if self._h5py.check_string_dtype(dataset.dtype) is None:
            self.fail(key, "text", f"{dataset.dtype}")
        if dataset.dtype.kind == "O":
            # HDF5 believes the lengths that texts claim, up to 4 GiB each.
            address_bytes, _ = self._file.id.get_create_plist().get_sizes()
            offset, size = dataset.id.get_offset(), 4 + address_bytes + 4
            if offset is None or dataset.id.get_storage_size() != dataset.size * size:
                self.fail(key, "texts of fixed length, or of any length without chunks", "others")
            with open_plain(self.path) as file:
                file.seek(offset)
                data = file.read(dataset.size * size)
            starts = range(0, len(data), size)
            longest = max(int.from_bytes(data[i : i + 4], "little") for i in starts)
            if longest > _MAX_NAME:
                self.fail(key, f"texts of at most {_MAX_NAME} bytes", f"{longest} bytes")
        return [str(text) for text in dataset.asstr()[()]]

    def has_attribute(self, key: str, name: str) -> bool:
        """Whether a dataset has an attribute."""
        return name in self._dataset(key).attrs

    def attribute(self, key: str, name: str) -> str | None:
        """A text attribute of a dataset, None if it has none, or one of variable length.

        HDF5 believes the length that such a text claims, up to 4 GiB, and has no way to ask first.
        """
        if not self.has_attribute(key, name):
            return None
        attributes = self._dataset(key).attrs
        kind = attributes.get_id(name).dtype
        if self._h5py.check_string_dtype(kind) is not None and kind.kind == "O":
            return None
        if kind.kind != "S" or kind.itemsize > _MAX_NAME:
            self.fail(f"{key}, attribute {name!r}", "a text", f"{kind}")
        return bytes(attributes[name]).decode("utf-8")

    def fail(self, where: str, expected: str, found: str) -> NoReturn:
        """Raises :class:`SkeletonFormatError` about this file."""
        raise SkeletonFormatError(self.path, where, expected, found) from None

    def _numbers(self, key: str, ndim: int, kinds: str) -> Any:
        dataset = self._dataset(key)
        if dataset.dtype.kind not in kinds or len(dataset.shape) != ndim:
            expected = f"{'floats' if kinds == 'f' else 'integers'} with {ndim} axes"
            self.fail(key, expected, f"{dataset.dtype} of shape {list(dataset.shape)}")
        return dataset

    def _dataset(self, key: str) -> Any:
        if key not in self:
            self.fail("the file", f"the dataset {key!r}", f"only {sorted(self._file)!r:.200}")
        if not isinstance(self._file.get(key, getlink=True), self._h5py.HardLink):
            self.fail(key, "data in this file", "a link")
        dataset = self._file[key]
        if not isinstance(dataset, self._h5py.Dataset) or dataset.shape is None:
            self.fail(key, "a dataset", type(dataset).__name__)
        settings = dataset.id.get_create_plist()
        filters = {settings.get_filter(i)[0] for i in range(settings.get_nfilters())}
        if dataset.is_virtual or dataset.external or filters - _BUILT_IN:
            found = f"filters {filters}, virtual or external data"
            self.fail(key, "plain data, packed by deflate at most", found)
        for shape in (dataset.shape, dataset.chunks or ()):
            check_size(self.path, shape)
        stored = min(dataset.id.get_storage_size(), self.path.stat().st_size)
        if dataset.size * dataset.dtype.itemsize > _MAX_DEFLATE * stored:
            self.fail(key, f"what {stored} bytes can hold", f"shape {list(dataset.shape)}")
        return dataset

    def _damage(self, error: BaseException) -> NoReturn:
        reason = str(error).partition("\n")[0][:120] or type(error).__name__
        self.fail("the file", "a whole HDF5 file", f"damage ({reason})")

    def __contains__(self, key: str) -> bool:
        return key in self._file

    def __enter__(self) -> Hdf5File:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        if isinstance(error, _DAMAGE) and not isinstance(error, SkeletonMAEError):
            self._damage(error)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path.name})"
