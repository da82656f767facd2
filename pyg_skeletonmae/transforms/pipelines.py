"""What the public codes do to clips, from the store to the model, beside what we do.

A pipeline has two parts: what is done to every clip once (it may change how long a clip is), and
what is done at every access, with chance in training and without in testing.

================  ==============================  =======================================
pipeline          once                            at every access
================  ==============================  =======================================
``ours``          nothing                         :func:`standard_transform`
``mamp``          :class:`CutEmpty`               :class:`CropResize`, 0.95 in testing
``skeleton2vec``  :class:`PreNormalize3D`         :class:`UniformSample` (``Decode``), ten
                                                  views in testing
``pyskl3d``       the same with ``align="pyskl"``,  :class:`UniformSample`, ten views
                  bones and motion                in testing
``pyskl2d``       scores at most 0.01 to zero,    :class:`UniformSample`, ten views
                  bones and motion                in testing
================  ==============================  =======================================

All public ones count what is missing as joints at zero (:class:`FillMissing`), and absent persons
as persons of zeros (:class:`KeepPersons`); ``ours`` never does. The first two turn training clips
by up to 0.3 rad about each axis, and derive bones and motion after that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from torch_geometric.transforms import Compose

from pyg_skeletonmae.errors import check_choice
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import COCO17, NTU25, NTU25_CTRGCN
from pyg_skeletonmae.transforms.prenormalize import AlignMode, PreNormalize3D
from pyg_skeletonmae.transforms.presence import CutEmpty, FillMissing, ScoresMissing, ZerosMissing
from pyg_skeletonmae.transforms.recipe import Step, random_steps, stream_steps
from pyg_skeletonmae.transforms.sampling import CropResize, FrameSampler, Origin, UniformSample
from pyg_skeletonmae.transforms.streams import Stream, ToStreams
from pyg_skeletonmae.transforms.temporal import DropFrames
from pyg_skeletonmae.transforms.tracks import Fill, KeepPersons

PipelineName = Literal["ours", "mamp", "skeleton2vec", "pyskl2d", "pyskl3d"]
PERSONS = 2
_TURN = math.degrees(0.3)
_TEST_SHARE = 0.95
# pyskl draws no tree for the bones of COCO: its hips hang from the nose.
_COCO_PAIRS = [-1, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 0, 0, 11, 12, 13, 14]


class Pipeline(NamedTuple):
    """A public code, as far as pipelines differ.

    Args:
        source: Whose, and at which commit it was read and run.
        frames: The frames of a clip there.
        policy: Which bodies of NTU RGB+D are persons, see :mod:`pyg_skeletonmae.io.ntu_policies`.
        origin: Which of its transforms samples frames; None: it crops and resizes.
        align: How clips are turned once, see :class:`PreNormalize3D`; None: they are not in 3-D, or
            not normalised.
        turn: The largest rotation of training clips about each axis, in degrees.
        views: How often a clip is sampled in testing.
        streams_first: Are bones and motion made before frames are chosen?
    """

    source: str
    frames: int
    policy: Literal["ctrgcn", "pyskl"]
    origin: Origin | None = None
    align: AlignMode | None = None
    turn: float = 0.0
    views: int = 1
    streams_first: bool = False


PUBLIC = {
    "mamp": Pipeline("MAMP 09e6252a, as CTR-GCN e13d7582", 120, "ctrgcn", turn=_TURN),
    "skeleton2vec": Pipeline(
        "SKeleton2vec-code, branch dev, 983164ab", 90, "pyskl", "UniformSampleDecode", "none",
        turn=_TURN, views=10,
    ),
    "pyskl2d": Pipeline("pyskl 3f6795f2", 100, "pyskl", "UniformSample", views=10,
                        streams_first=True),
    "pyskl3d": Pipeline("pyskl 3f6795f2", 100, "pyskl", "UniformSample", "pyskl", views=10,
                        streams_first=True),
}  # fmt: skip
"""The public codes by the names of their pipelines."""


def once_per_clip(
    name: PipelineName,
    skeleton: Skeleton,
    *,
    align: AlignMode | None = None,
    stream: Stream = "joint",
) -> Compose | None:
    """What a pipeline does to every clip once, whatever is done with it afterwards.

    Args:
        name: The pipeline.
        skeleton: The topology.
        align: How clips are turned; None: as in the public code.
        stream: What the model reads; pyskl derives it before it chooses frames.

    Returns:
        A transform of single clips; None if there is nothing to do.
    """
    check_choice("pipeline", name, ("ours", *PUBLIC))
    if name == "ours":
        return None
    public = PUBLIC[name]
    if name == "mamp":
        return Compose([CutEmpty()])
    steps: list[Step] = []
    if public.align is not None:
        # pyskl centres a body that is not NTU RGB+D's on its last joint.
        center = None if skeleton.joints == NTU25.joints else skeleton.joints[-1]
        turned = PreNormalize3D(skeleton, align or public.align, center=center, half=None)
        steps += [ZerosMissing(), turned]
    else:
        steps.append(ScoresMissing())
    if public.streams_first:
        steps.append(FillMissing())  # a store keeps nothing of what is missing, not even its score
        if stream != "joint":
            flat = public.align is None
            how: tuple[int, Literal["keep", "mean"]] = (2, "mean") if flat else (3, "keep")
            steps.append(ToStreams(_public_bones(skeleton), [stream], *how))
    return Compose(steps)


def public_transform(
    name: PipelineName,
    skeleton: Skeleton,
    frames: int,
    *,
    train: bool,
    crop: tuple[float, float] | None = (0.5, 1.0),
    views: int | None = None,
    fill: Fill | None = None,
    view: float = 0.0,
    rotate: float | Sequence[float] | None = None,
    flip: float = 0.0,
    shape: float = 0.0,
    jitter: float = 0.0,
    drop_frames: float = 0.0,
    stream: Stream = "joint",
) -> Compose:
    """What a public code does at every access to clips that went through :func:`once_per_clip`.

    Args:
        name: The pipeline, one of :data:`PUBLIC`.
        skeleton: The topology.
        frames: The frames of every clip afterwards.
        train: Whether random steps are included.
        crop: The smallest and largest share of a training clip that ``mamp`` crops to; None: all.
        views: How often a clip is sampled in testing; None: as in the public code.
        fill: What stands for an absent person; None: zeros.
        view: See :func:`standard_transform`, as the following.
        rotate: The rotation of training clips in degrees; None: as in the public code.
        flip: None of the public codes has it, as the following.
        shape: Offset of each joint.
        jitter: Noise.
        drop_frames: Probability that a frame goes missing.
        stream: What the model reads.

    Raises:
        ConfigError: A setting is out of range.
    """
    public, sampler = PUBLIC[name], _sampler(name, frames, train, crop, views)
    steps: list[Step] = [
        sampler, FillMissing(), KeepPersons(PERSONS, fill or "zeros"),
        *random_steps(
            skeleton, train=train, view=view, rotate=public.turn if rotate is None else rotate,
            flip=flip, shape=shape, jitter=jitter,
        ),
    ]  # fmt: skip
    if not public.streams_first:
        steps += stream_steps(_public_bones(skeleton), stream)
    return Compose([*steps, DropFrames(drop_frames)] if train and drop_frames else steps)


def _sampler(
    name: str, frames: int, train: bool, crop: tuple[float, float] | None, views: int | None
) -> FrameSampler:
    public = PUBLIC[name]
    if public.origin is not None:
        times = 1 if train else views or public.views
        return UniformSample(frames, times, train=train, origin=public.origin)
    if train:
        return CropResize(frames, *(crop or (1.0, 1.0)))
    return CropResize(frames, _TEST_SHARE, None)


def _public_bones(skeleton: Skeleton) -> Skeleton:
    """The pairs of joints that the public codes take for bones."""
    if skeleton.joints == NTU25.joints:
        return NTU25_CTRGCN
    if skeleton.joints == COCO17.joints:
        return Skeleton.from_parents("coco17_pairs", COCO17.joints, _COCO_PAIRS)
    return skeleton
