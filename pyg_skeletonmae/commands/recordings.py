"""What ``predict``, ``embed`` and ``cluster`` share: a release, files, and how to read them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonargparse import ActionFail, ArgumentParser

from pyg_skeletonmae.commands.cli_errors import OPTION
from pyg_skeletonmae.commands.parser import NOT_HERE
from pyg_skeletonmae.datasets.sets.pose_formats import FORMATS
from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.files.plain import read_plain
from pyg_skeletonmae.inference.files import Reading
from pyg_skeletonmae.io.landmark_columns import TableOptions
from pyg_skeletonmae.io.poses import PoseOptions
from pyg_skeletonmae.models import Preprocessing

_MOST = 2**16
_POSE = ("image_size", "min_score", "fps", "zeros", "axes", "unit", "positions", "key")
_TABLE = ("columns", "ignore", "first_index", "strict")


def add_recording_arguments(parser: ArgumentParser) -> None:
    """Gives a parser the release, the files, and the options of ``prepare poses`` to read them."""
    parser.add_argument("release", type=str, help="A release folder, or the folder of a run.")
    parser.add_argument("files", type=str, nargs="*", help="Files, folders of files, stores.")
    parser.add_argument("--by", type=str, default="clip", help="clip, person or window.")
    parser.add_argument("--windows", type=int, nargs=2, help="Frames of a window, and a stride.")
    parser.add_argument("--partial", action="store_true", help="Take clips that lack joints.")
    parser.add_argument("--device", type=str, default="cpu", help="Where the model runs.")
    parser.add_argument("--batch_size", type=int, default=32, help="Clips computed at once.")
    parser.add_argument("--preprocessing", type=str, help="A preprocessing.yaml for the release.")
    parser.add_argument("--format", type=str, help=f"Of the files: {', '.join(FORMATS)}.")
    parser.add_argument("--skeleton", type=str, help="Of the files: a layout, or a skeleton file.")
    parser.add_argument("--zeros", type=str, help="Zeros are missing, or keep them.")
    parser.add_argument("--axes", type=str, help="Of arrays: the order of the axes, CTVM or MTVC.")
    parser.add_argument("--min_score", type=float, help="Joints above it are present.")
    parser.add_argument("--image_size", type=tuple[float, float], help="[width, height].")
    parser.add_argument("--fps", type=float, help="Frames per second.")
    parser.add_argument("--unit", type=str, help="x, y are pixel or normalised.")
    parser.add_argument("--positions", type=str, help="Of bvh: positions replace offsets, or add.")
    parser.add_argument("--key", type=str, help="Of mediapipe_json: the set of landmarks to read.")
    parser.add_argument(
        "--columns", type=dict[str, str] | list[str], help='Of tables: "{bild: frame}", or a list.'
    )
    parser.add_argument("--ignore", type=list[str], help='Of tables: columns, "[world_*]".')
    parser.add_argument("--first_index", type=int, help="Of tables: landmarks count from 0 or 1.")
    parser.add_argument("--strict", action="store_true", help="Of tables: no other columns.")
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
