"""UI-PRMD: rehabilitation movements, done well and badly, seen by one Kinect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal, cast, get_args

from pyg_skeletonmae.datasets.conversion import Filter, Transform
from pyg_skeletonmae.datasets.packing import fits, packed_clips
from pyg_skeletonmae.datasets.skeleton_dataset import SkeletonDataset
from pyg_skeletonmae.datasets.store import write_store, written_once
from pyg_skeletonmae.datasets.store.clips import Clip
from pyg_skeletonmae.errors import DataError, SkeletonFormatError, check_choice
from pyg_skeletonmae.io.download import UIPRMD_MIRROR, download_uiprmd
from pyg_skeletonmae.io.packed import read_packed
from pyg_skeletonmae.io.uiprmd import read_recordings
from pyg_skeletonmae.io.uiprmd_files import MOVEMENTS, SETS
from pyg_skeletonmae.skeleton.layouts import UIPRMD22

LabelTarget = Literal["movement", "movement+correctness"]
PACKED = "uiprmd_kinect.npz"


class UIPRMD(SkeletonDataset):
    r"""The Kinect part of UI-PRMD, the University of Idaho Physical Rehabilitation Movement Data.

    From `"A Data Set of Human Body Movements for Physical Rehabilitation Exercises"
    <https://doi.org/10.3390/data3010002>`_ (Vakanski et al., Data 2018), public domain (PDDL 1.0).
    Ten subjects do ten movements ten times correctly and ten times incorrectly. Positions are
    metres in the camera's frame, y up, at 30 frames per second.

    The files are looked for in ``root`` and ``root/raw``: first ``uiprmd_kinect.npz`` (the packed
    layout of :mod:`pyg_skeletonmae.io.packed`), then the owner's folders ``Segmented Movements``
    and ``Incorrect Segmented Movements`` (:mod:`pyg_skeletonmae.io.uiprmd`). The store is written
    once, into ``root/processed/<target>``, and from then on opened without looking at the files:
    ``force_reload=True`` after they have changed.

    Args:
        root: The folder with the files.
        target: What the labels say: ``"movement"``, or ``"movement+correctness"``, where class
            ``2 m + 1`` is movement ``m`` done correctly and ``2 m`` done incorrectly.
        transform: Applied to a clip at every access.
        pre_transform: Applied to every clip once, see :class:`SkeletonDataset`.
        pre_filter: Chooses clips once, see :class:`SkeletonDataset`.
        force_reload: Process the files again.
        processed_root: The folder for the stores; None = ``root/processed``.
        download: Unless the packed file is there, fetch what is missing of the owner's files into
            ``root/raw``, see :func:`~pyg_skeletonmae.io.download.download_uiprmd`. Nothing is ever
            fetched without being asked for.
        mirror: The address to fetch from.
        timeout: Seconds without an answer after which the mirror counts as silent.

    Raises:
        DataError: There are no files, or the mirror does not answer.
        SkeletonFormatError: A file is damaged.

    **STATS:**

    .. list-table::
        :widths: 12 10 12 10 10 10 18
        :header-rows: 1

        * - #clips
          - #joints
          - #persons
          - #classes
          - #subjects
          - #frames
          - frames per clip
        * - 2,000
          - 22
          - 1
          - 10 or 20
          - 10
          - 151,158
          - 28 to 179, median 72
    """

    def __init__(
        self,
        root: str | Path,
        target: LabelTarget = "movement",
        transform: Transform | None = None,
        pre_transform: Transform | None = None,
        pre_filter: Filter | None = None,
        force_reload: bool = False,
        *,
        processed_root: str | Path | None = None,
        download: bool = False,
        mirror: str = UIPRMD_MIRROR,
        timeout: float = 10.0,
    ) -> None:
        check_choice("target", target, get_args(LabelTarget))
        root, self.target = Path(root), target
        if download and _packed(root) is None:
            files = download_uiprmd(root / "raw", mirror, timeout)
            force_reload = force_reload or files > 0
        folder = Path(processed_root or root / "processed") / target
        written_once(folder, lambda: _process(root, folder, target, force_reload), force_reload)
        super().__init__(folder, transform, pre_transform, pre_filter, force_reload)


def _packed(root: Path) -> Path | None:
    return next((path for path in (root / PACKED, root / "raw" / PACKED) if path.is_file()), None)


def _process(root: Path, folder: Path, target: LabelTarget, overwrite: bool) -> None:
    packed = _packed(root)
    if packed is None:
        clips = _raw_clips(root)
    else:
        content = read_packed(packed)
        if not fits(UIPRMD22, content) or "correct" not in content.extra or content.label is None:
            expected = "the joints of UI-PRMD, 'label' and 'correct'"
            raise SkeletonFormatError(packed, "the arrays", expected, "another data set")
        clips = packed_clips(content)
    class_names: tuple[str, ...] = MOVEMENTS
    if target == "movement+correctness":
        clips = (
            replace(clip, label=2 * cast(int, clip.label) + int(clip.extra["correct"]))
            for clip in clips
        )
        class_names = tuple(f"{n}, {how}" for n in MOVEMENTS for how in ("incorrect", "correct"))
    source = "UI-PRMD, Kinect, " + ("the owner's files" if packed is None else packed.name)
    write_store(
        folder, clips, UIPRMD22, class_names, source=source, fps=30.0, unit="m", overwrite=overwrite
    )


def _raw_clips(root: Path) -> Iterator[Clip]:
    for folder in (root, root / "raw"):
        if any((folder / name).is_dir() for name in SETS.values()):
            break
    else:
        raise DataError(
            f"{root}: found neither {PACKED} nor the folder {SETS[True]!r}, here or in raw/; "
            "put the files there or pass download=True"
        )
    for recording, pos in read_recordings(folder):
        extra = {"repetition": recording.repetition, "correct": int(recording.correct)}
        yield Clip(pos, recording.movement - 1, recording.subject, recording.name, extra=extra)
