"""The arrays that CTR-GCN and MAMP train on, as a data set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar, get_args

from pyg_skeletonmae.datasets.conversion import Filter, Transform
from pyg_skeletonmae.datasets.skeleton_dataset import SkeletonDataset
from pyg_skeletonmae.datasets.store import write_store, written_once
from pyg_skeletonmae.datasets.store.clips import Clip
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.files.manifest import file_hash
from pyg_skeletonmae.files.names import portable
from pyg_skeletonmae.io.xy_npz import Side, XYFile
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import NTU25, get_layout

Self = TypeVar("Self", bound="XYDataset")


class XYDataset(SkeletonDataset):
    r"""The clips of a file ``x_train``, ``y_train``, ``x_test``, ``y_test``.

    As CTR-GCN, MAMP and others write them for NTU RGB+D and PKU-MMD: ``x [N, T, 150]``, and ``y``
    one-hot. Padding frames are cut, second bodies of zeros (or copies of the first) left out, see
    :class:`~pyg_skeletonmae.io.XYFile`. The file says nothing of names and subjects: clips are
    called ``train_000000`` and so on. Clips that are all zero or not finite, or whose class is not
    said, are left out, and the card names them.

    The store is written once, clip by clip, into ``root/processed/<name of the file>``, and has the
    column ``train``.

    Args:
        path: The file; not looked at if the store is there.
        root: The folder for the store.
        transform: Applied to a clip at every access.
        pre_transform: Applied to every clip once, see :class:`SkeletonDataset`.
        pre_filter: Chooses clips once, see :class:`SkeletonDataset`.
        force_reload: Read the file again.
        skeleton: The skeleton of the 25 joints: ``"ntu25"``, or ``"ntu25_ctrgcn"`` for the bones
            that CTR-GCN draws.
        copies: Keep a second body that equals the first, as in the files of NTU RGB+D 120.
        processed_root: The folder for the store; None = ``root/processed``.

    Raises:
        SkeletonFormatError: The file is missing, damaged, or not of this layout.
        DataError: The skeleton has another number of joints, or no clip is there.
    """

    def __init__(
        self,
        path: str | Path,
        root: str | Path,
        transform: Transform | None = None,
        pre_transform: Transform | None = None,
        pre_filter: Filter | None = None,
        force_reload: bool = False,
        *,
        skeleton: Skeleton | str | Path = NTU25,
        copies: bool = False,
        processed_root: str | Path | None = None,
    ) -> None:
        path, layout = Path(path), get_layout(skeleton)
        # Stores of other settings must not be taken for each other.
        name = f"{path.stem}-{layout.name}" + ("-copies" if copies else "")
        folder = Path(processed_root or Path(root) / "processed") / portable(name)
        written_once(
            folder, lambda: _prepare(path, folder, layout, copies, force_reload), force_reload
        )
        super().__init__(folder, transform, pre_transform, pre_filter, force_reload)

    def official_split(self: Self) -> tuple[Self, Self]:
        """The training and the test side of the file, as views.

        Raises:
            DataError: A side is empty.
        """
        return self.split("train", train=[1])


def _prepare(path: Path, folder: Path, skeleton: Skeleton, copies: bool, overwrite: bool) -> None:
    if skeleton.num_joints != NTU25.num_joints:
        raise DataError(f"{path}: has 25 joints, but {skeleton.name!r} {skeleton.num_joints}")
    with XYFile(path, copies, broken="drop") as file:
        splits: dict[str, dict[str, Any]] = {
            side: {"clips": 0, "per_class": {}} for side in file.labels
        }
        write_store(
            folder,
            _clips(file, splits),
            skeleton,
            [str(label) for label in range(file.num_classes)],
            source=f"{file!r}",
            fps=30.0,
            unit="m",
            dropped=file.dropped,
            about={"splits": splits, "inputs": {path.name: file_hash(path)[1]}},
            overwrite=overwrite,
        )


def _clips(file: XYFile, splits: dict[str, dict[str, Any]]) -> Iterator[Clip]:
    for side in get_args(Side):
        for clip in file.clips(side):
            name, extra = f"{side}_{clip.number:06}", {"train": int(side == "train")}
            splits[side]["clips"] += 1
            yield Clip(clip.pos, clip.label, -1, name, clip.valid, extra)
