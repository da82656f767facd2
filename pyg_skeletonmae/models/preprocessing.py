"""How the clips are prepared that a model reads: what a release says beside its weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, get_args

import yaml
from torch_geometric.transforms import Compose

from pyg_skeletonmae.configurable.arguments import CheckedMeta, nearest
from pyg_skeletonmae.errors import CheckpointError, ConfigError, check_choice
from pyg_skeletonmae.files.yaml import brief_problem, parse_yaml
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.upright import UpAxis
from pyg_skeletonmae.transforms.pipelines import PipelineName, once_per_clip, public_transform
from pyg_skeletonmae.transforms.prenormalize import AlignMode
from pyg_skeletonmae.transforms.recipe import standard_transform
from pyg_skeletonmae.transforms.spatial import CenterMode, ScaleBy
from pyg_skeletonmae.transforms.streams import Stream
from pyg_skeletonmae.transforms.tracks import Fill

FORMAT = 2
MAX_FRAMES, MAX_VIEWS = 2**16, 100
_TEXT = 200
_OTHERS = {  # settings that a pipeline does not have
    "ours": ("views", "align", "fill"),
    "mamp": ("center", "scale", "views", "align"),
    "skeleton2vec": ("center", "scale"),
    "pyskl2d": ("center", "scale", "align"),
    "pyskl3d": ("center", "scale"),
}
_FACTS = ("skeleton", "channels", "unit", "rate", "axes")  # of the clips, not of what is done


@dataclass(frozen=True)
class Preprocessing(metaclass=CheckedMeta):
    """What was done to the clips that a model was trained on, and what they were.

    The file ``preprocessing.yaml`` of a release folder: whoever feeds the model does the same to
    other clips, see :meth:`transform`. What is random in training is no part of it.

    Args:
        pipeline: Whose steps, see :mod:`~pyg_skeletonmae.transforms.pipelines`; the public ones
            neither centre nor scale by the two settings below.
        frames: The number of frames that every clip is resampled to.
        center: What becomes the origin, see :class:`~pyg_skeletonmae.transforms.CenterRoot`; None:
            clips stay where they are.
        scale: What becomes the unit, see :class:`~pyg_skeletonmae.transforms.ScaleBody`; None:
            clips stay as large as they are.
        stream: ``joint`` positions, or ``bone``, ``motion`` or ``bone_motion`` vectors.
        views: How often a public pipeline samples a clip in testing; None: as the public code does,
            as the following.
        align: How ``skeleton2vec`` and ``pyskl3d`` turn a clip upright.
        fill: What stands for an absent person in a public pipeline; ``ours`` never pads.
        skeleton: What the clips' skeleton is called; None: not known, as the following.
        channels: The channels of a clip before all of this.
        unit: The unit of its coordinates, ``m`` for example.
        rate: Its frames per second.
        axes: Which of its axes is vertical, and where it points: ``y up`` in front of a Kinect,
            ``y down`` in images.

    Raises:
        ArgumentError: A value is of another type.
        ConfigError: A value is none of those.
    """

    pipeline: PipelineName = "ours"
    frames: int = 64
    center: CenterMode | None = "mean"
    scale: ScaleBy | None = "std"
    stream: Stream = "joint"
    views: int | None = None
    align: AlignMode | None = None
    fill: Fill | None = None
    skeleton: str | None = None
    channels: int | None = None
    unit: str | None = None
    rate: float | None = None
    axes: UpAxis | None = None

    def __post_init__(self) -> None:
        for name, choices in (
            ("pipeline", PipelineName), ("center", CenterMode), ("scale", ScaleBy),
            ("stream", Stream), ("align", AlignMode), ("fill", Fill), ("axes", UpAxis),
        ):  # fmt: skip
            if getattr(self, name) is not None:
                check_choice(name, getattr(self, name), get_args(choices))
        for name, value, most in (
            ("frames", self.frames, MAX_FRAMES), ("channels", self.channels, MAX_FRAMES),
            ("views", self.views, MAX_VIEWS),
        ):  # fmt: skip
            if value is not None and not 1 <= value <= most:
                raise ConfigError(f"{name} {value}: expected 1 to {most}")
        for name in _OTHERS[self.pipeline]:
            if (value := getattr(self, name)) is not None:
                raise ConfigError(
                    f"{name} {value!r}: the pipeline {self.pipeline} has none; leave it null"
                )
        if self.rate is not None and not 0 < self.rate < math.inf:
            raise ConfigError(f"rate {self.rate}: expected frames per second, above 0")
        for name, text in (("skeleton", self.skeleton), ("unit", self.unit)):
            if text is not None and not (text.isprintable() and 0 < len(text) <= _TEXT):
                raise ConfigError(f"{name} {text!r:.40}: expected a short name")

    def transform(self, skeleton: Skeleton) -> Compose:
        """From raw clips to what the model reads, with nothing random about it.

        Those of a public pipeline take clips one at a time; what loaders do to many of them is
        :func:`~pyg_skeletonmae.transforms.once_per_clip` and
        :func:`~pyg_skeletonmae.transforms.public_transform`.
        """
        once = once_per_clip(self.pipeline, skeleton, align=self.align, stream=self.stream)
        if once is None:
            return standard_transform(
                skeleton, self.frames, train=False, center=self.center, scale=self.scale,
                stream=self.stream,
            )  # fmt: skip
        steps = public_transform(
            self.pipeline, skeleton, self.frames, train=False, views=self.views, fill=self.fill,
            stream=self.stream,
        )  # fmt: skip
        return Compose([*once.transforms, *steps.transforms])

    def settings(self) -> dict[str, Any]:
        """What is done to clips, by the names of the data section of a configuration."""
        return {key: value for key, value in asdict(self).items() if key not in _FACTS}

    def differences(self, other: Preprocessing) -> Iterator[str]:
        """What another one does or says differently, ``frames is 64, was 32``, a text for each.

        Facts that one of the two does not know are no difference, nor is the unit of clips that
        are scaled.
        """
        for key, value in asdict(self).items():
            theirs = getattr(other, key)
            unknown = key in _FACTS and None in (value, theirs)
            scaled = key == "unit" and self.scale is not None and self.scale == other.scale
            if value != theirs and not unknown and not scaled:
                yield f"{key} is {theirs!r}, was {value!r}"

    def to_yaml(self) -> str:
        """The text of ``preprocessing.yaml``."""
        return yaml.safe_dump({"format": FORMAT, **asdict(self)}, sort_keys=False)

    @classmethod
    def from_yaml(cls, text: str, where: str = "preprocessing.yaml") -> Preprocessing:
        """The inverse of :meth:`to_yaml`, from a text that nobody vouches for.

        Args:
            text: The text; limits as of all settings, see
                :func:`~pyg_skeletonmae.files.yaml.parse_yaml`.
            where: What errors call it.

        Raises:
            CheckpointError: It is no YAML, of another format, or has unknown keys or values.
        """
        try:
            content = parse_yaml(text)
        except yaml.YAMLError as error:
            raise CheckpointError(f"{where}: no plain YAML: {brief_problem(error)}") from None
        if not isinstance(content, Mapping):
            raise CheckpointError(f"{where}: expected keys and values, format {FORMAT} first")
        told = dict(content)
        if (found := told.pop("format", None)) != FORMAT:
            raise CheckpointError(
                f"{where}: format: expected {FORMAT}, found {found!r:.40}; a file of a newer "
                "version needs a newer version"
            )
        known = [field.name for field in fields(cls)]
        for key in told:
            if key not in known:
                raise CheckpointError(
                    f"{where}: {key!r:.40}: no such key{nearest(str(key), known)}"
                )
        try:
            return cls(**told)
        except ConfigError as error:
            message = str(error).removeprefix(f"{cls.__name__}: ")
            raise CheckpointError(f"{where}: {message}") from None
