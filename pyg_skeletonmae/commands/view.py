"""A clip to look at, as a page, a film or a picture: the command ``skeletonmae view``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from jsonargparse import ActionFail, ArgumentParser
from torch import Tensor
from torch_geometric.data import Data

from pyg_skeletonmae.batch import pos_tracks, tracks_edge_index, valid_joints
from pyg_skeletonmae.commands import run_folders as runs
from pyg_skeletonmae.commands.cli_errors import OPTION
from pyg_skeletonmae.commands.data_clips import open_dataset
from pyg_skeletonmae.commands.data_section import DataConfig, PoseSettings
from pyg_skeletonmae.commands.encoders import is_classifier
from pyg_skeletonmae.commands.parser import NOT_HERE
from pyg_skeletonmae.commands.pose_options import add_pose_arguments
from pyg_skeletonmae.commands.recordings import open_release, reading
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.datasets.store import ClipStore
from pyg_skeletonmae.errors import ConfigError, DataError, check_choice
from pyg_skeletonmae.evaluation.restoration import drawn_mask, restore
from pyg_skeletonmae.inference import Embedder, Recognizer
from pyg_skeletonmae.inference.explain import explain
from pyg_skeletonmae.inference.files import Reading, Recording, dataset_recordings, read_path
from pyg_skeletonmae.inference.released import Released
from pyg_skeletonmae.io.poses import PoseTracks
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.training.release import CONFIG as RELEASE_CONFIG
from pyg_skeletonmae.training.release import release_of
from pyg_skeletonmae.transforms import (
    JointFrameMask,
    MaskPolicy,
    MotionMask,
    MotionTubeMask,
    PartMask,
    RandomMask,
    RandomTokenMask,
    TubeMask,
)
from pyg_skeletonmae.visualize.page import Page, Scene, Scores
from pyg_skeletonmae.visualize.panel import Panel
from pyg_skeletonmae.visualize.viewer import check_kind, save_page

WHAT = ("clip", "masked", "gallery", "explain")
FPS = 30.0  # where nobody says the rate
_OTHERS = 64  # clips that a read-out is fitted on
_DRAWS = 6  # masks of a release in a gallery
_TOKEN = 4  # frames of a token in a gallery without a release


class Chosen(NamedTuple):
    """A clip, the model that looks at it, and where other clips are.

    Args:
        recording: The clip.
        start: The number of its first frame.
        model: None: there is none.
        others: Gives the other clips.
        reading: How files are read.
        options: The arguments of :func:`add_view_arguments`.
    """

    recording: Recording
    start: int
    model: Released | None
    others: Callable[[], Iterator[Recording]]
    reading: Reading
    options: Mapping[str, Any]

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self.recording.tracks.fps or FPS

    def fed(self, recording: Recording | None = None) -> Data:
        """A clip as the model reads it; what is drawn for it follows from the seed."""
        assert self.model is not None
        recording = recording or self.recording
        clip = self.model.prepared(*self.model.fitted(recording, self.reading.partial))
        clip["key"] = torch.tensor([self.options["seed"]])
        return clip


def add_view_arguments(parser: ArgumentParser) -> None:
    """Gives a parser the arguments of :func:`run_view`."""
    parser.add_argument("source", type=str, help="A store, a file or folder of poses, or a run.")
    parser.add_argument("--out", type=str, required=True, help="A .html, .gif, .mp4 or .png.")
    parser.add_argument("--clip", type=str, default="0", help="Which: its number, or its name.")
    parser.add_argument("--what", type=str, default="clip", help=f"Any of {', '.join(WHAT)}.")
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
    check_choice("what", what, WHAT)
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
    scene = _SCENES[what](Chosen(recording, start, model, others, how, chosen))
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
    if path.is_dir() and ClipStore.exists(path):
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


def _panel(tracks: PoseTracks) -> Panel:
    pos, valid = (torch.from_numpy(x.copy()).transpose(1, 2) for x in (tracks.pos, tracks.valid))
    return Panel(pos, tracks.skeleton, valid=valid)


def _title(recording: Recording) -> str:
    return f"{recording.name}: {recording.label}" if recording.label else recording.name


def clip_scene(chosen: Chosen) -> Scene:
    """The clip as it is, and what a classifier says of it over time."""
    recording, model, scores = chosen.recording, chosen.model, None
    if isinstance(model, Recognizer):
        window, stride = chosen.options["windows"] or (None, None)
        told = list(model.each([recording.tracks], chosen.reading, "window", window, stride))
        spans = [(chosen.start + one.start, chosen.start + one.stop) for one in told]
        values = [None if one.scores is None else one.scores.tolist() for one in told]
        scores = Scores(model.class_names, spans, values)
    return Scene(
        [_panel(recording.tracks)],
        _title(recording),
        chosen.fps,
        start=chosen.start,
        scores=scores,
    )


def masked_scene(chosen: Chosen) -> Scene:
    """The clip, what a pre-training hides of it, and what it makes of that."""
    model = chosen.model
    assert model is not None
    _check_places(model, "masked")
    clip = chosen.fed()
    others = (chosen.fed(other) for other in islice(chosen.others(), _OTHERS))
    found = restore(model.model, clip, others)
    up = _panel(chosen.recording.tracks).up
    kinds: dict[str, dict[str, Any]] = {
        "masked": {"masked": found.mask},
        "original": {},
        "reconstructed": {"masked": found.mask, "restored": True},
    }
    panels = [
        Panel(
            found.restored if kind == "reconstructed" else found.pos,
            model.skeleton, valid=found.valid, title=kind, up=up, **how,
        )
        for kind, how in kinds.items()
    ]  # fmt: skip
    return Scene(panels, _title(chosen.recording), _rate(chosen, panels), found.caption)


def gallery_scene(chosen: Chosen) -> Scene:
    """The clip under several masks: draws of a release's, or one of each kind."""
    model, tracks = chosen.model, chosen.recording.tracks
    panels = []
    if model is not None:
        policy = getattr(model.model, "mask", None)
        if policy is None:
            raise ConfigError(f"{type(model.model).__name__} masks nothing; leave --release out")
        _check_places(model, "gallery")
        clip, skeleton = chosen.fed(), model.skeleton
        masks = {f"draw {draw + 1}": policy for draw in range(_DRAWS)}
        size, caption = model.encoder.frames_per_token, repr(policy)
    else:
        size = min(_TOKEN, tracks.pos.shape[1])
        whole = tracks.pos.shape[1] // size * size
        skeleton = tracks.skeleton
        clip = _as_clip(tracks, whole)
        masks = {type(policy).__name__: policy for policy in _policies(skeleton)}
        caption = f"tokens of {size} frames; " + ", ".join(map(repr, masks.values()))
    pos, valid = _places(clip, skeleton)
    up = _panel(tracks).up
    for number, (title, policy) in enumerate(masks.items()):
        clip["key"] = torch.tensor([chosen.options["seed"] + number])
        mask = drawn_mask(policy, clip, skeleton, size)
        panels.append(Panel(pos, skeleton, valid=valid, masked=mask, title=title, up=up))
    return Scene(panels, _title(chosen.recording), _rate(chosen, panels), caption, chosen.start)


def explain_scene(chosen: Chosen) -> Scene:
    """The clip, with the joints that a classifier decides by."""
    model = chosen.model
    assert isinstance(model, Recognizer)
    _check_places(model, "explain")
    clip = chosen.fed()
    weight = explain(model, clip, chosen.options["epochs"], chosen.options["seed"])
    pos, valid = _places(clip, model.skeleton)
    up = _panel(chosen.recording.tracks).up
    panels = [Panel(pos, model.skeleton, valid=valid, weight=weight, up=up)]
    (said,) = model.each([chosen.recording.tracks], chosen.reading)
    mean = weight.mean((0, 2))
    best = ", ".join(
        f"{model.skeleton.joints[joint]} {mean[joint]:.2f}"
        for joint in mean.argsort(descending=True)[:5].tolist()
    )
    caption = f"{said.label} {said.score or 0:.2f}; counts most, over all frames: {best}"
    return Scene(panels, _title(chosen.recording), _rate(chosen, panels), caption)


_SCENES: dict[str, Callable[[Chosen], Scene]] = {
    "clip": clip_scene,
    "masked": masked_scene,
    "gallery": gallery_scene,
    "explain": explain_scene,
}


def _check_places(model: Released, what: str) -> None:
    """Refuses models that read vectors between joints or frames, which are nowhere."""
    if model.preprocessing.stream != "joint":
        raise ConfigError(
            f"--what {what}: the model reads {model.preprocessing.stream} vectors, which have no "
            "place; name one of the stream joint"
        )


def _places(clip: Data, skeleton: Skeleton) -> tuple[Tensor, Tensor]:
    """The tracks ``[M, V, T, C]`` of a clip, and where joints are present, ``[M, V, T]``."""
    pos = pos_tracks(clip, skeleton.num_joints)
    return pos, valid_joints(clip).view(pos.shape[:-1])


def _rate(chosen: Chosen, panels: list[Panel]) -> float:
    """Frames per second of clips that were resampled, so that they last as long."""
    frames: int = chosen.recording.tracks.pos.shape[1]
    return chosen.fps * panels[0].frames / frames


def _as_clip(tracks: PoseTracks, frames: int) -> Data:
    pos, valid = (
        torch.from_numpy(x[:, :frames].copy()).transpose(1, 2).flatten(0, 1)
        for x in (tracks.pos, tracks.valid)
    )
    persons = len(tracks.pos)
    return Data(
        pos=pos, valid=valid, edge_index=tracks_edge_index(tracks.skeleton, persons),
        num_tracks=torch.tensor([persons]),
    )  # fmt: skip


def _policies(skeleton: Skeleton) -> list[MaskPolicy]:
    """One mask of each kind that suits a skeleton, three quarters or half of it hidden."""
    half = ceil(skeleton.num_joints / 2)
    parts: list[MaskPolicy] = [PartMask("random")] if len(skeleton.part_names) > 1 else []
    return [
        RandomMask(0.5),
        *parts,
        RandomTokenMask(0.75),
        TubeMask(0.75, 1),
        JointFrameMask(half, 0.4),
        MotionMask(0.75),
        MotionTubeMask(0.75, 1),
    ]
