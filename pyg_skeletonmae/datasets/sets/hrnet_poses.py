"""FineGym and Diving48: 2-D poses of athletes, as pyskl publishes them."""

from __future__ import annotations

from pathlib import Path

from pyg_skeletonmae.datasets.conversion import Filter, Transform
from pyg_skeletonmae.datasets.sets.pyskl import DEFAULT, PysklDataset
from pyg_skeletonmae.datasets.sets.pyskl_clips import PysklOptions
from pyg_skeletonmae.skeleton.layouts import COCO17


class HRNetPoses(PysklDataset):
    r"""A data set of fixed name and classes, whose 17 joints HRNet found in videos.

    The pickle is looked for in ``root`` and ``root/raw``; it is never fetched. A file of all
    published clips must divide as published.

    Args:
        root: The folder with the file, and for the store.
        split: The split that is shown; None = all clips.
        transform: Applied to a clip at every access.
        pre_transform: Applied to every clip once, see :class:`SkeletonDataset`.
        pre_filter: Chooses clips once, see :class:`SkeletonDataset`.
        force_reload: Read the file again.
        options: What is done with scores and pixels.
        processed_root: The folder for the stores; None = ``root/processed``.
        workers: How many processes convert; 0 = this one.

    Raises:
        DataError: No clip is left, or there is no such split.
        SkeletonFormatError: The file is missing, damaged or hostile.
    """

    file = ""
    num_labels = 0

    def __init__(
        self,
        root: str | Path,
        split: str | None = None,
        transform: Transform | None = None,
        pre_transform: Transform | None = None,
        pre_filter: Filter | None = None,
        force_reload: bool = False,
        *,
        options: PysklOptions = DEFAULT,
        processed_root: str | Path | None = None,
        workers: int = 0,
    ) -> None:
        places = [Path(root) / self.file, Path(root) / "raw" / self.file]
        super().__init__(
            next((place for place in places if place.is_file()), places[0]), root, split,
            transform=transform, pre_transform=pre_transform, pre_filter=pre_filter,
            force_reload=force_reload, options=options, skeleton=COCO17,
            class_names=[str(label) for label in range(self.num_labels)],
            processed_root=processed_root, workers=workers,
        )  # fmt: skip


class FineGym(HRNetPoses):
    r"""FineGym, 99 classes of elements of gymnastics, as 2-D poses: ``gym_hrnet.pkl``.

    From `"FineGym: A Hierarchical Video Dataset for Fine-grained Action Understanding"
    <https://arxiv.org/abs/2004.06704>`_ (Shao et al., CVPR 2020). Arguments and errors are those of
    :class:`HRNetPoses`.

    **STATS:**

    .. list-table::
        :widths: 12 12 12 12 20
        :header-rows: 1

        * - #clips
          - #classes
          - #joints
          - channels
          - train / val
        * - 29,005
          - 99
          - 17
          - x, y
          - 20,484 / 8,521
    """

    file = "gym_hrnet.pkl"
    num_labels = 99
    sizes = (20_484, 8_521)


class Diving48(HRNetPoses):
    r"""Diving48, 48 classes of dives, as 2-D poses: ``diving48_hrnet.pkl``.

    From `"RESOUND: Towards Action Recognition without Representation Bias"
    <https://doi.org/10.1007/978-3-030-01231-1_32>`_ (Li et al., ECCV 2018). Arguments and errors
    are those of :class:`HRNetPoses`.

    **STATS** (of the videos, version 2 of the labels; the pickle lacks those without a person):

    .. list-table::
        :widths: 12 12 12 12 20
        :header-rows: 1

        * - #clips
          - #classes
          - #joints
          - channels
          - train / test
        * - 16,997
          - 48
          - 17
          - x, y
          - 15,027 / 1,970
    """

    file = "diving48_hrnet.pkl"
    num_labels = 48
    sizes = (15_027, 1_970)
