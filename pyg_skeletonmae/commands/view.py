"""A clip to look at, as a page, a film or a picture: the command ``skeletonmae view``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from jsonargparse import ActionFail, ArgumentParser

from pyg_skeletonmae.commands import run_folders as runs
from pyg_skeletonmae.commands.cli_errors import OPTION
from pyg_skeletonmae.commands.data_clips import open_dataset
from pyg_skeletonmae.commands.data_section import DataConfig, PoseSettings
from pyg_skeletonmae.commands.encoders import is_classifier
from pyg_skeletonmae.commands.parser import NOT_HERE
from pyg_skeletonmae.commands.pose_options import add_pose_arguments
from pyg_skeletonmae.commands.recordings import open_release, reading
from pyg_skeletonmae.commands.view_scenes import SCENES, Chosen
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.datasets.store import ClipStore
from pyg_skeletonmae.errors import ConfigError, DataError, check_choice
from pyg_skeletonmae.inference import Embedder, Recognizer
from pyg_skeletonmae.inference.files import Reading, Recording, dataset_recordings, read_path
from pyg_skeletonmae.inference.released import Released
from pyg_skeletonmae.io.poses import PoseTracks
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.training.release import CONFIG as RELEASE_CONFIG
from pyg_skeletonmae.training.release import release_of
from pyg_skeletonmae.visualize.page import Page
from pyg_skeletonmae.visualize.viewer import check_kind, save_page


def add_view_arguments(parser: ArgumentParser) -> None:
    """Gives a parser the arguments of :func:`run_view`."""
    parser.add_argument("source", type=str, help="A store, a file or folder of poses, or a run.")
    parser.add_argument("--out", type=str, required=True, help="A .html, .gif, .mp4 or .png.")
    parser.add_argument("--clip", type=str, default="0", help="Which: its number, or its name.")
    parser.add_argument("--what", type=str, default="clip", help=f"Any of {', '.join(SCENES)}.")
    parser.add_argument("--release", type=str, help="A model to look at it: a release, or a run.")
    parser.add_argument("--frames", type=int, nargs=2, help="Only from one frame up to another.")
    parser.add_argument("--windows", type=int, nargs=2, help="Frames of a window, and a stride.")
    parser.add_argument("--seed", type=int, default=0, help="Of masks and explanations.")
    parser.add_argument("--epochs", type=int, default=100, help="Steps of an explanation.")
    parser.add_argument("--partial", action="store_true", help="Take clips that lack joints.")
    parser.add_argument("--device", type=str, default="cpu", help="Where the model runs.")
    parser.add_argument("--preprocessing", type=str, help="A preprocessing.yaml for the release.")
    add_pose_arguments(parser)
    parser.add_argument(OPTION, action=ActionFail(message=NOT_HERE), help="A class of your own.")


def run_view(chosen: dict[str, Any], classes: Iterable[type] = ()) -> dict[str, Any]:
    """Writes one clip as a page, a film or a picture.

    Args:
        chosen: The arguments of :func:`add_view_arguments`. ``what``: the ``clip``, with the
            classes over time that a release of a classifier names; ``masked``, what a pre-training
            hides of it and makes of that; a ``gallery`` of masks; ``explain``, the joints that a
            classifier decides by.
        classes: The user's own classes that the release may name.

    Raises:
        ConfigError: Arguments do not fit together.
        SkeletonMAEError: The clip or the release cannot be used.
    """
    what, path = chosen["what"], Path(chosen["source"])
    check_choice("what", what, SCENES)
    check_kind(chosen["out"])
    release, source = chosen["release"], _source(path)
    if release is None and isinstance(source, SkeletonDataset) and not ClipStore.exists(path):
        release = None if what == "clip" and not is_classifier(str(path), classes) else str(path)
    if release is None and what in ("masked", "explain"):
        raise ConfigError(f"--what {what}: needs a model, name it with --release")
    model: Released | None = None
    if release is not None:
        kind = Recognizer if what in ("clip", "explain") else Embedder
        model = open_release(kind, {**chosen, "release": release}, classes)
    how = reading(chosen, "ours" if model is None else model.preprocessing.pipeline)
    recording, others = _pick(
        source, chosen["clip"], None if model is None else model.skeleton, how
    )
    recording, start = _cut(recording, chosen["frames"])
    scene = SCENES[what](Chosen(recording, start, model, others, how, chosen))
    save_page(Page(scene.title, [scene]), chosen["out"])
    panel = scene.panels[0]
    return {
        "file": chosen["out"],
        "clip": recording.name,
        "persons": len(panel.pos),
        "frames": panel.frames,
    }


def _source(path: Path) -> SkeletonDataset | Path:
    """Where clips are: a store, the data set of a run, or files."""
    if ClipStore.exists(path):
        return SkeletonDataset(path)
    folder = release_of(path)
    if not (folder / RELEASE_CONFIG).is_file():
        return path
    run = folder.parent / runs.CONFIG
    if folder.name != runs.RELEASE or not run.is_file():
        raise ConfigError(
            f"{path}: a release holds no clips; name a store or a file, and the release with "
            "--release"
        )
    data = dict(runs.read_mapping(run).get("data") or {})
    data["poses"] = PoseSettings(**data.get("poses") or {})
    return open_dataset(DataConfig(**data))


def _pick(
    source: SkeletonDataset | Path, clip: str, skeleton: Skeleton | None, how: Reading
) -> tuple[Recording, Callable[[], Iterator[Recording]]]:
    """A clip by its number or its name, and all others."""

    def every() -> Iterator[Recording]:
        if isinstance(source, SkeletonDataset):
            return dataset_recordings(source)
        return read_path(source, skeleton, how)

    if isinstance(source, SkeletonDataset) and clip.isdecimal() and int(clip) < len(source):
        view = cast(SkeletonDataset, source[int(clip) : int(clip) + 1])
        one: Iterator[Recording] = dataset_recordings(view)
    else:
        one = (r for i, r in enumerate(every()) if clip in (str(i), r.name))
    recording = next(one, None)
    if recording is None:
        raise DataError(f"--clip {clip}: no such clip; they have numbers from 0, and names")
    return recording, lambda: (r for r in every() if r.name != recording.name)


def _cut(recording: Recording, frames: list[int] | None) -> tuple[Recording, int]:
    """Some frames of a recording, and the number of the first."""
    tracks = recording.tracks
    start, stop = frames or (0, tracks.pos.shape[1])
    if not 0 <= start < stop <= tracks.pos.shape[1]:
        raise DataError(
            f"--frames {start} {stop}: expected two numbers from 0 to {tracks.pos.shape[1]}, "
            "the smaller one first"
        )
    span = slice(start, stop)
    part = PoseTracks(tracks.pos[:, span], tracks.valid[:, span], tracks.skeleton, tracks.fps)
    return recording._replace(tracks=part), start
