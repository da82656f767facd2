"""The spatial-temporal SkeletonMAE: masked joints and frames reconstructed by a transformer."""

from __future__ import annotations

from typing import Literal, get_args

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models.pretraining.masked import STBackbone
from pyg_skeletonmae.models.pretraining.masked_pretrainer import MaskedPretrainer
from pyg_skeletonmae.models.pretraining.st_backbone import ViTBackbone
from pyg_skeletonmae.models.pretraining.targets import CoordinateTarget, MotionTarget
from pyg_skeletonmae.nn.targets import TargetNorm
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.masking import MaskPolicy


class STSkeletonMAE(MaskedPretrainer):
    r"""Masked auto-encoding of coordinates or motion over joints and time.

    `"SkeletonMAE: Spatial-Temporal Masked Autoencoders for Self-supervised Skeleton Action
    Recognition" <https://arxiv.org/abs/2209.02399>`_ (ICMEW 2023), of which no code was released;
    `"Masked Motion Predictors are Strong 3D Action Representation Learners"
    <https://arxiv.org/abs/2308.07092>`_ (MAMP, ICCV 2023), whose code holds the form that the
    literature compares with. The encoder sees the visible tokens, the decoder predicts the masked
    ones :math:`\mathcal{M}`, and the mean squared error is minimised:

    .. math::
        \mathcal{L} = \frac{1}{|\mathcal{M}|} \sum_{i \in \mathcal{M}} \frac{1}{FC}
        \lVert \hat{\mathbf{y}}_i - \mathbf{y}_i \rVert^2

    MAMP is the configuration ``mask=MotionMask(), target="motion"``. All tracks of a batch count
    alike; absent persons are no tracks, and joints that are missing are never scored.

    Args:
        skeleton: The joints and bones.
        in_channels: The channels ``C`` of a joint.
        frames: The frames ``T`` of every clip.
        backbone: The encoder and decoder: ``STTFormerBackbone()``, on which the ICMEW paper builds,
            or, by default, ``ViTBackbone()``.
        mask: Which tokens to hide, unless the batch carries ``joint_mask``; a token with a masked
            frame is masked as a whole. Default: ``RandomTokenMask(0.9)`` for the vision
            transformer, ``JointFrameMask(9, 0.4)`` for STTFormer.
        target: ``"coordinates"``, or ``"motion"``, the displacement ``motion_stride`` frames ahead.
        motion_stride: How many frames ahead a motion looks.
        target_norm: ``"patch"``, ``"time"`` or ``"none"``, see
            :func:`~pyg_skeletonmae.nn.targets.standardise`. Default: ``"patch"`` for the vision
            transformer, ``"none"`` for STTFormer.

    Shapes:
        - **input:** a batch with ``pos [P * V, T, C]``
        - **output:** ``{"loss"}``

    Raises:
        ConfigError: A setting is unknown or does not fit the others. On use: the mask leaves
            nothing visible.
        DataError: On use: the clips have other joints, channels or frames.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        in_channels: int = 3,
        frames: int = 120,
        backbone: STBackbone | None = None,
        mask: MaskPolicy | None = None,
        target: Literal["coordinates", "motion"] = "coordinates",
        motion_stride: int = 1,
        target_norm: TargetNorm | None = None,
    ) -> None:
        backbone = ViTBackbone() if backbone is None else backbone
        norm = backbone.target_norm if target_norm is None else target_norm
        if target not in ("coordinates", "motion") or norm not in get_args(TargetNorm):
            raise ConfigError(
                f"target {target!r}, target_norm {norm!r}: expected 'coordinates' or "
                "'motion', and 'patch', 'time' or 'none'"
            )
        if not 1 <= motion_stride < frames:
            raise ConfigError(f"motion_stride {motion_stride}: expected 1 to {frames - 1} frames")
        goal = MotionTarget(motion_stride, norm) if target == "motion" else CoordinateTarget(norm)
        super().__init__(
            backbone.encoder(skeleton, in_channels, frames),
            backbone.mask() if mask is None else mask,
            goal,
            backbone.decoder(skeleton, in_channels, frames),
        )
        self.target, self.target_norm, self.motion_stride = target, norm, motion_stride

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.encoder!r}, mask={self.mask!r}, target={self.target!r}, "
            f"target_norm={self.target_norm!r})"
        )
