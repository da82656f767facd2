"""Anyone's own poses: a folder of files, and a table of what they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

from pyg_skeletonmae.datasets.conversion import Filter, Transform
from pyg_skeletonmae.datasets.prepare import prepare_store, prepared
from pyg_skeletonmae.datasets.sets.pose_formats import PoseFormatName
from pyg_skeletonmae.datasets.sets.pose_plan import plan_poses
from pyg_skeletonmae.datasets.skeleton_dataset import SkeletonDataset
from pyg_skeletonmae.datasets.store import ClipStore
from pyg_skeletonmae.errors import SkeletonMAEError
from pyg_skeletonmae.io.landmark_columns import TableOptions
from pyg_skeletonmae.io.poses import AS_IS, PoseOptions
from pyg_skeletonmae.io.zeros import Zeros
from pyg_skeletonmae.skeleton import Skeleton


class PoseFolder(SkeletonDataset):
    r"""A folder of pose files, one recording each, with or without labels.

    The table of labels is a CSV file, see :func:`~pyg_skeletonmae.io.read_label_csv`::

        file,label,subject
        monday/wave_01.csv,wave,1
        monday/squat_01.csv,squat,2

    ============== ============================================ =================
    format         a recording is                               skeleton
    ============== ============================================ =================
    mediapipe      a ``.csv``, ``.tsv`` or ``.npy`` file        ``mediapipe33``
    table          a ``.csv`` or ``.tsv`` file of any layout    must be given
    openpose       a folder of ``.json`` files, one for a frame ``body25``
    coco           a ``.json`` file of COCO keypoints           ``coco17``
    deeplabcut     a ``.csv`` file                              must be given
    sleap          a ``.h5`` or ``.hdf5`` analysis file         that of the first
    bvh            a ``.bvh`` file                              that of the first
    arrays         an ``.npy`` or ``.npz`` file                 must be given
    c3d            a ``.c3d`` file of markers                   must be given
    trc            a ``.trc`` file of markers                   must be given
    mmpose         a ``.json`` file of MMPose 1.x               ``coco17``
    yolo           a folder of ``.txt`` files, one for a frame  ``coco17``
    yolo_json      a ``.json`` file of Ultralytics' results     ``coco17``
    mediapipe_json a ``.json`` file of landmarks                ``mediapipe33``
    kinetics       a ``.json`` file of Kinetics-skeleton        ``openpose18``
    ============== ============================================ =================

    Files of ``kinetics`` say their label, which holds where no table says one. A clip is called as
    its file in the folder, compared with the table in one form of Unicode.
    Recordings that are damaged, show nobody, or are not in the table are left out, and the card
    says why, as it says what in the folder was no recording (see
    :func:`~pyg_skeletonmae.io.scan.scan`) and what a reader had to decide. Scores decide what is
    missing, or become a channel; pixels are normalised if the image size is given: all by
    ``options``. Where files say their frame rate and it differs, ``fps`` is a further column.

    Columns of numbers in the table of labels, such as an age, become columns of the store, which
    ``split`` can divide by; the card names others. Performers with names get numbers, see the card.

    The store is written once, into ``root/processed/<format>``; another table of labels or other
    settings make another store, ``<format>-2``. After a change of the recordings use
    ``force_reload``.

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
        label_column: Of tables of landmarks, the column that says what is shown, instead of a table
            of labels; where it changes, the recording is cut.
        columns: Of tables of landmarks, what columns mean, see
            :class:`~pyg_skeletonmae.io.TableOptions`, as for those below.
        ignore: Columns to leave out.
        first_index: Whether landmarks are numbered from 0 or 1.
        strict: Refuse tables with columns of which nothing is used.

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
        label_column: str | None = None,
        columns: Mapping[str, str] | Sequence[str] | None = None,
        ignore: Sequence[str] = (),
        first_index: int | None = None,
        strict: bool = False,
    ) -> None:
        options = options if zeros is None else replace(options, zeros=zeros)
        table = TableOptions(columns, ignore, label_column, first_index, strict)
        plan = plan_poses(
            root, labels, skeleton, format, options=options, class_names=class_names, table=table
        )
        base = Path(processed_root or Path(root) / "processed")
        folder = _store_folder(base, format, plan.digest)
        if force_reload or not prepared(folder):
            prepare_store(
                folder,
                plan.tasks,
                plan.reader,
                plan.reader.skeleton,
                plan.class_names,
                name=lambda task: task.name,
                source=f"{Path(root).name}, {len(plan.tasks)} recordings, {format}",
                policy=f"{options!r}, settings {plan.digest}",
                files=lambda task: task.files,
                inputs=[] if plan.table is None else [plan.table],
                fps=options.fps,
                dropped=plan.dropped,
                notes=plan.notes,
                all_tracks=options.zeros == "keep",
                workers=workers,
                progress=True,
                overwrite=force_reload,
            )
        super().__init__(folder, transform, pre_transform, pre_filter, force_reload)


def _store_folder(base: Path, format: str, digest: str) -> Path:
    """The folder of a store: the first of ``format``, ``format-2`` ... that is free or has it."""
    for number in count(1):
        folder = base / (format if number == 1 else f"{format}-{number}")
        if not ClipStore.exists(folder):
            return folder
        try:
            policy = str(ClipStore(folder).card.get("policy"))
        except SkeletonMAEError:
            return folder  # damaged: opening it says so, force_reload mends it
        if policy.endswith(f"settings {digest}"):
            return folder
    raise AssertionError("there is always another number")
