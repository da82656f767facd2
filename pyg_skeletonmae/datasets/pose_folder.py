"""Anyone's own poses: a folder of files, and a table of what they show."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pyg_skeletonmae.datasets.pose_formats import (
    PoseFormatName,
    PoseTask,
    ReadPoses,
    check_options,
    find_recordings,
    get_format,
    pose_skeleton,
)
from pyg_skeletonmae.datasets.prepare import prepare_store
from pyg_skeletonmae.datasets.processing import Filter, Transform
from pyg_skeletonmae.datasets.skeleton_dataset import SkeletonDataset
from pyg_skeletonmae.datasets.store import ClipStore
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.io.label_csv import Labelled, read_label_csv
from pyg_skeletonmae.io.poses import AS_IS, PoseOptions
from pyg_skeletonmae.io.zeros import Zeros
from pyg_skeletonmae.names import nfc
from pyg_skeletonmae.skeleton import Skeleton


class PoseFolder(SkeletonDataset):
    r"""A folder of pose files, one recording each, with or without labels.

    The table of labels is a CSV file, see :func:`~pyg_skeletonmae.io.read_label_csv`::

        file,label,subject
        monday/wave_01.csv,wave,1
        monday/squat_01.csv,squat,2

    ========== ============================================== ==================
    format     a recording is                                 skeleton
    ========== ============================================== ==================
    mediapipe  a ``.csv`` or ``.npy`` file                    ``mediapipe33``
    openpose   a folder of ``.json`` files, one for a frame   ``body25``
    coco       a ``.json`` file of COCO keypoints             ``coco17``
    deeplabcut a ``.csv`` file                                must be given
    sleap      a ``.h5`` or ``.hdf5`` analysis file           that of the first
    bvh        a ``.bvh`` file                                that of the first
    arrays     an ``.npy`` or ``.npz`` file                   must be given
    ========== ============================================== ==================

    A clip is called as its file in the folder, compared with the table in one form of Unicode.
    Recordings that are damaged, show nobody, or are not in the table are left out, and the card
    says why, as it says what in the folder was no recording (see
    :func:`~pyg_skeletonmae.io.scan.scan`) and what a reader had to decide. Scores decide what is
    missing, or become a channel; pixels are normalised if the image size is given: all by
    ``options``. Where files say their frame rate and it differs, ``fps`` is a further column.

    The store is written once, into ``root/processed/<format>-<settings>``; another table of labels
    or other settings make another store. After a change of the recordings use ``force_reload``.

    Args:
        root: The folder.
        labels: The table, a path in the folder; None = the recordings have no labels.
        skeleton: A skeleton, the name of a layout or a skeleton file; None = as above.
        format: The format of the files, see above.
        transform: Applied to a clip at every access.
        pre_transform: Applied to every clip once, see :class:`SkeletonDataset`.
        pre_filter: Chooses clips once, see :class:`SkeletonDataset`.
        force_reload: Read the files again.
        options: What to do with scores and pixels.
        class_names: The labels in the order of the classes; None = sorted, numbers by value.
        processed_root: The folder for the stores; None = ``root/processed``.
        workers: How many processes read; 0 = this one.
        zeros: What joints are that are 0 in some frames only, see
            :class:`~pyg_skeletonmae.io.poses.PoseOptions`; None = as ``options`` say.

    Raises:
        ConfigError: There is no such format, or the options mean nothing for it.
        DataError: No clip is left, or a label is none of ``class_names``.
        SkeletonFormatError: The table is missing or damaged.
        SkeletonError: The skeleton is not known.

    Example:
        >>> import numpy, tempfile
        >>> root = tempfile.mkdtemp()
        >>> numpy.save(root + "/a.npy", numpy.random.rand(30, 33, 3))
        >>> PoseFolder(root, labels=None, format="mediapipe")[0].pos.shape
        torch.Size([33, 30, 3])
    """

    def __init__(
        self,
        root: str | Path,
        labels: str | None = "labels.csv",
        skeleton: Skeleton | str | Path | None = None,
        format: PoseFormatName = "mediapipe",
        transform: Transform | None = None,
        pre_transform: Transform | None = None,
        pre_filter: Filter | None = None,
        force_reload: bool = False,
        *,
        options: PoseOptions = AS_IS,
        class_names: Sequence[str] | None = None,
        processed_root: str | Path | None = None,
        workers: int = 0,
        zeros: Zeros | None = None,
    ) -> None:
        get_format(format)
        options = options if zeros is None else replace(options, zeros=zeros)
        check_options(format, options)
        root = Path(root)
        rows = None if labels is None else read_label_csv(root / labels)
        found, notes = find_recordings(root, format, labels)
        if not found:
            said = "".join(f"; {note}" for note in notes)
            raise DataError(f"{root}: no recording of the format {format!r}{said}")
        layout = pose_skeleton(format, skeleton, found.values())
        reader = ReadPoses(format, layout, options)
        names = _class_names(rows, class_names)
        said = repr((layout.to_dict(), options, rows, names))
        digest = hashlib.sha256(said.encode()).hexdigest()[:8]
        folder = Path(processed_root or root / "processed") / f"{format}-{digest}"
        if force_reload or not ClipStore.exists(folder):
            tasks, dropped = _tasks(root, found, rows, names)
            prepare_store(
                folder,
                tasks,
                reader,
                layout,
                names,
                name=lambda task: task.name,
                source=f"{root.name}, {len(tasks)} recordings, {format}",
                policy=repr(options),
                files=lambda task: task.files,
                inputs=[] if labels is None else [root / labels],
                fps=options.fps,
                dropped=dropped,
                notes=notes,
                workers=workers,
                progress=True,
                overwrite=force_reload,
            )
        super().__init__(folder, transform, pre_transform, pre_filter, force_reload)


def _tasks(
    root: Path,
    found: dict[str, Path],
    rows: tuple[Labelled, ...] | None,
    names: list[str] | None,
) -> tuple[list[PoseTask], list[tuple[str, str]]]:
    """What is to be read, and what is not because it has no label."""
    if rows is None or names is None:
        return [PoseTask(path, name) for name, path in found.items()], []
    number = {name: label for label, name in enumerate(names)}
    tasks = [
        PoseTask(found.get(r.file, root / r.file), r.file, number[r.label], r.subject) for r in rows
    ]
    told = {row.file for row in rows}
    return tasks, [(name, "not in the table of labels") for name in found if name not in told]


def _class_names(
    rows: tuple[Labelled, ...] | None, class_names: Sequence[str] | None
) -> list[str] | None:
    if rows is None:
        return None
    labels = {row.label for row in rows}
    class_names = None if class_names is None else [nfc(name) for name in class_names]
    if class_names is None:
        numbers = all(label.isascii() and label.isdigit() for label in labels)
        return sorted(labels, key=lambda label: (int(label) if numbers else 0, label))
    if unknown := labels - set(class_names):
        raise DataError(f"label {min(unknown)!r}: expected one of {', '.join(class_names)}")
    return list(class_names)
