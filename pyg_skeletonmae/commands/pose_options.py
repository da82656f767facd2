"""How files of poses are read: options that several commands have in common."""

from __future__ import annotations

from jsonargparse import ArgumentParser

from pyg_skeletonmae.datasets.sets.pose_formats import FORMATS


def add_pose_arguments(parser: ArgumentParser) -> None:
    """Gives a parser the format of files, their joints, and what they do not say themselves.

    What the options mean is said at :class:`~pyg_skeletonmae.io.PoseOptions` and
    :class:`~pyg_skeletonmae.io.TableOptions`.
    """
    parser.add_argument("--format", type=str, help=f"Of poses: {', '.join(FORMATS)}.")
    parser.add_argument("--skeleton", type=str, help="Of poses: a layout, or a skeleton file.")
    parser.add_argument("--zeros", type=str, help="Of poses: zeros are missing, or keep them.")
    parser.add_argument("--axes", type=str, help="Of arrays: the order of the axes, CTVM or MTVC.")
    parser.add_argument("--min_score", type=float, help="Of poses: joints above it are present.")
    parser.add_argument("--image_size", type=tuple[float, float], help="Of poses: [width, height].")
    parser.add_argument("--fps", type=float, help="Of poses: frames per second.")
    parser.add_argument("--unit", type=str, help="Of pyskl, poses: x, y are pixel or normalised.")
    parser.add_argument("--positions", type=str, help="Of bvh: positions replace offsets, or add.")
    parser.add_argument("--key", type=str, help="Of mediapipe_json: the set of landmarks to read.")
    parser.add_argument(
        "--columns", type=dict[str, str] | list[str], help='Of tables: "{bild: frame}", or a list.'
    )
    parser.add_argument("--ignore", type=list[str], help='Of tables: columns, "[world_*]".')
    parser.add_argument("--first_index", type=int, help="Of tables: landmarks count from 0 or 1.")
    parser.add_argument("--strict", action="store_true", help="Of tables: no other columns.")
