"""Features of recordings, from a release: the command ``skeletonmae embed``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jsonargparse import ArgumentParser

from pyg_skeletonmae.commands.recordings import (
    add_recording_arguments,
    open_release,
    reading,
)
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.inference import Embedder, Embeddings


def add_embed_arguments(parser: ArgumentParser) -> None:
    """Gives a parser the arguments of :func:`run_embed`."""
    add_feature_arguments(parser)
    parser.add_argument("--out", type=str, required=True, help="A file, .npz or .csv.")


def add_feature_arguments(parser: ArgumentParser) -> None:
    """Gives a parser the arguments of :func:`features`."""
    add_recording_arguments(parser)
    parser.add_argument("--joints", type=str, default="mean", help="mean over joints, or concat.")
    parser.add_argument("--segments", type=int, default=1, help="Features of so many segments.")


def run_embed(chosen: dict[str, Any], classes: Iterable[type] = ()) -> dict[str, Any]:
    """Writes the features of recordings into a file, all of them or none.

    Raises:
        ConfigError: Arguments do not fit together.
        SkeletonMAEError: The release or a recording cannot be used.
    """
    if not str(chosen["out"]).lower().endswith((".npz", ".csv")):
        raise ConfigError(f"--out {chosen['out']}: expected a name that ends in .npz or .csv")
    rows = features(chosen, classes)
    path = rows.save(chosen["out"])
    return {"rows": len(rows), "dim": rows.x.shape[1], "file": str(path)}


def features(chosen: dict[str, Any], classes: Iterable[type] = ()) -> Embeddings:
    """The features of the recordings that a command line names."""
    if not chosen["files"]:
        raise ConfigError("files: expected a file or a folder")
    if "-" in chosen["files"]:
        raise ConfigError("-: standard input is for predict; expected a file or a folder")
    embedder = open_release(Embedder, chosen, classes)
    how = reading(chosen, embedder.preprocessing.pipeline)
    window, stride = chosen["windows"] or (None, None)
    return embedder.embed(
        list(chosen["files"]),
        by=chosen["by"],
        window=window,
        stride=stride,
        joints=chosen["joints"],
        segments=chosen["segments"],
        format=how.format,
        skeleton=how.skeleton,
        options=how.options,
        table=how.table,
        partial=how.partial,
        batch_size=chosen["batch_size"],
    )
