"""Data sets in the pickles of pyskl."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pyg_skeletonmae.datasets.conversion import Filter, Transform
from pyg_skeletonmae.datasets.labels import check_labels
from pyg_skeletonmae.datasets.prepare import prepare_store, prepared
from pyg_skeletonmae.datasets.sets.pyskl_clips import (
    PysklOptions,
    PysklTask,
    ReadPyskl,
    named_as_ntu,
    settled,
)
from pyg_skeletonmae.datasets.skeleton_dataset import SkeletonDataset
from pyg_skeletonmae.datasets.splits import in_column
from pyg_skeletonmae.errors import DataError, SkeletonFormatError
from pyg_skeletonmae.files.names import portable
from pyg_skeletonmae.io.pyskl import Pyskl, read_pyskl
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import COCO17, NTU25, get_layout

Self = TypeVar("Self", bound="PysklDataset")
DEFAULT = PysklOptions()
_SKELETONS = {layout.num_joints: layout for layout in (COCO17, NTU25)}
_SPLIT_NAME = re.compile(r"[\w.+-]{1,60}", re.ASCII)


class PysklDataset(SkeletonDataset):
    r"""Clips and official splits from a pickle of pyskl, in 2-D or 3-D.

    The format of `"PYSKL: Towards Good Practices for Skeleton Action Recognition"
    <https://arxiv.org/abs/2205.09443>`_ (Duan et al., MM 2022), which publishes many data sets in
    it. The pickle is read without running it, see :func:`~pyg_skeletonmae.io.read_pyskl`; broken
    annotations are left out, and the card says why.

    The store is written once, into ``root/processed/<name of the file>-<settings>``, with a column
    ``in_<split>`` for each split of the file: a view of a split is made from it. If all names are
    those of NTU RGB+D it also has the performer and the columns ``setup``, ``camera`` and
    ``replication``.

    Args:
        path: The pickle; not looked at if the store is there.
        root: The folder for the store.
        split: The split that is shown, ``"xsub_train"`` for example; None = all clips.
        transform: Applied to a clip at every access.
        pre_transform: Applied to every clip once, see :class:`SkeletonDataset`.
        pre_filter: Chooses clips once, see :class:`SkeletonDataset`.
        force_reload: Read the file again.
        protocol: Which pair of splits :meth:`official_split` gives: ``"xsub"`` for ``xsub_train``
            and ``xsub_val``, ``"1"`` for ``train1`` and ``test1``; None = ``train`` and ``val`` or
            ``test``.
        options: What is done with scores and pixels.
        skeleton: The skeleton; None = NTU's 25 joints or COCO's 17, by their number.
        class_names: The names of the classes; None = their numbers, or ``A001`` ... for NTU RGB+D.
        processed_root: The folder for the stores; None = ``root/processed``.
        workers: How many processes convert; 0 = this one.

    Raises:
        DataError: No clip is left, there is no such split, or the skeleton is not known.
        SkeletonFormatError: The file is missing, damaged or hostile.
    """

    sizes: tuple[int, int] | None = None  # of the official sides, where they are known

    def __init__(
        self,
        path: str | Path,
        root: str | Path,
        split: str | None = None,
        transform: Transform | None = None,
        pre_transform: Transform | None = None,
        pre_filter: Filter | None = None,
        force_reload: bool = False,
        *,
        protocol: str | None = None,
        options: PysklOptions = DEFAULT,
        skeleton: Skeleton | str | Path | None = None,
        class_names: Sequence[str] | None = None,
        processed_root: str | Path | None = None,
        workers: int = 0,
    ) -> None:
        path, self.protocol = Path(path), protocol
        layout = None if skeleton is None else get_layout(skeleton)
        settings = repr((options, layout and layout.to_dict(), class_names and list(class_names)))
        digest = hashlib.sha256(settings.encode()).hexdigest()[:8]
        folder = Path(processed_root or Path(root) / "processed") / portable(
            f"{path.stem}-{digest}"
        )
        if force_reload or not prepared(folder):
            _prepare(
                path, folder, options, layout, class_names, workers=workers, overwrite=force_reload
            )
        super().__init__(folder, transform, pre_transform, pre_filter, force_reload)
        if split is not None:
            self._indices = self._members(split)

    @property
    def split_names(self) -> tuple[str, ...]:
        """The names of the splits of the file."""
        return tuple(key[3:] for key in self.store.extra if key.startswith("in_"))

    def official_split(self: Self) -> tuple[Self, Self]:
        """The training and the test side of the protocol, as views.

        Raises:
            DataError: No such splits, an empty side, or a complete data set of other sizes.
        """
        name = self.protocol
        prefix = "" if name is None else f"{name}_"
        pairs = [(f"{prefix}train", f"{prefix}{side}") for side in ("val", "test")]
        if name is not None:
            pairs += [(f"train{name}", f"{side}{name}") for side in ("test", "val")]
        pair = next((pair for pair in pairs if set(pair) <= set(self.split_names)), None)
        if pair is None:
            raise DataError(
                f"{self.store.root}: no splits {' and '.join(pairs[0])}; there are "
                f"{', '.join(self.split_names) or 'none'}: choose a protocol"
            )
        sides = [set(self._members(side)) for side in pair]
        train, test = ([at for at, clip in enumerate(self.indices()) if clip in s] for s in sides)
        if not train or not test:
            raise DataError(f"{self.store.root}: this view has no clip on a side of {pair}")
        sizes = len(train), len(test)
        if self.sizes and sum(sizes) == sum(self.sizes) and sizes != self.sizes:
            raise DataError(f"{self.store.root}: {sizes} clips on the two sides, not {self.sizes}")
        return self._view(train), self._view(test)

    def _members(self, split: str) -> list[int]:
        column = self.store.extra.get(f"in_{split}")
        if column is None:
            names = ", ".join(self.split_names) or "none"
            raise DataError(f"{self.store.root}: no split {split!r}; there are {names}")
        members: list[int] = column.nonzero().flatten().tolist()
        if not members:
            raise DataError(f"{self.store.root}: the split {split!r} is empty")
        return members


def _prepare(
    path: Path,
    folder: Path,
    options: PysklOptions,
    skeleton: Skeleton | None,
    class_names: Sequence[str] | None,
    *,
    workers: int,
    overwrite: bool,
) -> None:
    content = read_pyskl(path, broken="drop")
    if not content.clips:
        raise DataError(f"{path}: no clip is left; {content.dropped[:1] or 'there is none'}")
    ntu = named_as_ntu([clip.name for clip in content.clips])
    joints = content.clips[0].keypoint.shape[2]
    skeleton = skeleton or _SKELETONS.get(joints)
    if skeleton is None:
        raise DataError(f"{path}: {joints} joints: give their skeleton, a layout or a file")
    options, doubts = settled(content.clips, options)
    labels = [clip.label for clip in content.clips if clip.label is not None]
    if class_names is None and labels and ntu:
        version = 60 if max(labels) < 60 else 120
        class_names = [f"A{action:03}" for action in range(1, version + 1)]
    if class_names is None:
        check_labels(labels)
    prepare_store(
        folder,
        _tasks(path, content),
        ReadPyskl(options, bool(labels), ntu),
        skeleton,
        class_names if labels else None,
        name=lambda task: task.clip.name,
        source=f"pyskl, {path.name}, {len(content.clips)} annotations",
        policy=repr(options),
        inputs=[path],
        dropped=content.dropped,
        notes=(*content.notes, *doubts),
        splits={name: in_column(f"in_{name}", 1) for name in content.splits},
        all_tracks=ntu,  # whose pickles equal the published ones, track by track
        workers=workers,
        progress=True,
        overwrite=overwrite,
    )


def _tasks(path: Path, content: Pyskl) -> list[PysklTask]:
    members = {name: frozenset(names) for name, names in content.splits.items()}
    for name in members:
        if not _SPLIT_NAME.fullmatch(name):
            expected = "names of letters, digits, '_', '.', '+' and '-'"
            raise SkeletonFormatError(path, "'split'", expected, f"{name!r:.60}")
    return [
        PysklTask(clip, tuple((split, int(clip.name in names)) for split, names in members.items()))
        for clip in content.clips
    ]
