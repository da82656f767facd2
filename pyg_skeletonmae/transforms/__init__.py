"""Transforms on clips and batches of clips; masking policies."""

from typing import TYPE_CHECKING

from pyg_skeletonmae.__lazy__ import attach

if TYPE_CHECKING:
    from pyg_skeletonmae.transforms.augment import FlipSides, JitterJoints
    from pyg_skeletonmae.transforms.base import RandomTransform
    from pyg_skeletonmae.transforms.graph import ToFrameGraphs
    from pyg_skeletonmae.transforms.map_joints import MapJoints
    from pyg_skeletonmae.transforms.mask import MaskEdges, MaskJoints
    from pyg_skeletonmae.transforms.masking import MaskPolicy, PartMask, RandomMask
    from pyg_skeletonmae.transforms.motion_masking import MotionMask, MotionTubeMask
    from pyg_skeletonmae.transforms.pipelines import once_per_clip, public_transform
    from pyg_skeletonmae.transforms.pixels import PreNormalize2D
    from pyg_skeletonmae.transforms.prenormalize import PreNormalize3D
    from pyg_skeletonmae.transforms.presence import (
        CutEmpty,
        FillMissing,
        ScoresMissing,
        ZerosMissing,
    )
    from pyg_skeletonmae.transforms.recipe import standard_transform
    from pyg_skeletonmae.transforms.rotation import AlignTorso, RandomRotate3D
    from pyg_skeletonmae.transforms.sampling import CropResize, UniformSample
    from pyg_skeletonmae.transforms.spatial import CenterRoot, ScaleBody
    from pyg_skeletonmae.transforms.streams import ToBones, ToMotion, ToStreams
    from pyg_skeletonmae.transforms.temporal import CropTime, DropFrames, Resample
    from pyg_skeletonmae.transforms.token_masking import (
        JointFrameMask,
        RandomTokenMask,
        TokenMaskPolicy,
        TubeMask,
    )
    from pyg_skeletonmae.transforms.tracks import KeepPersons

__all__ = [
    "RandomTransform",
    "CenterRoot",
    "ScaleBody",
    "AlignTorso",
    "MapJoints",
    "RandomRotate3D",
    "JitterJoints",
    "FlipSides",
    "Resample",
    "CropTime",
    "DropFrames",
    "CropResize",
    "UniformSample",
    "PreNormalize2D",
    "PreNormalize3D",
    "KeepPersons",
    "CutEmpty",
    "FillMissing",
    "ScoresMissing",
    "ZerosMissing",
    "ToBones",
    "ToMotion",
    "ToStreams",
    "MaskJoints",
    "MaskEdges",
    "MaskPolicy",
    "RandomMask",
    "PartMask",
    "TokenMaskPolicy",
    "RandomTokenMask",
    "JointFrameMask",
    "TubeMask",
    "MotionMask",
    "MotionTubeMask",
    "ToFrameGraphs",
    "standard_transform",
    "once_per_clip",
    "public_transform",
]

attach(__name__)
