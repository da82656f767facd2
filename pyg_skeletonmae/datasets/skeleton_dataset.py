"""Clips of one skeleton as a data set of PyG, over the memory-mapped store."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch_geometric.data import Data, Dataset

from pyg_skeletonmae.datasets.card import DataCard
from pyg_skeletonmae.datasets.clips import Array, Clip, NanPolicy
from pyg_skeletonmae.datasets.packing import fits, pack, packed_clips, packed_skeleton
from pyg_skeletonmae.datasets.processing import Filter, Transform, processed_store, to_data
from pyg_skeletonmae.datasets.splits import split_positions
from pyg_skeletonmae.datasets.store import ClipStore, write_store
from pyg_skeletonmae.datasets.zero_clips import settled_clips
from pyg_skeletonmae.draws import clip_keys
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.io.packed import UIPRMD_SCALE, read_packed, write_packed
from pyg_skeletonmae.io.zeros import Zeros, check_zeros
from pyg_skeletonmae.layouts import get_layout
from pyg_skeletonmae.skeleton import Skeleton

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
        pre_transform: Applied once to every clip; the results are written as a store of their own
            under ``root/processed``, in a folder that derives from the ``repr`` of the two
            functions, so that different settings never mix. It must keep the joints.
        pre_filter: Called once with every clip, before ``pre_transform``; False leaves it out.
        force_reload: Apply ``pre_filter`` and ``pre_transform`` anew, also if that was done before.

    Raises:
        SkeletonFormatError: There is no store, or it is damaged.
        DataError: ``pre_filter`` leaves no clip, or ``pre_transform`` changes the joints.

    Example:
        >>> import numpy, tempfile
        >>> clips = [numpy.random.rand(2, 30, 22, 3), numpy.random.rand(40, 22, 3)]
        >>> dataset = SkeletonDataset.from_arrays(
        ...     clips, [1, 0], "uiprmd22", root=tempfile.mkdtemp() + "/store")
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
        folder = str(self.store.root)
        super().__init__(folder, transform, pre_transform, pre_filter, force_reload=force_reload)
        self.set_epoch(0)
        if pre_transform is not None or pre_filter is not None:
            self.store = processed_store(
                self.store, self.processed_dir, self.get, pre_transform, pre_filter, force_reload
            )
            self.set_epoch(0)

    # Construction ---------------------------------------------------------------------------

    @classmethod
    def from_arrays(
        cls: type[Self],
        clips: Iterable[Array | Tensor],
        labels: Sequence[int] | Array | Tensor | None,
        skeleton: Skeleton | str | Path,
        *,
        root: str | Path,
        subjects: Sequence[int] | Array | Tensor | None = None,
        valid: Iterable[Array | Tensor | None] | None = None,
        names: Sequence[str] | None = None,
        class_names: Sequence[str] | None = None,
        nan: NanPolicy = "error",
        zeros: Zeros | None = None,
        transform: Transform | None = None,
        overwrite: bool = False,
    ) -> Self:
        """Writes arrays into a store and opens it.

        Args:
            clips: ``[M, T, V, C]`` or, for one person, ``[T, V, C]``, of any floating type; may be
                a generator. Persons and frames differ from clip to clip, joints and channels not.
            labels: The classes from 0, ``[n]``; None = unlabelled.
            skeleton: A skeleton, the name of a layout, or a skeleton file.
            root: The folder of the store, which must not exist.
            subjects: The performers, ``[n]``; None = unknown.
            valid: Which joints are present, bool, ``[M, T, V]`` or ``[T, V]`` each; None = all.
            names: What errors and :meth:`split` call the clips; None = ``clip 0``, ``clip 1`` ...
            class_names: The names of the classes; None = their numbers.
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
            ConfigError: ``nan`` or ``zeros`` is none of the above.
            DataError: Arrays, labels or subjects do not fit; the message names the clip.
        """
        check_zeros(zeros)
        columns = {"label": labels, "subject": subjects, "name": names, "valid": valid}
        given = {key: values for key, values in columns.items() if values is not None}
        about: dict[str, Any] = {}
        write_store(
            root,
            settled_clips(_clips(clips, given), zeros, about),
            get_layout(skeleton),
            class_names,
            nan=nan,
            source="arrays",
            about=about,
            overwrite=overwrite,
        )
        return cls(root, transform)

    @classmethod
    def from_npz(
        cls: type[Self],
        path: str | Path,
        root: str | Path,
        *,
        skeleton: Skeleton | str | Path | None = None,
        nan: NanPolicy = "error",
        transform: Transform | None = None,
        overwrite: bool = False,
    ) -> Self:
        """Writes a packed file (see :mod:`pyg_skeletonmae.io.packed`) into a store and opens it.

        Args:
            path: The packed file.
            root: The folder of the store, which must not exist.
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
        write_store(
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
        return cls(root, transform)

    def to_npz(self, path: str | Path, scale: float | None = UIPRMD_SCALE) -> None:
        """Writes the clips of this view, untransformed, as a packed file.

        Args:
            path: The file.
            scale: The unit of the 16-bit integers, 0.2 mm by default; None keeps float32 exactly.

        Raises:
            DataError: A coordinate does not fit into 16 bits.
        """
        write_packed(path, pack(self.store, self.indices(), scale))

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
    def subjects(self) -> Tensor:
        """The performers of the clips in this view, ``[n]``, long, -1 = unknown."""
        return self.store.subject[self._numbers()]

    # Splits ---------------------------------------------------------------------------------

    def split(
        self: Self,
        by: str | Callable[[str], Hashable] = "subject",
        *,
        train: Iterable[Hashable],
        test: Iterable[Hashable] | None = None,
    ) -> tuple[Self, Self]:
        """Splits this view into two, by a property of the clips; nothing is copied.

        Args:
            by: ``"subject"``, ``"name"``, ``"label"``, a further column of the store, or a function
                of the clip's name (``lambda name: int(name[5:8])``).
            train: The values that go into the first view.
            test: The values that go into the second; None = all others.

        Raises:
            DataError: A side is empty, a value belongs to no clip or to both sides, or the store
                has no such column.
        """
        first, second = split_positions(self._values(by), train, test, f"split by {by!r}")
        return self._view(first), self._view(second)

    def _view(self: Self, positions: list[int]) -> Self:
        view = self.index_select(positions)
        assert isinstance(view, type(self))
        return view

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
            raise DataError(f"split by {by!r}: the store has only {known} and 'name'")
        values: list[Hashable] = column[self._numbers()].tolist()
        return values

    def _numbers(self) -> Tensor:
        return torch.tensor(list(self.indices()), dtype=torch.long)


def _clips(clips: Iterable[Array | Tensor], columns: Mapping[str, Iterable[Any]]) -> Iterator[Clip]:
    iterators = {key: iter(values) for key, values in columns.items()}
    number = -1
    for number, pos in enumerate(clips):
        fields: dict[str, Any] = {key: next(values, _MISSING) for key, values in iterators.items()}
        for key, value in fields.items():
            if value is _MISSING:
                raise DataError(
                    f"clip {number}: there are more clips than entries of {key!r} ({number})"
                )
        yield Clip(pos, **fields)
    for key, values in iterators.items():
        if next(values, _MISSING) is not _MISSING:
            raise DataError(f"there are {number + 1} clips, but more entries of {key!r}")
