"""Streams clips into the files of a store."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from pyg_skeletonmae.__about__ import __version__
from pyg_skeletonmae.datasets.labels import check_labels, max_label
from pyg_skeletonmae.datasets.store.card import FORMAT
from pyg_skeletonmae.datasets.store.clips import Clip
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.files.names import nfc
from pyg_skeletonmae.io.npz import write_npz
from pyg_skeletonmae.skeleton import Skeleton

Array = npt.NDArray[Any]


class RowWriter:
    """Writes an npy file whose number of rows is known at the end only, and hashes its bytes.

    Args:
        path: The file; None: they lie elsewhere already, and are hashed alone.
        dtype: The type of its values.
        row_shape: The shape of one row.
    """

    def __init__(self, path: Path | None, dtype: type, row_shape: tuple[int, ...]) -> None:
        self.rows, self.hash = 0, hashlib.sha256()
        self._dtype, self._row_shape = np.dtype(dtype), row_shape
        self._file = None if path is None else path.open("wb")
        self._start = 0 if self._file is None else self._write_header(self._file)

    def write(self, rows: Array) -> None:
        """Appends rows, ``[n, *row_shape]``."""
        data = np.ascontiguousarray(rows, self._dtype).reshape(-1).view(np.uint8).data
        if self._file is not None:
            self._file.write(data)
        self.hash.update(data)
        self.rows += len(rows)

    def close(self) -> None:
        """Writes the number of rows into the header, which NumPy pads for that purpose."""
        if self._file is not None and not self._file.closed:
            self._file.seek(0)
            if self._write_header(self._file) != self._start:
                raise DataError("the header of an npy file has grown")
            self._file.close()

    def _write_header(self, file: IO[bytes]) -> int:
        np.lib.format.write_array_header_1_0(
            file,
            {
                "shape": (self.rows, *self._row_shape),
                "fortran_order": False,
                "descr": np.lib.format.dtype_to_descr(self._dtype),
            },
        )
        return file.tell()


class StoreWriter:
    """Collects what the index and the card of a store say while its clips are written.

    Args:
        folder: An empty folder.
        skeleton: The skeleton of all clips.
        num_channels: The number of channels of all clips.
        with_rows: Write their coordinates; else these lie in files of other stores already.
    """

    def __init__(
        self, folder: Path, skeleton: Skeleton, num_channels: int, with_rows: bool = True
    ) -> None:
        self.folder, self.skeleton, self.num_channels = folder, skeleton, num_channels
        pos, valid = (folder / name if with_rows else None for name in ("pos.npy", "valid.npy"))
        self._pos = RowWriter(pos, np.float32, (skeleton.num_joints, num_channels))
        self._valid = RowWriter(valid, np.bool_, (skeleton.num_joints,))
        self._missing = self._zero = 0
        self._clips: dict[str, list[Any]] = {key: [] for key in ("persons", "length", "subject")}
        self._names: list[str] = []
        self._labels: list[int | None] = []
        self._extra: list[dict[str, float]] = []
        self._rates: list[float] = []  # NaN where unknown

    def add(self, clip: Clip) -> None:
        """Appends a checked clip, see :func:`~pyg_skeletonmae.datasets.store.clips.checked_clip`.

        Raises:
            DataError: It has other channels than the clips before it.
        """
        pos, valid = np.asarray(clip.pos), np.asarray(clip.valid)
        if pos.shape[3] != self.num_channels:
            raise DataError(
                f"{clip.name}: {pos.shape[3]} channels, but the clips before it {self.num_channels}"
            )
        self._pos.write(pos.reshape(-1, *pos.shape[2:]))
        self._valid.write(valid.reshape(-1, valid.shape[2]))
        self._missing += int(valid.size - np.count_nonzero(valid))
        self._zero += int(np.count_nonzero(valid & ~pos.any(-1)))
        values = {"persons": pos.shape[0], "length": pos.shape[1], "subject": clip.subject}
        for key, value in values.items():
            self._clips[key].append(value)
        self._names.append(nfc(clip.name))
        self._labels.append(None if clip.label is None else int(clip.label))
        self._extra.append(dict(clip.extra))
        self._rates.append(math.nan if clip.fps is None else float(clip.fps))

    def close(self) -> None:
        """Closes the files; nothing can be added afterwards."""
        self._pos.close()
        self._valid.close()

    def finish(
        self,
        class_names: Sequence[str] | None,
        card: dict[str, Any],
        fps: float | None = None,
        largest: int | None = None,
    ) -> str:
        """Writes skeleton and index, and last the card, without which no store opens.

        Args:
            class_names: The names of the classes; None = the numbers.
            card: Further entries of the card.
            fps: The frame rate of all clips; None = as they say.
            largest: The largest label there may be if ``class_names`` is None.

        Returns:
            The hash of the content, see :func:`content_hash`.

        Raises:
            DataError: Some clips only have a label, columns differ between clips, or labels are
                larger than ``largest``.
        """
        self.close()
        if not self._missing:
            (self.folder / "valid.npy").unlink(missing_ok=True)
        index = self._index()
        rates: dict[str, dict[str, int]] = {}
        if fps is None:
            fps = common_rate(self._rates)
            if fps is None and not np.isnan(self._rates).all():
                index["extra_fps"] = np.asarray(self._rates)
                ordered = sorted(self._rates, key=lambda rate: (math.isnan(rate), rate))
                texts = ("unknown" if math.isnan(r) else str(round(r, 3)) for r in ordered)
                rates["rates"] = dict(Counter(texts))
        names = self._class_names(class_names, largest)
        digest = content_hash(
            self.skeleton, names, index, [self._pos.hash.digest(), self._valid.hash.digest()]
        )
        self.skeleton.to_yaml(self.folder / "skeleton.yaml")
        write_npz(self.folder / "index.npz", index, compress=False)
        counts = self._counts(index, names)
        head = {"format": FORMAT, "library_version": __version__}
        said = {**head, "content_hash": digest, **counts, "fps": fps, **rates, **card}
        if len(names) > max_label(len(self._names)):
            empty = sum(not count for count in counts["clips_per_class"].values())
            note = f"{empty} of {len(names)} classes have no clip"
            said["notes"] = [*card.get("notes", ()), note]
        text = json.dumps(said, indent=1)
        (self.folder / "card.json").write_text(text + "\n", encoding="utf-8")
        return digest

    def _index(self) -> dict[str, Array]:
        columns = {key: np.asarray(values, np.int64) for key, values in self._clips.items()}
        persons, length = columns.pop("persons"), columns["length"]
        track_length = np.repeat(length, persons)
        index: dict[str, Array] = {
            **columns,
            "names": np.asarray(self._names, dtype=np.str_),
            "clip_track": np.concatenate([[0], np.cumsum(persons)]).astype(np.int64),
            "track_start": (np.cumsum(track_length) - track_length).astype(np.int64),
        }
        labels = [label for label in self._labels if label is not None]
        if labels and len(labels) != len(self._labels):
            bare = self._names[self._labels.index(None)]
            raise DataError(f"{bare}: has no label, but other clips have one")
        if labels:
            index["label"] = np.asarray(labels, np.int64)
        keys = self._extra[0].keys()
        for name, extra in zip(self._names, self._extra, strict=True):
            if extra.keys() != keys:
                raise DataError(
                    f"{name}: columns {sorted(extra)}, but the first clip {sorted(keys)}"
                )
        for key in keys:
            index[f"extra_{key}"] = np.asarray([extra[key] for extra in self._extra])
        return index

    def _class_names(self, class_names: Sequence[str] | None, largest: int | None) -> list[str]:
        if class_names is not None:
            names = [nfc(name) for name in class_names]
            if twice := [name for name in names if names.count(name) > 1]:
                raise DataError(f"class_names: {twice[0]!r:.60} stands twice")
            return names
        labels = [label for label in self._labels if label is not None]
        check_labels(labels, largest)
        return [str(label) for label in range(max(labels, default=-1) + 1)]

    def _counts(self, index: dict[str, Array], class_names: list[str]) -> dict[str, Any]:
        length, label = index["length"], index.get("label")
        per_class = (
            np.bincount(label, minlength=len(class_names)).tolist() if label is not None else []
        )
        return {
            "clips": len(length),
            "tracks": len(index["track_start"]),
            "persons": _histogram(np.diff(index["clip_track"])),
            "frames": {
                "min": int(length.min()),
                "median": float(np.median(length)),
                "mean": round(float(length.mean()), 2),
                "max": int(length.max()),
                "total": int(length.sum()),
            },
            "missing_joints": self._missing,
            "zero_joints": self._zero,
            "skeleton": self.skeleton.name,
            "num_joints": self.skeleton.num_joints,
            "num_channels": self.num_channels,
            "class_names": class_names,
            "clips_per_class": dict(zip(class_names, per_class, strict=False)),
            "clips_per_subject": _histogram(index["subject"]),
        }


def common_rate(rates: Sequence[float]) -> float | None:
    """The frame rate of clips if they have one: within 0.1 %, as files round their frame times."""
    low, high = np.min(rates), np.max(rates)
    return float(np.median(rates)) if high - low <= 1e-3 * high else None  # NaN compares False


def content_hash(
    skeleton: Skeleton, class_names: Sequence[str], index: dict[str, Array], digests: list[bytes]
) -> str:
    """SHA-256 of everything a store holds except its card.

    Args:
        skeleton: The skeleton.
        class_names: The names of the classes.
        index: The arrays of ``index.npz``.
        digests: SHA-256 of the values of ``pos`` and of ``valid`` (all of it, written or not).
    """
    digest = hashlib.sha256(repr((skeleton.joints, skeleton.bones, list(class_names))).encode())
    for part in digests:
        digest.update(part)
    for key in sorted(index):
        digest.update(key.encode())
        digest.update(np.ascontiguousarray(index[key]).tobytes())
    return digest.hexdigest()


def _histogram(values: Array) -> dict[str, int]:
    return {str(value): count for value, count in sorted(Counter(values.tolist()).items())}
