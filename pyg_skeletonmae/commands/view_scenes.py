"""What ``skeletonmae view`` shows of one clip: itself, masked and restored, masks, what decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from math import ceil
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from torch_geometric.data import Data

from pyg_skeletonmae.batch import pos_tracks, valid_joints
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.evaluation.restoration import drawn_mask, restore
from pyg_skeletonmae.inference import Recognizer
from pyg_skeletonmae.inference.explain import explain
from pyg_skeletonmae.inference.files import Reading, Recording
from pyg_skeletonmae.inference.released import Released
from pyg_skeletonmae.io.poses import PoseTracks
from pyg_skeletonmae.skeleton import Skeleton
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
from pyg_skeletonmae.visualize.page import Scene, Scores
from pyg_skeletonmae.visualize.panel import Panel

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
        options: The arguments of :func:`~pyg_skeletonmae.commands.view.add_view_arguments`.
    """

    recording: Recording
    start: int
    model: Released | None
    others: Callable[[], Iterator[Recording]]
    reading: Reading
    options: Mapping[str, Any]

    def fed(self, recording: Recording | None = None) -> Data:
        """A clip as the model reads it; what is drawn for it follows from the seed."""
        assert self.model is not None
        recording = recording or self.recording
        clip = self.model.prepared(*self.model.fitted(recording, self.reading.partial))
        clip["key"] = torch.tensor([self.options["seed"]])
        return clip


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
    panels = [_panel(recording.tracks)]
    rate = _rate(chosen, panels)
    return Scene(panels, _title(recording), rate, start=chosen.start, scores=scores)


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
        arrays, valid = tracks.pos[:, :whole], tracks.valid[:, :whole]
        dataset = SkeletonDataset.from_arrays(
            [arrays], None, skeleton, valid=[valid], axes="MTVC", zeros="keep"
        )
        clip = cast(Data, dataset[0])
        masks = {type(policy).__name__: policy for policy in _policies(skeleton)}
        caption = f"tokens of {size} frames; " + ", ".join(map(repr, masks.values()))
    pos, there = _places(clip, skeleton)
    up = _panel(tracks).up
    for number, (title, policy) in enumerate(masks.items()):
        clip["key"] = torch.tensor([chosen.options["seed"] + number])
        mask = drawn_mask(policy, clip, skeleton, size)
        panels.append(Panel(pos, skeleton, valid=there, masked=mask, title=title, up=up))
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


SCENES: dict[str, Callable[[Chosen], Scene]] = {
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
    """Frames per second, of clips that were resampled so many that they last as long."""
    tracks = chosen.recording.tracks
    rate: float = (tracks.fps or FPS) * panels[0].frames / tracks.pos.shape[1]
    return rate


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
