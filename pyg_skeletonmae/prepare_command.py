"""Raw files as a store: the command ``skeletonmae prepare``."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from jsonargparse import ArgumentParser

from pyg_skeletonmae.datasets import NTURGBD, UIPRMD, SkeletonDataset
from pyg_skeletonmae.datasets.hrnet_poses import Diving48, FineGym
from pyg_skeletonmae.datasets.official import open_pkummd
from pyg_skeletonmae.datasets.pose_folder import PoseFolder
from pyg_skeletonmae.datasets.pose_formats import FORMATS
from pyg_skeletonmae.datasets.pyskl import PysklDataset
from pyg_skeletonmae.errors import ConfigError

LABELS = "labels.csv"


class Recipe(NamedTuple):
    """How a name is prepared.

    Args:
        build: Opens the data set and, if need be, writes its store. It takes ``root``,
            ``processed_root``, ``workers``, ``force_reload``, and by name the options below.
        options: Which further options of the command it takes.
    """

    build: Callable[..., SkeletonDataset]
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


def _poses(root: Path, labels: str | None = None, **settings: Any) -> PoseFolder:
    if labels is None and (root / LABELS).is_file():
        labels = LABELS
    return PoseFolder(root, labels, **settings)


RECIPES: dict[str, Recipe] = {
    "ntu60": Recipe(partial(NTURGBD, version=60), ("policy", "incomplete")),
    "ntu120": Recipe(partial(NTURGBD, version=120), ("policy", "incomplete")),
    "pkummd1": Recipe(partial(open_pkummd, part=1), ("policy",)),
    "pkummd2": Recipe(partial(open_pkummd, part=2), ("policy",)),
    "finegym": Recipe(FineGym),
    "diving48": Recipe(Diving48),
    "pyskl": Recipe(_pyskl),
    "poses": Recipe(_poses, ("format", "skeleton", "labels", "zeros")),
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
    force: bool = False,
) -> SkeletonDataset:
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
        zeros: Of ``poses``, what joints at 0 in some frames are: ``missing``, or ``keep`` them.
        force: Read the files again, also if there is a store.

    Returns:
        The data set.

    Raises:
        ConfigError: There is no such name, or it does not take an option that was given.
        SkeletonMAEError: The files are missing or damaged.
    """
    if name not in RECIPES:
        raise ConfigError(f"prepare {name!r}: expected one of {', '.join(RECIPES)}")
    recipe = RECIPES[name]
    given = {
        "policy": policy, "incomplete": incomplete,
        "format": format, "skeleton": skeleton, "labels": labels, "zeros": zeros,
    }  # fmt: skip
    chosen = {key: value for key, value in given.items() if value is not None}
    for key in chosen.keys() - set(recipe.options):
        raise ConfigError(f"--{key}: {name} has no such option")
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
    parser.add_argument("--zeros", type=str, help="Of poses: zeros are missing, or keep them.")
    parser.add_argument("--force", action="store_true", help="Read the files again.")


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
