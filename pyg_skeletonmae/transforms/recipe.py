"""The one pipeline that the command line and the benchmarks use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, get_args

from torch_geometric.transforms import Compose

from pyg_skeletonmae.errors import check_choice
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.augment import FlipSides, JitterJoints
from pyg_skeletonmae.transforms.rotation import RandomRotate3D
from pyg_skeletonmae.transforms.spatial import CenterMode, CenterRoot, ScaleBody, ScaleBy
from pyg_skeletonmae.transforms.streams import Stream, ToBones, ToMotion
from pyg_skeletonmae.transforms.temporal import CropTime, DropFrames, Resample

Step = Callable[..., Any]


def random_steps(
    skeleton: Skeleton,
    *,
    train: bool,
    view: float,
    rotate: float | Sequence[float],
    flip: float,
    shape: float,
    jitter: float,
) -> list[Step]:
    """What is random in space, as :func:`standard_transform` has it."""
    steps: list[Step] = []
    if view:
        steps.append(RandomRotate3D((0.0, view, 0.0)))
    if train and (any(rotate) if isinstance(rotate, Sequence) else rotate):
        steps.append(RandomRotate3D(rotate))
    if train and flip:
        steps.append(FlipSides(skeleton, flip))
    if train and shape:
        steps.append(JitterJoints(shape, steady=True))
    if train and jitter:
        steps.append(JitterJoints(jitter))
    return steps


def stream_steps(skeleton: Skeleton, stream: Stream) -> list[Step]:
    """What makes a stream of joint positions."""
    check_choice("stream", stream, get_args(Stream))
    steps: list[Step] = []
    if stream in ("bone", "bone_motion"):
        steps.append(ToBones(skeleton))
    if stream in ("motion", "bone_motion"):
        steps.append(ToMotion())
    return steps


def standard_transform(
    skeleton: Skeleton,
    frames: int,
    *,
    train: bool,
    crop: tuple[float, float] | None = (0.5, 1.0),
    center: CenterMode | None = "first",
    scale: ScaleBy | None = "std",
    view: float = 0.0,
    rotate: float | Sequence[float] = 0.0,
    flip: float = 0.0,
    shape: float = 0.0,
    jitter: float = 0.0,
    drop_frames: float = 0.0,
    stream: Stream = "joint",
) -> Compose:
    """From raw clips to what a model reads.

    The order: crop and resample first, so that ``SkeletonLoader`` merges them into its reading and
    the rest touches ``frames`` frames only; centre before scaling, turning and mirroring, which act
    about the origin; noise after scaling, so that it is in body sizes; the stream, and last dropped
    frames, so that a dropped frame costs no neighbour its motion.

    Clips for evaluation (``train=False``) pass through the same steps less all augmentation: the
    whole clip, resampled, centred, scaled. With ``center="mean"`` and ``scale="std"`` that is the
    usual recipe for nearest neighbours on raw coordinates.

    Args:
        skeleton: The topology.
        frames: The frames of every clip afterwards.
        train: Whether random steps are included.
        crop: The smallest and largest share of a random window, or None for whole clips.
        center: See :class:`CenterRoot`; None leaves clips where they are.
        scale: See :class:`ScaleBody`; None leaves clips as large as they are.
        view: Turns every clip about the vertical by up to this angle, degrees, in evaluation
            too: the protocol of cameras that stand anywhere (180).
        rotate: See :class:`RandomRotate3D`, degrees.
        flip: See :class:`FlipSides`, a probability.
        shape: See :class:`JitterJoints`, steady: other proportions of the body, in the same unit.
        jitter: See :class:`JitterJoints`, in body sizes if scaled, else in the unit of the data.
        drop_frames: See :class:`DropFrames`, a probability.
        stream: ``"joint"`` for positions; ``"bone"``, ``"motion"`` or ``"bone_motion"`` (the motion
            of bones) for what derives from them.

    Raises:
        ConfigError: A setting is out of range.
    """
    steps: list[Step] = []
    if train and crop is not None:
        steps.append(CropTime(*crop))
    steps.append(Resample(frames))
    if center is not None:
        steps.append(CenterRoot(skeleton, center))
    if scale is not None:
        steps.append(ScaleBody(skeleton, scale))
    steps += random_steps(
        skeleton, train=train, view=view, rotate=rotate, flip=flip, shape=shape, jitter=jitter
    )
    steps += stream_steps(skeleton, stream)
    if train and drop_frames:
        steps.append(DropFrames(drop_frames))
    return Compose(steps)
