"""Raw files as a store: the command ``skeletonmae prepare``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from jsonargparse import ArgumentParser

from pyg_skeletonmae.datasets import NTURGBD, UIPRMD, SkeletonDataset
from pyg_skeletonmae.datasets.catalog import open_pkummd
from pyg_skeletonmae.datasets.sets.hrnet_poses import Diving48, FineGym
from pyg_skeletonmae.datasets.sets.pose_folder import PoseFolder
from pyg_skeletonmae.datasets.sets.pose_formats import FORMATS
from pyg_skeletonmae.datasets.sets.pose_plan import LABELS
from pyg_skeletonmae.datasets.sets.pose_report import describe_poses
from pyg_skeletonmae.datasets.sets.pyskl import PysklDataset
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.io.poses import PoseOptions


class Recipe(NamedTuple):
    """How a name is prepared.

    Args:
        build: Opens the data set and, if need be, writes its store (None: only tells what it would
            read). It takes ``root``, ``processed_root``, ``workers``, ``force_reload``, and by name
            the options below.
        options: Which further options of the command it takes.
    """

    build: Callable[..., SkeletonDataset | None]
    options: tuple[str, ...] = ()


def _uiprmd(root: Path, processed_root: Path | None, workers: int, force_reload: bool) -> UIPRMD:
    del workers  # the one file is read in a second
    return UIPRMD(root, processed_root=processed_root, force_reload=force_reload)


def _pyskl(
    root: Path, processed_root: Path | None, workers: int, force_reload: bool
) -> PysklDataset:
    return PysklDataset(
        root,
        root.parent,
        processed_root=processed_root,
        workers=workers,
        force_reload=force_reload,
    )


_POSES = (
    "format", "skeleton", "labels", "zeros", "axes", "min_score", "image_size", "fps",
    "positions", "key", "label_column", "columns", "ignore", "first_index", "strict", "dry_run",
)  # fmt: skip
_OPTIONS = ("axes", "min_score", "image_size", "fps", "positions", "key")


def _poses(
    root: Path, labels: str | None = None, dry_run: bool = False, **settings: Any
) -> PoseFolder | None:
    if labels is None and (root / LABELS).is_file():
        labels = LABELS
    given = {key: settings.pop(key) for key in _OPTIONS if key in settings}
    options = PoseOptions(**given)
    if dry_run:
        for key in ("processed_root", "workers", "force_reload"):
            settings.pop(key)
        print("\n".join(describe_poses(root, labels, options=options, **settings)))
        return None
    return PoseFolder(root, labels, options=options, **settings)


RECIPES: dict[str, Recipe] = {
    "ntu60": Recipe(partial(NTURGBD, version=60), ("policy", "incomplete")),
    "ntu120": Recipe(partial(NTURGBD, version=120), ("policy", "incomplete")),
    "pkummd1": Recipe(partial(open_pkummd, part=1), ("policy",)),
    "pkummd2": Recipe(partial(open_pkummd, part=2), ("policy",)),
    "finegym": Recipe(FineGym),
    "diving48": Recipe(Diving48),
    "pyskl": Recipe(_pyskl),
    "poses": Recipe(_poses, _POSES),
    "uiprmd": Recipe(_uiprmd),
}


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
    label_column: str | None = None,
    columns: Mapping[str, str] | Sequence[str] | None = None,
    ignore: Sequence[str] | None = None,
    first_index: int | None = None,
    strict: bool = False,
    dry_run: bool = False,
    force: bool = False,
) -> SkeletonDataset | None:
    """Turns raw files into a store, and prints its data card.

    A store that is there is opened. One that was begun is gone on with.

    Args:
        name: The data set, a key of :data:`RECIPES`.
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
        label_column: Of tables of landmarks, the column that says what is shown.
        columns: Of tables of landmarks, what columns mean.
        ignore: Of tables of landmarks, columns to leave out.
        first_index: Of tables of landmarks, whether landmarks are numbered from 0 or 1.
        strict: Of tables of landmarks, refuse those with columns of which nothing is used.
        dry_run: Of ``poses``, print what was understood of each file, and write nothing.
        force: Read the files again, also if there is a store.

    Returns:
        The data set, None of a dry run.

    Raises:
        ConfigError: There is no such name, or it does not take an option that was given.
        SkeletonMAEError: The files are missing or damaged.
    """
    if name not in RECIPES:
        raise ConfigError(f"prepare {name!r}: expected one of {', '.join(RECIPES)}")
    recipe = RECIPES[name]
    given = {
        "policy": policy, "incomplete": incomplete,
        "format": format, "skeleton": skeleton, "labels": labels, "zeros": zeros, "axes": axes,
        "min_score": min_score, "image_size": image_size, "fps": fps,
        "positions": positions, "key": key,
        "label_column": label_column, "columns": columns, "ignore": ignore,
        "first_index": first_index, "strict": strict or None, "dry_run": dry_run or None,
    }  # fmt: skip
    chosen = {option: value for option, value in given.items() if value is not None}
    for option in chosen.keys() - set(recipe.options):
        raise ConfigError(f"--{option}: {name} has no such option")
    if not Path(root).exists():
        raise DataError(f"{root}: no such {'file' if name == 'pyskl' else 'folder'}")
    return recipe.build(
        root=Path(root),
        processed_root=None if out is None else Path(out),
        workers=_processors() if workers is None else workers,
        force_reload=force,
        **chosen,
    )


def run_prepare(arguments: dict[str, Any]) -> None:
    """Prepares what a command line says, and prints the card and the folder of the store."""
    arguments.pop("config", None)
    dataset = prepare(**arguments)
    if dataset is not None:
        print(dataset.card)
        print(f"\n{dataset.store.root}")


def add_prepare_arguments(parser: ArgumentParser) -> None:
    """Gives a parser the arguments of :func:`prepare`."""
    parser.add_argument("name", choices=tuple(RECIPES), help="The data set.")
    parser.add_argument("--root", type=str, required=True, help="The folder with its files.")
    parser.add_argument("--out", type=str, help="The folder for the store.")
    parser.add_argument("--workers", type=int, help="How many processes read.")
    parser.add_argument(
        "--policy", type=str, help="ctrgcn, pyskl or none; pkummd: mamp, none or untrimmed."
    )
    parser.add_argument("--incomplete", type=str, help="NTU's list of incomplete clips, or fetch.")
    parser.add_argument("--format", type=str, help=f"Of poses: {', '.join(FORMATS)}.")
    parser.add_argument("--skeleton", type=str, help="Of poses: a layout, or a skeleton file.")
    parser.add_argument("--labels", type=str, help="Of poses: the table of labels in the folder.")
    parser.add_argument("--axes", type=str, help="Of arrays: the order of the axes, CTVM or MTVC.")
    parser.add_argument("--zeros", type=str, help="Of poses: zeros are missing, or keep them.")
    parser.add_argument("--min_score", type=float, help="Of poses: joints above it are present.")
    parser.add_argument("--image_size", type=tuple[float, float], help="Of poses: [width, height].")
    parser.add_argument("--fps", type=float, help="Of poses: frames per second.")
    parser.add_argument("--positions", type=str, help="Of bvh: positions replace offsets, or add.")
    parser.add_argument("--key", type=str, help="Of mediapipe_json: the set of landmarks to read.")
    parser.add_argument("--label_column", type=str, help="Of tables: the column of labels.")
    parser.add_argument(
        "--columns", type=dict[str, str] | list[str], help='Of tables: "{bild: frame}", or a list.'
    )
    parser.add_argument("--ignore", type=list[str], help='Of tables: columns, "[world_*]".')
    parser.add_argument("--first_index", type=int, help="Of tables: landmarks count from 0 or 1.")
    parser.add_argument("--strict", action="store_true", help="Of tables: no other columns.")
    parser.add_argument("--dry-run", action="store_true", help="Of poses: say what was understood.")
    parser.add_argument("--force", action="store_true", help="Read the files again.")


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
