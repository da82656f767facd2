"""Clips of one skeleton as a data set of PyG, over the memory-mapped store."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch_geometric.data import Data, Dataset

from pyg_skeletonmae.batch import positions
from pyg_skeletonmae.datasets.conversion import Filter, Transform, processed_store, to_data
from pyg_skeletonmae.datasets.labels import extra_columns, named_labels, nearest
from pyg_skeletonmae.datasets.packing import fits, pack, packed_clips, packed_skeleton
from pyg_skeletonmae.datasets.splits import split_positions
from pyg_skeletonmae.datasets.store import ClipStore, write_store
from pyg_skeletonmae.datasets.store.clips import Array, Clip, NanPolicy, plain_array
from pyg_skeletonmae.datasets.store.data_card import DataCard, grouped_notes
from pyg_skeletonmae.datasets.store.zero_clips import settled_clips
from pyg_skeletonmae.draws import clip_keys
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.files.names import nfc
from pyg_skeletonmae.io.axes import check_axes, check_order, reorder
from pyg_skeletonmae.io.packed import UIPRMD_SCALE, read_packed, write_packed
from pyg_skeletonmae.io.zeros import Zeros, check_zeros
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import get_layout

Self = TypeVar("Self", bound="SkeletonDataset")
_MISSING = object()


class SkeletonDataset(Dataset):
    r"""Clips of one skeleton, read from a :class:`~pyg_skeletonmae.datasets.ClipStore`.

    A clip is a plain :class:`torch_geometric.data.Data`, its fields are listed in
    :mod:`pyg_skeletonmae.batch`. Slices, index lists and :meth:`split` give views of the same
    store: nothing is copied.

    Args:
        root: The folder of the store, or a store that is open.
        transform: Applied to a clip at every access.
        pre_transform: Applied once to every clip; the results are a store of their own, written
            under ``root/processed``, in a folder whose name follows from what the two functions
            are and do (see :func:`~pyg_skeletonmae.datasets.fingerprint.described`), so that
            different settings never mix. It must keep the joints.
        pre_filter: Called once with every clip, before ``pre_transform``; False leaves it out.
        force_reload: Apply ``pre_filter`` and ``pre_transform`` anew, also if that was done before.

    Raises:
        SkeletonFormatError: There is no store, or it is damaged.
        DataError: ``pre_filter`` leaves no clip, or ``pre_transform`` changes the joints.

    Example:
        >>> import numpy
        >>> clips = [numpy.random.rand(2, 30, 22, 3), numpy.random.rand(40, 22, 3)]
        >>> dataset = SkeletonDataset.from_arrays(clips, [1, 0], "uiprmd22")
        >>> dataset[0].pos.shape, int(dataset[0].num_tracks)
        (torch.Size([44, 30, 3]), 2)
    """

    def __init__(
        self,
        root: str | Path | ClipStore,
        transform: Transform | None = None,
        pre_transform: Transform | None = None,
        pre_filter: Filter | None = None,
        force_reload: bool = False,
    ) -> None:
        self.store = root if isinstance(root, ClipStore) else ClipStore(root)
        folder = None if self.store.in_memory else str(self.store.root)
        super().__init__(folder, transform, pre_transform, pre_filter, force_reload=force_reload)
        self.set_epoch(0)
        if pre_transform is not None or pre_filter is not None:
            place = None if folder is None else self.processed_dir
            self.store = processed_store(
                self.store, place, self.get, pre_transform, pre_filter, force_reload
            )
            self.set_epoch(0)

    # Construction ---------------------------------------------------------------------------

    @classmethod
    def from_arrays(
        cls: type[Self],
        clips: Iterable[Array | Tensor],
        labels: Sequence[int] | Sequence[str] | Array | Tensor | None,
        skeleton: Skeleton | str | Path,
        *,
        root: str | Path | None = None,
        subjects: Sequence[int] | Array | Tensor | None = None,
        valid: Iterable[Array | Tensor | None] | None = None,
        names: Sequence[str] | None = None,
        class_names: Sequence[str] | None = None,
        columns: Mapping[str, Sequence[float] | Sequence[str] | Array | Tensor] | None = None,
        axes: str | None = None,
        nan: NanPolicy = "error",
        zeros: Zeros | None = None,
        transform: Transform | None = None,
        overwrite: bool = False,
    ) -> Self:
        """Writes arrays into a store and opens it, or holds them in memory.

        Persons who are nowhere (missing, NaN or exactly zero in all frames) beside others become no
        tracks. A clip of zeros is kept, with a warning and a note in the card.

        Args:
            clips: ``[M, T, V, C]`` or, for one person, ``[T, V, C]``, of any floating type; may be
                a generator. Persons and frames differ from clip to clip, joints and channels not.
            labels: The classes from 0, or their names, ``[n]``; None = unlabelled.
            skeleton: A skeleton, the name of a layout, or a skeleton file.
            root: The folder of the store, which must not exist; None = in memory, no file is kept.
            subjects: The performers, ``[n]``; None = unknown.
            valid: Which joints are present, bool, ``[M, T, V]`` or ``[T, V]`` each (with ``axes``
                in that order, without ``C``); None = all.
            names: What errors and :meth:`split` call the clips; None = ``clip 0``, ``clip 1`` ...
            class_names: The names of the classes; None = their numbers, or the names among
                ``labels``, sorted, numbers by value.
            columns: Further numbers or texts of each clip by their names, such as
                ``{"camera": [1, 2], "day": ["monday", "friday"]}``, by which :meth:`split` divides.
            axes: The order of the axes: ``"MTVC"``, ``"CTVM"`` (of ST-GCN), or any other; for one
                person ``M`` does not count. None = ``"MTVC"``; where another order fits the shape,
                the numbers decide whether that is refused, or read with a warning and a note in the
                card, see :func:`~pyg_skeletonmae.io.axes.check_order`.
            nan: What to do where a present joint has a value that is not finite: ``"error"``
                raises; ``"drop"`` leaves the clip out and lists it in the store's card;
                ``"interpolate"`` fills it linearly over time within its track, after which it
                counts as present, while a joint that its track never shows becomes zero with
                ``valid`` False.
            zeros: What joints are that are 0 in some frames only: ``"missing"``, ``"keep"``, or
                None: kept, with a note in the card. See
                :func:`~pyg_skeletonmae.io.zeros.settle_zeros`.
            transform: Applied to a clip at every access.
            overwrite: Replace a store that is there.

        Raises:
            ConfigError: ``axes`` is no order, or the numbers are those of another one; ``nan`` or
                ``zeros`` is none of the above.
            DataError: Arrays, labels, subjects or columns do not fit; the message names the clip.
        """
        check_axes(axes)
        check_zeros(zeros)
        layout = get_layout(skeleton)
        if labels is not None and not isinstance(labels, Tensor):
            if not isinstance(labels, Iterable):
                raise DataError(f"labels: expected one for each clip, found {labels!r:.60}")
            labels = list(labels)
        if labels is not None and any(isinstance(label, str) for label in labels):
            labels, class_names = named_labels(labels, class_names)
        fields = {"label": labels, "subject": subjects, "name": names, "valid": valid}
        given = {key: values for key, values in fields.items() if values is not None}
        extra, texts = extra_columns(columns or {})
        doubts: list[tuple[str, str]] = []
        found = _in_order(_clips(clips, given, extra), axes, layout, doubts)
        about: dict[str, Any] = {"column_names": texts} if texts else {}
        store = write_store(
            root,
            settled_clips(found, zeros, about, doubts),
            layout,
            class_names,
            nan=nan,
            source="arrays",
            about=about,
            all_tracks=zeros == "keep",
            overwrite=overwrite,
        )
        for note in grouped_notes(doubts):
            warnings.warn(note, stacklevel=2)
        return cls(store, transform)

    @classmethod
    def from_npz(
        cls: type[Self],
        path: str | Path,
        root: str | Path | None = None,
        *,
        skeleton: Skeleton | str | Path | None = None,
        nan: NanPolicy = "error",
        transform: Transform | None = None,
        overwrite: bool = False,
    ) -> Self:
        """Writes a packed file (see :mod:`pyg_skeletonmae.io.packed`) into a store and opens it.

        Args:
            path: The packed file.
            root: The folder of the store, which must not exist; None = in memory.
            skeleton: The skeleton; None = the known layout of these joints, else one made of the
                file's joint names and parents.
            nan: As in :meth:`from_arrays`.
            transform: Applied to a clip at every access.
            overwrite: Replace a store that is there.

        Raises:
            SkeletonFormatError: The file is missing, damaged or contradicts itself.
            DataError: Its clips or its joints do not fit.
        """
        packed = read_packed(path)
        layout = packed_skeleton(packed, path) if skeleton is None else get_layout(skeleton)
        if not fits(layout, packed):
            raise DataError(
                f"{path}: its joints and bones are not those of skeleton {layout.name!r}"
            )
        store = write_store(
            root,
            packed_clips(packed),
            layout,
            packed.class_names if packed.label is not None else None,
            nan=nan,
            source=Path(path).name,
            fps=packed.fps,
            unit=packed.unit,
            overwrite=overwrite,
        )
        return cls(store, transform)

    def to_npz(
        self,
        path: str | Path,
        scale: float | None = UIPRMD_SCALE,
        clips: Sequence[int] | None = None,
    ) -> None:
        """Writes the clips of this view, untransformed, as a packed file.

        Of further columns that hold texts it keeps the numbers.

        Args:
            path: The file.
            scale: The unit of the 16-bit integers, 0.2 mm by default; None keeps float32 exactly.
            clips: Other clips, by their numbers in the store.

        Raises:
            DataError: A coordinate does not fit into 16 bits.
        """
        write_packed(path, pack(self.store, self.indices() if clips is None else clips, scale))

    def official_split(self: Self) -> tuple[Self, Self]:
        """The training and the test side that the data's owners say, as views.

        Raises:
            DataError: They say none, as of clips of one's own.
        """
        raise DataError(
            f"{self.store.root}: these clips have no official split; divide them by subject, "
            "label, name or a column"
        )

    # Clips ----------------------------------------------------------------------------------

    def len(self) -> int:
        """The number of clips in the store."""
        return len(self.store)

    def get(self, idx: int) -> Data:
        """Clip ``idx`` of the store (not of this view), untransformed, as its own copy."""
        return to_data(self.store, idx, self._keys[idx : idx + 1].clone())

    def set_epoch(self, epoch: int, seed: int = 0) -> None:
        """Chooses the random draws of this view's clips: they derive from seed, epoch and clip."""
        self.epoch, self.seed = epoch, seed
        self._keys = clip_keys(seed, epoch, torch.arange(len(self.store)))

    @property
    def skeleton(self) -> Skeleton:
        """The skeleton of all clips."""
        return self.store.skeleton

    @property
    def data_hash(self) -> str:
        """A hash of the content of the store, and of which of its clips are in this view."""
        told = (self.store.content_hash, list(self.indices()))
        return hashlib.sha256(repr(told).encode()).hexdigest()

    @property
    def card(self) -> DataCard:
        """What the store holds and where it comes from; ``print`` it to read it."""
        return self.store.card

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.store.class_names

    @property
    def num_classes(self) -> int:
        """The number of classes, 0 for unlabelled clips."""
        return len(self.class_names)

    @property
    def labels(self) -> Tensor:
        """The classes of the clips in this view, ``[n]``, long.

        Raises:
            DataError: The clips are unlabelled.
        """
        if self.store.label is None:
            raise DataError(f"{self.store.root}: the clips have no labels")
        return self.store.label[self._numbers()]

    @property
    def y(self) -> Tensor | None:
        """The same as PyG names it: ``[n]``, long; None for unlabelled clips, as of one of them."""
        return None if self.store.label is None else self.labels

    @property
    def num_node_features(self) -> int:
        """The channels of ``pos``, as the transform leaves it; of ``x``, where it makes one."""
        if self.transform is None:
            return self.store.num_channels
        data: Data = self.transform(self.get(self.indices()[0]))
        return int(data.num_node_features) or positions(data).size(-1)

    @property
    def subjects(self) -> Tensor:
        """The performers of the clips in this view, ``[n]``, long, -1 = unknown."""
        return self.store.subject[self._numbers()]

    # Splits ---------------------------------------------------------------------------------

    def split(
        self: Self,
        by: str | Callable[[str], Hashable] = "subject",
        train: Iterable[Hashable] = (),
        test: Iterable[Hashable] | None = None,
    ) -> tuple[Self, Self]:
        """Splits this view into two, by a property of the clips; nothing is copied.

        Args:
            by: ``"subject"``, ``"name"``, ``"label"``, a further column of the store, or a function
                of the clip's name (``lambda name: int(name[5:8])``).
            train: The values that go into the first view; labels by number or by name.
            test: The values that go into the second; None = all others.

        Raises:
            DataError: A side is empty, a value belongs to no clip or to both sides, or the store
                has no such column.
        """
        if by == "label":
            train = self._classes(train)
            test = None if test is None else self._classes(test)
        first, second = split_positions(self._values(by), train, test, f"split by {by!r}")
        return self._view(first), self._view(second)

    def _view(self: Self, positions: list[int]) -> Self:
        view = self.index_select(positions)
        assert isinstance(view, type(self))
        return view

    def _classes(self, labels: Iterable[Hashable]) -> list[Hashable]:
        """Labels as numbers, where they may be names."""
        place = {name: label for label, name in enumerate(self.class_names)}
        numbers: list[Hashable] = []
        for label in labels:
            name = nfc(label) if isinstance(label, str) else ""
            if name and name not in place:
                hint = nearest(name, self.class_names)
                raise DataError(f"split by 'label': there is no class {name!r:.60}{hint}")
            numbers.append(place[name] if name else label)
        return numbers

    def _values(self, by: str | Callable[[str], Hashable]) -> list[Hashable]:
        numbers = self.indices()
        if callable(by):
            return [by(self.store.names[i]) for i in numbers]
        if by == "name":
            return [self.store.names[i] for i in numbers]
        columns = {"subject": self.store.subject, "label": self.store.label, **self.store.extra}
        column = columns.get(by)
        if column is None:
            known = [key for key, values in columns.items() if values is not None]
            hint = nearest(by, [*known, "name"])
            raise DataError(f"split by {by!r}: the store has only {known} and 'name'{hint}")
        values: list[Hashable] = column[self._numbers()].tolist()
        texts = self.store.column_names.get(by)
        return [texts[int(value)] for value in column[self._numbers()]] if texts else values

    def _numbers(self) -> Tensor:
        return torch.tensor(list(self.indices()), dtype=torch.long)


def _clips(
    clips: Iterable[Array | Tensor],
    columns: Mapping[str, Iterable[Any]],
    extra: Mapping[str, Sequence[float]],
) -> Iterator[Clip]:
    iterators = {key: iter(values) for key, values in (*columns.items(), *extra.items())}
    number = -1
    for number, pos in enumerate(clips):
        fields: dict[str, Any] = {key: next(values, _MISSING) for key, values in iterators.items()}
        for key, value in fields.items():
            if value is _MISSING:
                raise DataError(
                    f"clip {number}: there are more clips than entries of {key!r} ({number})"
                )
        own = {key: fields.pop(key) for key in extra}
        yield Clip(pos, **{"name": f"clip {number}", **fields}, extra=own)
    for key, values in iterators.items():
        if next(values, _MISSING) is not _MISSING:
            raise DataError(f"there are {number + 1} clips, but more entries of {key!r}")


def _in_order(
    clips: Iterable[Clip], axes: str | None, skeleton: Skeleton, doubts: list[tuple[str, str]]
) -> Iterator[Clip]:
    """Clips whose axes are in the order ``MTVC``, and names and notes of those of which it may be
    another."""
    for clip in clips:
        pos = reorder(plain_array(clip.pos), axes)
        valid = None if clip.valid is None else reorder(plain_array(clip.valid), axes, without="C")
        if note := "" if axes else check_order(pos, skeleton.num_joints, clip.name):
            doubts.append((clip.name, note))
        if pos.size and not pos.any():
            doubts.append((clip.name, "nobody is seen: all coordinates are zero"))
        yield replace(clip, pos=pos, valid=valid)
