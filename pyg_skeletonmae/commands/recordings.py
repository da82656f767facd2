"""What ``predict``, ``embed`` and ``cluster`` share: a release, files, and how to read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from jsonargparse import ActionFail, ArgumentParser

from pyg_skeletonmae.commands.cli_errors import OPTION
from pyg_skeletonmae.commands.parser import NOT_HERE, RELEASE
from pyg_skeletonmae.commands.pose_options import add_pose_arguments
from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.files.plain import read_plain
from pyg_skeletonmae.inference.files import Reading
from pyg_skeletonmae.inference.released import Released
from pyg_skeletonmae.io.landmark_columns import TableOptions
from pyg_skeletonmae.io.poses import PoseOptions
from pyg_skeletonmae.models import Preprocessing

R = TypeVar("R", bound=Released)
_MOST = 2**16
_POSE = ("image_size", "min_score", "fps", "zeros", "axes", "unit", "positions", "key")
_TABLE = ("columns", "ignore", "first_index", "strict")


def add_recording_arguments(parser: ArgumentParser) -> None:
    """Gives a parser the release, the files, and how they are read."""
    parser.add_argument("release", type=str, help=RELEASE)
    parser.add_argument("files", type=str, nargs="*", help="Files, folders of files, stores.")
    parser.add_argument("--by", type=str, default="clip", help="clip, person or window.")
    parser.add_argument("--windows", type=int, nargs=2, help="Frames of a window, and a stride.")
    parser.add_argument("--partial", action="store_true", help="Take clips that lack joints.")
    parser.add_argument("--device", type=str, default="cpu", help="Where the model runs.")
    parser.add_argument("--batch_size", type=int, default=32, help="Clips computed at once.")
    parser.add_argument("--preprocessing", type=str, help="A preprocessing.yaml for the release.")
    add_pose_arguments(parser)
    parser.add_argument(OPTION, action=ActionFail(message=NOT_HERE), help="A class of your own.")


def reading(chosen: Mapping[str, Any], pipeline: str) -> Reading:
    """How files are read, of what a command line says.

    Raises:
        ConfigError: A value is out of range.
    """
    given = {key: value for key, value in chosen.items() if value is not None}
    options = PoseOptions(**{key: given[key] for key in _POSE if key in given})
    table = TableOptions(**{key: given[key] for key in _TABLE if key in given})
    skeleton, format = chosen["skeleton"], chosen["format"]
    return Reading(format, skeleton, options, table, chosen["partial"], pipeline)


def open_release(kind: type[R], chosen: Mapping[str, Any], classes: Iterable[type] = ()) -> R:
    """The recogniser or embedder of the release that a command line names.

    Args:
        kind: Which of the two.
        chosen: The arguments of :func:`add_recording_arguments`.
        classes: The user's own classes that the release may name.

    Raises:
        CheckpointError: It cannot be used.
    """
    told = told_preprocessing(chosen["preprocessing"])
    return kind.from_pretrained(
        chosen["release"], preprocessing=told, classes=classes, device=chosen["device"]
    )


def told_preprocessing(path: str | None) -> Preprocessing | None:
    """What a file says that stands for what an older release does not say.

    Raises:
        CheckpointError: It cannot be read, or is of another format.
    """
    if path is None:
        return None
    try:
        return Preprocessing.from_yaml(read_plain(Path(path), _MOST).decode("utf-8-sig"), path)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "expected text in UTF-8"
        raise CheckpointError(f"{path}: cannot be read: {reason}") from None
