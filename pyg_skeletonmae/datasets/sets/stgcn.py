"""The arrays that ST-GCN and 2s-AGCN train on, as a data set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pyg_skeletonmae.datasets.conversion import Filter, Transform
from pyg_skeletonmae.datasets.labels import max_label
from pyg_skeletonmae.datasets.skeleton_dataset import SkeletonDataset
from pyg_skeletonmae.datasets.store import write_store, written_once
from pyg_skeletonmae.datasets.store.clips import Clip
from pyg_skeletonmae.errors import DataError, SkeletonFormatError
from pyg_skeletonmae.files.manifest import file_hash
from pyg_skeletonmae.files.names import portable
from pyg_skeletonmae.io.npz import map_npy
from pyg_skeletonmae.io.ntu import NtuName, parse_name
from pyg_skeletonmae.io.stgcn import StgcnFile
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import get_layout

Self = TypeVar("Self", bound="StgcnDataset")
SIDES = ("train", "val", "test")
LAYOUTS = {25: "ntu25", 18: "openpose18"}  # of NTU RGB+D and of Kinetics-skeleton
_DATA = ("data_joint.npy", "data.npy")


class StgcnDataset(SkeletonDataset):
    r"""A folder of arrays ``[N, C, T, V, M]`` with pickles of names and labels.

    As the public codes of `ST-GCN <https://arxiv.org/abs/1801.07455>`_ and `2s-AGCN
    <https://arxiv.org/abs/1805.07694>`_ write them: ``train_data.npy`` (or
    ``train_data_joint.npy``) and ``train_label.pkl``, and the same for ``val`` (or ``test``), which
    are the two sides of :meth:`official_split`. A single side is enough. See
    :class:`~pyg_skeletonmae.io.stgcn.StgcnFile` for what is padding and who is absent.

    Clips have the names of the pickle, behind their side: ``train/S001C001P001R001A001``. Where all
    are names of NTU RGB+D, they say the performer, too, and the columns ``camera`` and ``setup``.
    Without pickles clips are called ``train/000000`` and have no labels. Clips that are all zero or
    not finite are left out, and the card names them.

    The store is written once, clip by clip, into ``root/processed/stgcn-<skeleton>``, and has the
    column ``train``.

    Args:
        root: The folder.
        transform: Applied to a clip at every access.
        pre_transform: Applied to every clip once, see :class:`SkeletonDataset`.
        pre_filter: Chooses clips once, see :class:`SkeletonDataset`.
        force_reload: Read the files again.
        skeleton: A skeleton, the name of a layout or a skeleton file; None = ``ntu25`` of 25 joints
            and ``openpose18`` of 18.
        scores: Is the last of three channels a score? It decides which joints are missing then, and
            the clips are in 2-D. None = of ``openpose18``, as in Kinetics-skeleton, which the card
            notes.
        processed_root: The folder for the store; None = ``root/processed``.

    Raises:
        SkeletonFormatError: A file is missing, damaged, or not of this form.
        DataError: There is no such folder or no such file in it, the skeleton is not known or has
            another number of joints, or no clip is there.
    """

    def __init__(
        self,
        root: str | Path,
        transform: Transform | None = None,
        pre_transform: Transform | None = None,
        pre_filter: Filter | None = None,
        force_reload: bool = False,
        *,
        skeleton: Skeleton | str | Path | None = None,
        scores: bool | None = None,
        processed_root: str | Path | None = None,
    ) -> None:
        files = _find_files(Path(root))
        layout = _skeleton(next(iter(files.values()))[0], skeleton)
        told = layout.name if scores is None else f"{layout.name}-{'' if scores else 'no-'}scores"
        folder = Path(processed_root or Path(root) / "processed") / portable(f"stgcn-{told}")
        written_once(
            folder, lambda: _prepare(files, folder, layout, scores, force_reload), force_reload
        )
        super().__init__(folder, transform, pre_transform, pre_filter, force_reload)

    def official_split(self: Self) -> tuple[Self, Self]:
        """The training and the other side of the files, as views.

        Raises:
            DataError: A side is empty.
        """
        return self.split("train", train=[1])


def _find_files(root: Path) -> dict[str, tuple[Path, Path | None]]:
    """The array and the pickle of each side."""
    if not root.is_dir():
        raise DataError(f"{root}: no such folder")
    files: dict[str, tuple[Path, Path | None]] = {}
    for side in SIDES:
        arrays = [path for name in _DATA if (path := root / f"{side}_{name}").is_file()]
        if len(arrays) > 1:
            names = " and ".join(path.name for path in arrays)
            raise DataError(f"{root}: {names} are both there; move one of them away")
        labels = root / f"{side}_label.pkl"
        if arrays:
            files[side] = arrays[0], labels if labels.is_file() else None
    if not files:
        raise DataError(f"{root}: expected train_data.npy or train_data_joint.npy, found neither")
    if len({labels is None for _, labels in files.values()}) > 1:
        side = next(side for side, (_, labels) in files.items() if labels is None)
        raise SkeletonFormatError(
            root / f"{side}_label.pkl", "the path", "a pickle, as of the other side", "no such file"
        )
    return files


def _skeleton(path: Path, skeleton: Skeleton | str | Path | None) -> Skeleton:
    if skeleton is not None:
        return get_layout(skeleton)
    shape = map_npy(path).shape
    joints = shape[3] if len(shape) == 5 else 0
    if joints and joints not in LAYOUTS:
        raise DataError(f"{path}: has {joints} joints: skeleton= names the layout or its file")
    return get_layout(LAYOUTS.get(joints, "ntu25"))


def _prepare(
    files: dict[str, tuple[Path, Path | None]],
    folder: Path,
    skeleton: Skeleton,
    scores: bool | None,
    overwrite: bool,
) -> None:
    notes, third = [], scores
    if third is None:
        third = skeleton.joints == get_layout("openpose18").joints
    opened = {side: StgcnFile(*pair, skeleton, third) for side, pair in files.items()}
    if scores is None and third:
        notes.append("the third channel is a score, as in Kinetics-skeleton (scores)")
    dropped: list[tuple[str, str]] = []
    splits: dict[str, dict[str, Any]] = {side: {"clips": 0, "per_class": {}} for side in files}
    labels = [label for file in opened.values() for label in file.labels or ()]
    inputs = [path for pair in files.values() for path in pair if path is not None]
    if (most := max(labels, default=0)) > max_label(len(labels)):
        raise DataError(f"{inputs[1]}: label {most} among {len(labels)} clips is no class")
    write_store(
        folder,
        _clips(opened, splits, dropped),
        skeleton,
        [str(label) for label in range(most + 1)] if labels else None,
        source=", ".join(map(repr, opened.values())),
        dropped=dropped,
        about={
            "splits": splits,
            "notes": notes,
            "inputs": {path.name: file_hash(path)[1] for path in inputs},
        },
        overwrite=overwrite,
    )


def _clips(
    opened: dict[str, StgcnFile],
    splits: dict[str, dict[str, Any]],
    dropped: list[tuple[str, str]],
) -> Iterator[Clip]:
    names = [name for file in opened.values() for name in file.names or ()]
    ntu = bool(names) and all(map(_ntu_name, names))
    for side, file in opened.items():
        for clip in file.clips():
            splits[side]["clips"] += 1
            extra, subject = {"train": float(side == "train")}, -1
            if ntu and clip.name is not None and (parts := _ntu_name(clip.name)):
                subject = parts.performer
                extra |= {"camera": parts.camera, "setup": parts.setup}
            name = f"{side}/{clip.name or f'{clip.number:06}'}"
            yield Clip(clip.pos, clip.label, subject, name, clip.valid, extra)
        said = file.names or [f"{number:06}" for number in range(len(file))]
        dropped += [(f"{side}/{said[number]}", reason) for number, reason in file.dropped]


def _ntu_name(name: str) -> NtuName | None:
    try:
        return parse_name(name)
    except SkeletonFormatError:
        return None
