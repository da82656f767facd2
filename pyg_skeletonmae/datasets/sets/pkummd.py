"""PKU-MMD: long recordings of everyday actions of one or two persons, three Kinects at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar, get_args

import numpy as np
import torch
from torch import Tensor

from pyg_skeletonmae.datasets.conversion import Filter, Transform
from pyg_skeletonmae.datasets.prepare import prepare_store, prepared
from pyg_skeletonmae.datasets.sets.pkummd_files import (
    Part,
    PkuProtocol,
    PkuRecording,
    check_split_sizes,
    find_recordings,
    parse_pku_name,
)
from pyg_skeletonmae.datasets.skeleton_dataset import SkeletonDataset
from pyg_skeletonmae.datasets.splits import in_column
from pyg_skeletonmae.datasets.store.clips import Array, Clip, LeftOut
from pyg_skeletonmae.errors import DataError, check_choice
from pyg_skeletonmae.io.pku import NUM_CLASSES, read_pku, read_pku_labels
from pyg_skeletonmae.skeleton.layouts import NTU25

PkuPolicy = Literal["mamp", "none"]
Self = TypeVar("Self", bound="PKUMMD")
MAMP_FRAMES = 300
CAMERAS = {"L": 1, "M": 2, "R": 3}


class Action(NamedTuple):
    """An action in a recording: its class from 0, its first frame, the frame after its last."""

    label: int
    start: int
    end: int


class PKUMMD(SkeletonDataset):
    r"""PKU-MMD I and II, 25 joints in metres, cut into clips by the owners' labels.

    From `"PKU-MMD: A Large Scale Benchmark for Continuous Multi-Modal Human Action Understanding"
    <https://arxiv.org/abs/1703.07475>`_ (Liu et al., 2017). For research only, from its owners on
    request: this class reads their files and never fetches them.

    The files are looked for in ``root`` and its folders ``v1`` or ``v2``, ``PKUMMD`` and ``raw``:
    skeletons in ``skeleton`` or the owners' ``Data/PKU_Skeleton_Renew``, labels in ``label`` or
    ``Label/Train_Label_PKU_final``, split files (``cross-subject.txt``; ``cross_subject_v2.txt`` in
    phase II) beside them or in ``Split``. The store is written once, into
    ``root/processed/pkummd1-mamp`` and so on. Its clips are called ``<recording>_<number>``, by
    the place in the label file from 0, and have the further columns ``camera`` (1 L, 2 M, 3 R),
    ``start``, ``end`` and, as far as known, ``train_xsub`` and ``train_xview``.

    A recording trains if the split file names it in its training line, as in MAMP: all others test.
    Where the file is missing its rule stands in: camera L tests; in phase II performers 2, 3 and 7
    do. For phase I across subjects there is no rule but the file.

    Policy ``"mamp"`` cuts as MAMP's converter does: rows ``start`` (used from 0) to ``end``
    (exclusive), at most the first 300 of them; an end behind the recording cuts short; a clip whose
    numbers sum to exactly zero is left out. ``"none"`` keeps all frames and leaves a clip out only
    if it shows nobody. Neither moves a coordinate. A body that is all zero in a frame is missing
    there, one that is so throughout is no person. Both phases have 51 classes, of which phase II
    uses 41.

    Args:
        root: The folder with the files.
        part: The phase, 1 or 2.
        protocol: The official split, ``"xsub"`` or ``"xview"``.
        policy: How actions are cut, see above.
        transform: Applied to a clip at every access.
        pre_transform: Applied to every clip once, see :class:`SkeletonDataset`.
        pre_filter: Chooses clips once, see :class:`SkeletonDataset`.
        force_reload: Read the files again.
        untrimmed: Whole recordings as unlabelled clips, for temporal detection: see
            :meth:`annotations` and :meth:`frame_labels`.
        processed_root: The folder for the stores; None = ``root/processed``.
        workers: How many processes read; 0 = this one.

    Raises:
        ConfigError: Part, protocol or policy are none.
        DataError: There are no files, or no clip is left.
        SkeletonFormatError: A split file is damaged. (A damaged recording is left out, and the card
            says so.)

    **STATS** (clips as MAMP cuts them; as published):

    .. list-table::
        :widths: 10 12 10 10 10 10 20 20
        :header-rows: 1

        * - part
          - #recordings
          - #clips
          - #classes
          - #subjects
          - #joints
          - xsub recordings train / test
          - xsub clips train / test
        * - 1
          - 1,076
          - 21,545
          - 51
          - 66
          - 25
          - 944 / 132
          - 18,841 / 2,704
        * - 2
          - 1,009
          - 6,945
          - 41
          - 13
          - 25
          - 775 / 234
          - 5,332 / 1,613
    """

    def __init__(
        self,
        root: str | Path,
        part: Part = 1,
        protocol: PkuProtocol = "xsub",
        policy: PkuPolicy = "mamp",
        transform: Transform | None = None,
        pre_transform: Transform | None = None,
        pre_filter: Filter | None = None,
        force_reload: bool = False,
        *,
        untrimmed: bool = False,
        processed_root: str | Path | None = None,
        workers: int = 0,
    ) -> None:
        check_choice("part", part, get_args(Part))
        check_choice("protocol", protocol, get_args(PkuProtocol))
        check_choice("policy", policy, get_args(PkuPolicy))
        self.files, self.part, self.protocol, self.untrimmed = Path(root), part, protocol, untrimmed
        name = f"pkummd{part}-{'untrimmed' if untrimmed else policy}"
        folder = Path(processed_root or self.files / "processed") / name
        if force_reload or not prepared(folder):
            read = ReadRecording(part, policy, untrimmed)
            _prepare(self.files, folder, read, workers, force_reload)
        super().__init__(folder, transform, pre_transform, pre_filter, force_reload)

    def official_split(self: Self) -> tuple[Self, Self]:
        """The training and the test side of the protocol, as views.

        Raises:
            DataError: A side is empty; or the sides are not known, as there was no split file; or
                all recordings are there and not divided as published.
        """
        column = f"train_{self.protocol}"
        if column not in self.store.extra:
            raise DataError(
                f"{self.store.root}: the split {self.protocol!r} of PKU-MMD {self.part} needs the "
                "owners' split file; put it beside the folder of skeletons and use force_reload"
            )
        train, test = self.split(column, train=[1])
        sizes = []
        for side in (train, test):
            names = [self.store.names[number] for number in side.indices()]
            if not self.untrimmed:  # a clip's name is that of its recording and a number
                names = [name.rpartition("_")[0] for name in names]
            sizes.append(len(set(names)))
        check_split_sizes(self.part, self.protocol, *sizes)
        return train, test

    def annotations(self, name: str) -> list[Action]:
        """The actions in a recording, in the order of its label file, as they are written there.

        Raises:
            DataError: There is no recording of this name.
            SkeletonFormatError: Its label file is damaged.
        """
        if name not in self._labels:
            raise DataError(f"{self.files}: no recording {name!r}")
        return _actions(self._labels[name])

    @property
    def performances(self) -> Tensor:
        """Which performance each clip of the view is of, ``[n]``, long; three cameras film one.

        Phase I does not say who performs: whoever holds out clips has to hold out performances.
        """
        names = [self.store.names[number].partition("-")[0] for number in self.indices()]
        place = {name: number for number, name in enumerate(sorted(set(names)))}
        return torch.tensor([place[name] for name in names], dtype=torch.long)

    def frame_labels(self, number: int) -> Tensor:
        """The class of each frame of clip ``number`` of an untrimmed store, ``[T]``, long.

        Frames without an action are -1; where actions overlap the later line counts.

        Raises:
            DataError: The clips of this data set are cut.
        """
        if not self.untrimmed:
            raise DataError(f"{self.store.root}: frame labels are for untrimmed=True")
        labels = torch.full((int(self.store.length[number]),), -1)
        for action in self.annotations(self.store.names[number]):
            labels[action.start : action.end] = action.label
        return labels

    @cached_property
    def _labels(self) -> dict[str, Path]:
        recordings, _ = find_recordings(self.files, self.part)
        return {recording.name: recording.label for recording in recordings}


@dataclass(frozen=True)
class ReadRecording:
    """Reads a recording and cuts it.

    Args:
        part: The phase.
        policy: How to cut.
        untrimmed: Do not cut.
    """

    part: Part
    policy: PkuPolicy
    untrimmed: bool

    def __call__(self, recording: PkuRecording) -> Iterator[Clip | LeftOut]:
        """The clips of a recording, in the order of its label file."""
        pos = read_pku(recording.skeleton)
        if self.untrimmed:
            yield self._clip(recording, recording.name, pos, None, 0)
            return
        for number, action in enumerate(_actions(recording.label)):
            end = min(action.end, action.start + MAMP_FRAMES, pos.shape[1])
            part = pos[:, action.start : end if self.policy == "mamp" else action.end]
            # The order of the converter's rows, as a sum of floats depends on it.
            rows = part.transpose(1, 0, 2, 3).reshape(-1)
            name = f"{recording.name}_{number}"
            if rows.any() if self.policy == "none" else rows.sum() != 0:
                yield self._clip(recording, name, part, action.label, action.start)
            else:
                yield LeftOut(name, "shows nobody" if self.policy == "none" else "sums to zero")

    def _clip(
        self, recording: PkuRecording, name: str, pos: Array, label: int | None, start: int
    ) -> Clip:
        fields = parse_pku_name(recording.name, self.part)
        assert fields is not None
        present: Array = np.asarray((pos != 0).any((2, 3)))
        visible: Array = np.asarray(present.any(1))
        extra = {"camera": CAMERAS[fields.camera], "start": start, "end": start + pos.shape[1]}
        extra |= {f"train_{protocol}": side for protocol, side in recording.sides}
        valid = present[visible, :, None].repeat(NTU25.num_joints, -1)
        return Clip(pos[visible], label, fields.performer, name, valid, extra)


def _actions(path: Path) -> list[Action]:
    rows = read_pku_labels(path, ranges="keep")
    return [Action(row.action - 1, row.start, row.end) for row in rows]


def _prepare(
    root: Path, folder: Path, reader: ReadRecording, workers: int, overwrite: bool
) -> None:
    recordings, splits = find_recordings(root, reader.part)
    protocols = [protocol for protocol, _ in recordings[0].sides]
    notes = [] if "xsub" in protocols else ["no file of the cross-subject split was found"]
    prepare_store(
        folder,
        recordings,
        reader,
        NTU25,
        None if reader.untrimmed else [f"A{number:02}" for number in range(1, NUM_CLASSES + 1)],
        name=lambda recording: recording.name,
        source=f"PKU-MMD {reader.part}, {len(recordings)} recordings",
        policy="untrimmed" if reader.untrimmed else reader.policy,
        files=lambda recording: [recording.skeleton, recording.label],
        inputs=splits, fps=30.0, unit="m", notes=notes,
        splits={
            f"{protocol} {side}": in_column(f"train_{protocol}", value)
            for protocol in protocols
            for side, value in (("train", 1), ("test", 0))
        },
        workers=workers, progress=True, overwrite=overwrite,
    )  # fmt: skip
