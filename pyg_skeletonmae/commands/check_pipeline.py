"""What each stage of a pipeline makes of given raw files: ``skeletonmae check-pipeline``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar, cast, get_args

import numpy as np
from jsonargparse import ArgumentParser
from torch_geometric.data import Data

from pyg_skeletonmae.batch import as_tracks
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.datasets.sets.ntu import NtuReader
from pyg_skeletonmae.datasets.sets.pkummd import ReadRecording
from pyg_skeletonmae.datasets.sets.pkummd_files import Part, find_recordings, parse_pku_name
from pyg_skeletonmae.datasets.sets.pyskl_clips import PysklOptions, pyskl_tracks
from pyg_skeletonmae.datasets.store.clips import Clip
from pyg_skeletonmae.errors import ConfigError, DataError, check_choice
from pyg_skeletonmae.io.pyskl import read_pyskl
from pyg_skeletonmae.io.xy_npz import Side, XYFile
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import COCO17, NTU25
from pyg_skeletonmae.transforms.pipelines import (
    PUBLIC,
    PipelineName,
    once_per_clip,
    public_transform,
)
from pyg_skeletonmae.transforms.prenormalize import AlignMode
from pyg_skeletonmae.transforms.recipe import standard_transform
from pyg_skeletonmae.transforms.streams import Stream
from pyg_skeletonmae.transforms.tracks import Fill

T = TypeVar("T")
_FORMATS = ".skeleton of NTU RGB+D, .txt of PKU-MMD, .pkl of pyskl or .npz of CTR-GCN and MAMP"
_OUR_FRAMES = 64
_SHOWN = 6  # values: the first two joints
_JOINTS = {skeleton.num_joints: skeleton for skeleton in (NTU25, COCO17)}


def check_pipeline(
    files: Sequence[str | Path],
    pipeline: PipelineName = "mamp",
    clip: int = 0,
    frames: int | None = None,
    stream: Stream = "joint",
    views: int | None = None,
    align: AlignMode | None = None,
    fill: Fill | None = None,
    train: bool = False,
    seed: int = 0,
) -> None:
    """Prints what each stage of a pipeline makes of clips, to be held against the public code.

    Of every stage: the shape (persons, frames, joints, channels; persons of all views one after the
    other), mean and standard deviation of all numbers, and the first two joints of the first person
    in the first frame.

    Args:
        files: The raw files: ``.skeleton`` of NTU RGB+D; ``.txt`` of PKU-MMD, in the owners'
            folders with their labels; ``.pkl`` of pyskl; ``.npz`` of CTR-GCN and MAMP.
        pipeline: The pipeline, see :mod:`~pyg_skeletonmae.transforms.pipelines`.
        clip: Which clip of a file that holds several, from 0.
        frames: The frames of a clip afterwards; None: those of the public code.
        stream: What the model reads.
        views: How often it is sampled in testing; None: as in the public code, as the following.
        align: How clips are turned upright.
        fill: What stands for absent persons: ``loop`` for NTU RGB+D 120 as in MAMP.
        train: As in training, with draws that follow from ``seed``; otherwise as in testing.
        seed: See above.

    Raises:
        ConfigError: There is no such pipeline, or a file is of another format.
        SkeletonMAEError: A file is missing or damaged, or holds no such clip.
    """
    check_choice("--pipeline", pipeline, get_args(PipelineName))
    usual = _OUR_FRAMES if pipeline == "ours" else PUBLIC[pipeline].frames
    length = usual if frames is None else frames
    for path in map(Path, files):
        try:
            stages = list(_clips(path, pipeline, clip))
        except DataError as error:
            raise DataError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
        name, joints = stages[-1][1].name, np.shape(stages[-1][1].pos)[-2]
        skeleton = _JOINTS.get(joints)
        if skeleton is None:
            raise DataError(f"{path}: {joints} joints: expected those of {sorted(_JOINTS)}")
        clips = [(stage, _as_data(read, skeleton, seed)) for stage, read in stages]
        once = once_per_clip(pipeline, skeleton, align=align, stream=stream)
        if once is None:
            steps = standard_transform(
                skeleton, length, train=train, center="mean", scale="std", stream=stream
            ).transforms
        else:
            often = public_transform(
                pipeline, skeleton, length, train=train, views=views, fill=fill, stream=stream
            )
            steps = [*once.transforms, *often.transforms]
        for step in steps:
            clips.append((repr(step), step(clips[-1][1])))
        print(f"{path}, {name}")
        print(_table([_row(stage, data, skeleton) for stage, data in clips]))


def _clips(path: Path, pipeline: PipelineName, number: int) -> Iterator[tuple[str, Clip]]:
    """The clip of a file as it is read, and as the pipeline's policy has it, by what was done."""
    kind = path.suffix.lower()
    if kind == ".skeleton":
        yield "all bodies", _chosen(NtuReader("none")(path), number)
        policy = "ctrgcn" if pipeline == "ours" else PUBLIC[pipeline].policy
        yield f"persons, policy {policy}", NtuReader(policy)(path)[0]
    elif kind == ".txt":
        yield "read", _chosen(list(_actions(path)), number)
    elif kind == ".pkl":
        content = read_pyskl(path)
        one = _chosen(content.clips, number)
        flat = one.keypoint.shape[3] == 2
        pos, valid = pyskl_tracks(one, PysklOptions(scores="channel" if flat else "mask"))
        yield "read", Clip(pos, one.label, name=one.name, valid=valid)
    elif kind == ".npz":
        with XYFile(path) as arrays:
            sides: list[Side] = [side for side in get_args(Side) for _ in arrays.labels[side]]
            side = _chosen(sides, number)
            rows = arrays.clips(side)
            row = next(islice(rows, number - sides.index(side), None))
            yield "read", Clip(row.pos, row.label, name=f"{side} {row.number}", valid=row.valid)
    else:
        raise ConfigError(f"{path}: expected {_FORMATS}")


def _actions(path: Path) -> Iterator[Clip]:
    """The actions that the labels of a recording of PKU-MMD name, as MAMP cuts them."""
    part: Part = 1 if parse_pku_name(path.stem, 1) else 2
    for root in path.resolve().parents[1:3]:
        try:
            recordings, _ = find_recordings(root, part)
        except DataError:
            continue
        for recording in recordings:
            if recording.name == path.stem:
                read = ReadRecording(part, "mamp", untrimmed=False)
                yield from (clip for clip in read(recording) if isinstance(clip, Clip))
                return
    raise DataError("expected a recording of PKU-MMD in its folder, with a folder of labels beside")


def _chosen(clips: Sequence[T], number: int) -> T:
    if not 0 <= number < len(clips):
        raise DataError(f"--clip {number}: expected 0 to {len(clips) - 1}, as many clips are there")
    return clips[number]


def _as_data(clip: Clip, skeleton: Skeleton, seed: int) -> Data:
    """A clip as a store would give it: zero where it is missing."""
    dataset = SkeletonDataset.from_arrays(
        [clip.pos], None, skeleton, valid=[clip.valid], names=[clip.name], axes="MTVC", zeros="keep"
    )
    dataset.set_epoch(0, seed)
    return cast(Data, dataset[0])


def _row(name: str, data: Data, skeleton: Skeleton) -> tuple[str, str, str, str, str]:
    pos = as_tracks(data["pos"], skeleton.num_joints).transpose(1, 2)
    numbers = pos.double()
    first = " ".join(f"{value:.6f}" for value in pos[0, 0].flatten()[:_SHOWN].tolist())
    shape = " x ".join(map(str, pos.shape))
    return name, shape, f"{numbers.mean():.6f}", f"{numbers.std(correction=0):.6f}", first


def _table(rows: Sequence[Sequence[str]]) -> str:
    rows = [("stage", "shape", "mean", "deviation", "first values"), *rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def add_check_pipeline_arguments(parser: ArgumentParser) -> None:
    """Gives a parser the arguments of :func:`check_pipeline`."""
    parser.add_argument("files", nargs="+", type=str, help=f"Raw files: {_FORMATS}.")
    parser.add_argument("--pipeline", type=PipelineName, default="mamp", help="The pipeline.")
    parser.add_argument("--clip", type=int, default=0, help="Which clip of a file of several.")
    parser.add_argument("--frames", type=int, help="Frames afterwards; default: the public code's.")
    parser.add_argument("--stream", type=Stream, default="joint", help="What the model reads.")
    parser.add_argument("--views", type=int, help="How often a clip is sampled in testing.")
    parser.add_argument("--align", type=AlignMode, help="How clips are turned upright.")
    parser.add_argument("--fill", type=Fill, help="What stands for absent persons.")
    parser.add_argument("--train", action="store_true", help="As in training, not in testing.")
    parser.add_argument("--seed", type=int, default=0, help="Of what is drawn in training.")
