"""Raw files as a store: the command ``skeletonmae prepare``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser

from pyg_skeletonmae.commands.pose_options import add_pose_arguments
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.datasets.catalog import CATALOG, Place
from pyg_skeletonmae.datasets.openers import pose_settings
from pyg_skeletonmae.datasets.prepare.shards import OthersAtWork, one_shard
from pyg_skeletonmae.datasets.sets.pose_report import describe_poses
from pyg_skeletonmae.errors import ConfigError, DataError, check_choice

NAMES = tuple(name for name, data in CATALOG.items() if data.raw)


def prepare(
    name: str,
    root: str | Path,
    out: str | Path | None = None,
    workers: int | None = None,
    policy: str | None = None,
    incomplete: str | None = None,
    format: str | None = None,
    skeleton: str | None = None,
    labels: str | None = None,
    zeros: str | None = None,
    axes: str | None = None,
    min_score: float | None = None,
    image_size: tuple[float, float] | None = None,
    fps: float | None = None,
    positions: str | None = None,
    key: str | None = None,
    scores: str | None = None,
    third: str | None = None,
    unit: str | None = None,
    size_order: str | None = None,
    label_column: str | None = None,
    columns: Mapping[str, str] | Sequence[str] | None = None,
    ignore: Sequence[str] | None = None,
    first_index: int | None = None,
    strict: bool = False,
    dry_run: bool = False,
    force: bool = False,
    shards: int = 1,
    shard: int = 0,
    parts: bool = False,
) -> SkeletonDataset | None:
    """Turns raw files into a store, and prints its data card.

    A store that is there is opened. One that was begun is gone on with.

    Args:
        name: The data set, one of :data:`NAMES`.
        root: The folder with its files (``pyskl``: the pickle).
        out: The folder for the store; None = ``processed`` in the folder with the files.
        workers: How many processes read; 0 = this one; None = one for each processor.
        policy: Which bodies are persons, or how actions are cut; None = the data set's default.
        incomplete: Of NTU RGB+D, the owners' list of incomplete clips: a file, or ``fetch``.
        format: Of ``poses``, the format of the files, see
            :class:`~pyg_skeletonmae.datasets.PoseFolder`.
        skeleton: Of ``poses``, a layout or a skeleton file; None = that of the format.
        labels: Of ``poses``, the table of labels in ``root``; None = ``labels.csv`` if it is there.
        axes: Of ``poses`` in the format ``arrays``, the order of the axes: ``MTVC`` (persons,
            frames, joints, coordinates), ``CTVM`` ...; None = ``MTVC``, checked by the numbers.
        zeros: Of ``poses``, what joints at 0 in some frames are: ``missing``, or ``keep`` them.
        min_score: Of ``poses``, a joint is missing unless its score is above this.
        image_size: Of ``poses``, width and height, to normalise pixels by.
        fps: Of ``poses``, frames per second.
        positions: Of ``poses`` in the format ``bvh``, what position channels do with the OFFSET of
            a joint: ``replace`` it, or ``add`` to it; None = as the first frame shows it.
        key: Of ``poses`` in the format ``mediapipe_json``, the set of landmarks to read.
        scores: Of poses of pyskl, what the scores are: a ``mask``, a third ``channel``, or
            ``both``; None = ``mask``.
        third: Of ``pyskl``, what the third of three channels is, ``score`` or ``z``; None = as the
            numbers are.
        unit: Of ``pyskl`` and ``poses``, what x and y are, ``pixel`` or ``normalised``; None = as
            they are.
        size_order: Of ``pyskl``, in which order image sizes are given, ``hw`` or ``wh``.
        label_column: Of tables of landmarks, the column that says what is shown.
        columns: Of tables of landmarks, what columns mean.
        ignore: Of tables of landmarks, columns to leave out.
        first_index: Of tables of landmarks, whether landmarks are numbered from 0 or 1.
        strict: Of tables of landmarks, refuse those with columns of which nothing is used.
        dry_run: Of ``poses``, print what was understood of each file, and write nothing.
        force: Read the files again, also if there is a store.
        shards: Into how many jobs the reading is divided, all with one ``out`` on a common disk;
            the one that does the last part writes the store.
        shard: Which of them this is, from 0.
        parts: Each job writes a store of its own into ``out``, and the one that is done last joins
            them, see :func:`~pyg_skeletonmae.datasets.join_parts`: nobody copies all clips.

    Returns:
        The data set, None of a dry run.

    Raises:
        ConfigError: There is no such name, or it does not take an option that was given.
        SkeletonMAEError: The files are missing or damaged.
        OthersAtWork: This shard is done, and others are not.
    """
    check_choice("prepare", name, NAMES)
    data = CATALOG[name]
    given = {
        "policy": policy, "incomplete": incomplete,
        "format": format, "skeleton": skeleton, "labels": labels, "zeros": zeros, "axes": axes,
        "min_score": min_score, "image_size": image_size, "fps": fps,
        "positions": positions, "key": key, "scores": scores, "third": third,
        "unit": unit, "size_order": size_order,
        "label_column": label_column, "columns": columns, "ignore": ignore,
        "first_index": first_index, "strict": strict or None,
    }  # fmt: skip
    chosen: dict[str, Any] = {option: value for option, value in given.items() if value is not None}
    for option in chosen.keys() - set(data.options):
        raise ConfigError(f"--{option}: {name} has no such option")
    if dry_run and name != "poses":
        raise ConfigError(f"--dry_run: {name} has no such option")
    if not Path(root).exists():
        raise DataError(f"{root}: no such {data.path}")
    if dry_run:
        print("\n".join(describe_poses(root, **pose_settings(Path(root), **chosen))))
        return None
    if workers is None:
        cores = hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0))
        workers = cores or os.cpu_count() or 1
    place = Place(Path(root), None if out is None else Path(out), workers, force)
    if parts and shards == 1:
        raise ConfigError("--parts: into how many? Give --shards, and --shard to each job")
    with one_shard(shard, shards, parts):
        return data.open(place, **chosen)


def run_prepare(arguments: dict[str, Any]) -> None:
    """Prepares what a command line says, and prints the card and the folder of the store."""
    arguments.pop("config", None)
    try:
        dataset = prepare(**arguments)
    except OthersAtWork as done:
        print(done)
        return
    if dataset is not None:
        print(dataset.card)
        print(f"\n{dataset.store.root}")


def add_prepare_arguments(parser: ArgumentParser) -> None:
    """Gives a parser the arguments of :func:`prepare`."""
    parser.add_argument("name", choices=NAMES, help="The data set.")
    parser.add_argument("--root", type=str, required=True, help="The folder with its files.")
    parser.add_argument("--out", type=str, help="The folder for the store.")
    parser.add_argument("--workers", type=int, help="How many processes read.")
    parser.add_argument(
        "--policy", type=str, help="ctrgcn, pyskl or none; pkummd: mamp, none or untrimmed."
    )
    parser.add_argument("--incomplete", type=str, help="NTU's list of incomplete clips, or fetch.")
    add_pose_arguments(parser)
    parser.add_argument("--labels", type=str, help="Of poses: the table of labels in the folder.")
    parser.add_argument("--scores", type=str, help="Of pyskl's poses: mask, channel or both.")
    parser.add_argument("--third", type=str, help="Of pyskl: the third channel is score, or z.")
    parser.add_argument("--size_order", type=str, help="Of pyskl: image sizes are given hw or wh.")
    parser.add_argument("--label_column", type=str, help="Of tables: the column of labels.")
    parser.add_argument("--dry-run", action="store_true", help="Of poses: say what was understood.")
    parser.add_argument("--shards", type=int, default=1, help="Into how many jobs it is divided.")
    parser.add_argument("--shard", type=int, default=0, help="Which of them this is, from 0.")
    parser.add_argument("--parts", action="store_true", help="Each job writes a store of its own.")
    parser.add_argument("--force", action="store_true", help="Read the files again.")
