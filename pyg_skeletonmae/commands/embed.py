"""Features of recordings, from a release: the command ``skeletonmae embed``."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from jsonargparse import ArgumentParser

from pyg_skeletonmae.commands.divided import divided
from pyg_skeletonmae.commands.recordings import (
    add_recording_arguments,
    open_release,
    reading,
)
from pyg_skeletonmae.commands.row_scenes import rows_of
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.inference import Embedder, Embeddings
from pyg_skeletonmae.inference.released import usable_device
from pyg_skeletonmae.visualize.maps import map_page
from pyg_skeletonmae.visualize.page import Page

_ROOM = 15_000_000  # bytes of clips in a page
_JOINT_BYTES = 10  # of a joint in a frame
_FEWEST, _MOST = 12, 64  # frames of a clip that plays
_log = logging.getLogger("pyg_skeletonmae")


def add_embed_arguments(parser: ArgumentParser) -> None:
    """Gives a parser the arguments of :func:`run_embed`."""
    add_feature_arguments(parser)
    parser.add_argument("--out", type=str, help="A file, .npz or .csv.")
    parser.add_argument("--map", type=str, help="A page, .html: the features in the plane.")
    parser.add_argument("--seed", type=int, default=0, help="Of the map, as far as it is drawn.")
    parser.add_argument("--devices", type=int, default=1, help="Processes that divide the clips.")


def add_feature_arguments(parser: ArgumentParser) -> None:
    """Gives a parser the arguments of :func:`features`."""
    add_recording_arguments(parser)
    parser.add_argument("--joints", type=str, default="mean", help="mean over joints, or concat.")
    parser.add_argument("--segments", type=int, default=1, help="Features of so many segments.")


def run_embed(chosen: dict[str, Any], classes: Iterable[type] = ()) -> dict[str, Any]:
    """Writes the features of recordings into a file, all of them or none, or draws a map of them.

    Raises:
        ConfigError: Arguments do not fit together.
        SkeletonMAEError: The release or a recording cannot be used.
    """
    out, page = chosen["out"], chosen["map"]
    if out is None and page is None:
        raise ConfigError("--out, --map: name a file to write")
    for name, path, endings in (("out", out, (".npz", ".csv")), ("map", page, (".html",))):
        if path is not None and not path.lower().endswith(endings):
            known = " or ".join(endings)
            raise ConfigError(f"--{name} {path}: expected a name that ends in {known}")
    gpu = usable_device(chosen["device"]).type == "cuda"
    with divided(chosen["devices"], accelerator="cuda" if gpu else "cpu") as fabric:
        several = fabric.world_size > 1
        place = str(fabric.device) if several else chosen["device"]
        embedder = open_embedder({**chosen, "device": place}, classes)
        rows, told = features(embedder, chosen, fabric.global_rank, fabric.world_size), {}
    if not fabric.is_global_zero:
        return {}
    if out is not None:
        told["file"] = str(rows.save(out))
    if page is not None:
        told["map"] = str(_map(embedder, chosen, rows).save(page))
    return {"rows": len(rows), "dim": rows.x.shape[1], **told}


def _map(embedder: Embedder, chosen: dict[str, Any], rows: Embeddings) -> Page:
    """A map whose clips play, in as many frames as there is room for."""
    joints = max(embedder.skeleton.num_joints, 1)
    room = int(_ROOM / (_JOINT_BYTES * joints))  # frames of one person, of all clips together
    step = max(-(-len(rows) * _FEWEST // room), 1)  # every so many rows play
    frames = min(room * step // len(rows), _MOST)
    scenes, names, labels = {}, [], []
    for number, row in enumerate(rows_of(embedder, chosen)):
        names.append(row.title.removesuffix(f": {row.label}"))
        labels.append(row.label)
        if number % step == 0:
            scenes[number] = row.scene(max(frames // len(row.piece.pos), 2))
    if step > 1:
        _log.warning("map: one clip in %d plays, more are too many for one page", step)
    return map_page(rows.x, names, labels, scenes, f"{len(rows)} clips", chosen["seed"])


def open_embedder(chosen: dict[str, Any], classes: Iterable[type] = ()) -> Embedder:
    """The encoder of the release that a command line names, for the recordings that it names.

    Raises:
        ConfigError: It names none.
        CheckpointError: The release cannot be used.
    """
    if not chosen["files"]:
        raise ConfigError("files: expected a file or a folder")
    if "-" in chosen["files"]:
        raise ConfigError("-: standard input is for predict; expected a file or a folder")
    return open_release(Embedder, chosen, classes)


def features(
    embedder: Embedder, chosen: dict[str, Any], rank: int = 0, world_size: int = 1
) -> Embeddings:
    """The features of the recordings that a command line names."""
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
        rank=rank,
        world_size=world_size,
    )
