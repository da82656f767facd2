"""Which reader, which files and which skeleton belong to a format of poses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, NamedTuple

from pyg_skeletonmae.datasets.store.clips import Array, Clip, LeftOut, Note
from pyg_skeletonmae.errors import ConfigError, DataError, SkeletonError, SkeletonFormatError
from pyg_skeletonmae.files.names import nfc
from pyg_skeletonmae.io.arrays import read_arrays
from pyg_skeletonmae.io.bvh import read_bvh
from pyg_skeletonmae.io.c3d import read_c3d
from pyg_skeletonmae.io.coco_keypoints import read_coco_keypoints
from pyg_skeletonmae.io.deeplabcut import read_deeplabcut
from pyg_skeletonmae.io.kinetics import read_kinetics, read_kinetics_label
from pyg_skeletonmae.io.landmark_columns import NOTHING_SAID, TableOptions
from pyg_skeletonmae.io.landmark_table import read_landmark_table
from pyg_skeletonmae.io.mediapipe import read_mediapipe
from pyg_skeletonmae.io.mediapipe_json import read_mediapipe_json
from pyg_skeletonmae.io.mmpose import read_mmpose
from pyg_skeletonmae.io.openpose import read_openpose
from pyg_skeletonmae.io.poses import PoseOptions, PoseTracks
from pyg_skeletonmae.io.scan import list_files, scan
from pyg_skeletonmae.io.sleap import read_sleap
from pyg_skeletonmae.io.trc import read_trc
from pyg_skeletonmae.io.yolo_pose import read_yolo_pose
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import get_layout

PoseFormatName = Literal[
    "mediapipe", "openpose", "coco", "deeplabcut", "sleap", "bvh", "arrays", "table",
    "mediapipe_json", "mmpose", "yolo", "yolo_json", "kinetics", "trc", "c3d",
]  # fmt: skip

_DETECTIONS = ("image_size", "min_score", "with_scores", "fps", "zeros", "unit")


class PoseTask(NamedTuple):
    """A recording: its file or folder, what it is called, and what is known about it."""

    path: Path
    name: str
    label: int | None = None
    subject: int = -1
    extra: tuple[tuple[str, float], ...] = ()

    @property
    def files(self) -> list[Path]:
        """Its file, or those in its folder."""
        if self.path.is_dir():
            return sorted([*list_files(self.path, "*.json"), *list_files(self.path, "*.txt")])
        return [self.path] if self.path.is_file() else []


class PoseFormat(NamedTuple):
    """A format.

    Args:
        read: Its reader: path, skeleton, options.
        suffixes: What the names of its files end in.
        layout: The skeleton if none is given; None = one must be given.
        has_skeleton: Files say their skeleton themselves.
        takes: The options that mean something for it.
        frames: A recording is a folder of such files, one for a frame.
        tables: Files are tables of landmarks.
        export: What to do where there is no such file.
        labels: Files may say what they show: reads that.
    """

    read: Callable[[Path, Skeleton, PoseOptions], PoseTracks]
    suffixes: tuple[str, ...]
    layout: str | None = None
    has_skeleton: bool = False
    takes: tuple[str, ...] = _DETECTIONS
    frames: bool = False
    tables: bool = False
    export: str = ""
    labels: Callable[[Path], set[str]] | None = None


def _read_bvh(path: Path, skeleton: Skeleton, options: PoseOptions) -> PoseTracks:
    """The joints of a skeleton by their names, others of the file are left out."""
    motion = read_bvh(path, positions=options.positions)
    names = [motion.skeleton.aliases.get(name, name) for name in motion.skeleton.joints]
    names = [skeleton.aliases.get(name, name) for name in names]
    if missing := [joint for joint in skeleton.joints if joint not in names]:
        raise DataError(f"has no joint {missing[0]!r}, only {', '.join(names):.200}")
    order = [names.index(joint) for joint in skeleton.joints]
    pos, valid = motion.pos[:, :, order], motion.valid[:, :, order]
    return PoseTracks(pos, valid, skeleton, options.fps or motion.fps, motion.notes)


FORMATS: Mapping[str, PoseFormat] = {
    "mediapipe": PoseFormat(read_mediapipe, (".csv", ".tsv", ".npy"), "mediapipe33", tables=True),
    "openpose": PoseFormat(read_openpose, (".json",), "body25", frames=True),
    "coco": PoseFormat(read_coco_keypoints, (".json",), "coco17"),
    "deeplabcut": PoseFormat(
        read_deeplabcut,
        (".csv",),
        export="from .h5 files write CSV files (analyze_videos_converth5_to_csv)",
    ),
    "sleap": PoseFormat(
        read_sleap,
        (".h5", ".hdf5"),
        has_skeleton=True,
        export="from .slp files export analysis files (sleap_io.save_analysis_h5)",
    ),
    "bvh": PoseFormat(_read_bvh, (".bvh",), has_skeleton=True, takes=("fps", "positions")),
    "arrays": PoseFormat(read_arrays, (".npy", ".npz"), takes=(*_DETECTIONS, "axes")),
    "table": PoseFormat(read_landmark_table, (".csv", ".tsv"), tables=True),
    "mediapipe_json": PoseFormat(
        read_mediapipe_json, (".json",), "mediapipe33", takes=(*_DETECTIONS, "key")
    ),
    "mmpose": PoseFormat(read_mmpose, (".json",), "coco17"),
    "yolo": PoseFormat(read_yolo_pose, (".txt",), "coco17", frames=True),
    "yolo_json": PoseFormat(read_yolo_pose, (".json",), "coco17"),
    "kinetics": PoseFormat(read_kinetics, (".json",), "openpose18", labels=read_kinetics_label),
    "trc": PoseFormat(read_trc, (".trc",), takes=("fps", "zeros")),
    "c3d": PoseFormat(read_c3d, (".c3d",), takes=("fps", "zeros")),
}


def get_format(name: str) -> PoseFormat:
    """The format of a name.

    Raises:
        ConfigError: There is none.
    """
    if name not in FORMATS:
        near = get_close_matches(name.lower(), FORMATS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"format {name!r}: expected one of {', '.join(FORMATS)}{hint}")
    return FORMATS[name]


def check_options(name: str, options: PoseOptions, table: TableOptions = NOTHING_SAID) -> None:
    """Raises :class:`ConfigError` if options mean nothing for a format."""
    form = get_format(name)
    if table != NOTHING_SAID and not form.tables:
        names = "columns, ignore, label_column, first_index, strict"
        raise ConfigError(f"{names}: of tables only, not of the format {name!r}")
    for field in fields(PoseOptions):
        value = getattr(options, field.name)
        if field.name not in form.takes and value != field.default:
            option = f"options: {field.name}={value!r} means nothing for {name}"
            raise ConfigError(f"{option}, which takes {', '.join(form.takes)}")


class Recordings(NamedTuple):
    """The recordings below a folder.

    Args:
        paths: A file or folder by its relative name, in the composed form of Unicode, in order.
        notes: See :class:`~pyg_skeletonmae.io.scan.Scan`.
    """

    paths: dict[str, Path]
    notes: list[str]


def find_recordings(root: Path, name: str, labels: str | None) -> Recordings:
    """Looks for recordings by the rule of :func:`~pyg_skeletonmae.io.scan.scan`.

    Args:
        root: The folder.
        name: The format.
        labels: The relative name of the table of labels, which is none.
    """
    form = get_format(name)
    files, notes = scan(root, form.suffixes)
    paths: dict[str, Path] = {}
    for file in files:
        path = file.parent if form.frames else file
        relative = path.relative_to(root).as_posix()
        composed = nfc(relative)
        if labels is not None and nfc(file.relative_to(root).as_posix()) == nfc(labels):
            continue
        # Both forms of one name may lie side by side; the second then keeps its own.
        paths[composed if paths.get(composed, path) == path else relative] = path
    return Recordings(paths, notes)


def pose_skeleton(
    name: str, skeleton: Skeleton | str | Path | None, paths: Iterable[Path]
) -> Skeleton:
    """The skeleton of a folder of poses.

    Args:
        name: The format.
        skeleton: What was asked for; None = what the format says, or the first file that is whole.
        paths: The files.

    Raises:
        SkeletonError: None was asked for, and the format does not say it.
        SkeletonFormatError: All files are damaged; the error of the first.
    """
    layout = get_format(name).layout if skeleton is None else skeleton
    if layout is not None:
        return get_layout(layout)
    if not get_format(name).has_skeleton:
        raise SkeletonError(f"{name} files do not say their skeleton: give a layout or a file")
    first: SkeletonFormatError | None = None
    for path in paths:
        try:
            if name == "bvh":  # its skeleton does not depend on what position channels mean
                return read_bvh(path, positions="replace").skeleton
            return read_sleap(path).skeleton
        except SkeletonFormatError as error:
            first = first or error
    raise first or SkeletonError(f"{name}: no file that says its skeleton")


@dataclass(frozen=True)
class ReadPoses:
    """Reads a recording as one clip.

    Args:
        name: The format.
        skeleton: The skeleton.
        options: What to do with scores and pixels.
        table: What tables do not say themselves.
        class_names: The labels that stand in files.
        inside: Labels are those that stand in files, not those of tasks.
    """

    name: PoseFormatName
    skeleton: Skeleton
    options: PoseOptions
    table: TableOptions = NOTHING_SAID
    class_names: tuple[str, ...] = ()
    inside: bool = False

    def __call__(self, task: PoseTask) -> Iterator[Clip | Note | LeftOut]:
        """The clip, and notes about it.

        A recording whose column of labels changes is a clip for each run of equal ones,
        ``name#0``, ``name#1``, ...

        Raises:
            DataError: Nobody is seen, or the file says no label where others do.
            SkeletonFormatError: The file is missing or damaged.
        """
        tracks = self.read(task.path)
        if not _is_seen(tracks.pos, tracks.valid):
            raise DataError("nobody is seen")
        labels = tracks.labels if self.inside else None
        if self.inside and self.class_names and labels is None:
            raise DataError("says no label, but others do")
        runs = _runs(labels) if labels else [(0, tracks.pos.shape[1], None)]
        for number, (start, stop, text) in enumerate(runs):
            pos, valid = tracks.pos[:, start:stop], tracks.valid[:, start:stop]
            name = task.name if len(runs) == 1 else f"{task.name}#{number}"
            if not _is_seen(pos, valid):
                yield LeftOut(name, "nobody is seen")
                continue
            label = task.label if text is None else self.class_names.index(text)
            extra = dict(task.extra)
            yield Clip(pos, label, task.subject, name, valid=valid, extra=extra, fps=tracks.fps)
        if len(runs) > 1:
            yield Note(task.name, "cut where the label changes")
        yield from (Note(task.name, note) for note in tracks.notes)

    def read(self, path: Path) -> PoseTracks:
        """A recording as it is.

        Raises:
            SkeletonFormatError: It is missing or damaged.
        """
        form = get_format(self.name)
        if form.tables and path.suffix.lower() != ".npy":
            return read_landmark_table(path, self.skeleton, self.options, self.table)
        if self.table.label_column is not None:
            raise DataError("has no column of labels")
        return form.read(path, self.skeleton, self.options)


def _is_seen(pos: Array, valid: Array) -> bool:
    return bool((valid[..., None] & (pos != 0)).any())


def _runs(labels: Sequence[str]) -> list[tuple[int, int, str]]:
    """Where equal labels begin and end, and the label."""
    edges = [i for i, label in enumerate(labels) if i == 0 or label != labels[i - 1]]
    ends = [*edges[1:], len(labels)]
    return [(start, stop, labels[start]) for start, stop in zip(edges, ends, strict=True)]
