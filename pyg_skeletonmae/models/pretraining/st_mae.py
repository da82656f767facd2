"""The spatial-temporal SkeletonMAE: masked joints and frames reconstructed by a transformer."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch_geometric.data import Data

from pyg_skeletonmae.batch import as_tracks, clip_draws, valid_joints
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models.base import SkeletonModel
from pyg_skeletonmae.models.pretraining.draw_split import draw_split
from pyg_skeletonmae.models.pretraining.masked import STBackbone
from pyg_skeletonmae.models.pretraining.st_backbone import ViTBackbone
from pyg_skeletonmae.nn.losses import masked_mse
from pyg_skeletonmae.nn.targets import Target, TargetNorm, motion, standardise
from pyg_skeletonmae.nn.tokens import TokenSplit, split_tokens, to_patches
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.masking import MaskPolicy
from pyg_skeletonmae.transforms.token_masking import TokenMaskPolicy


class STSkeletonMAE(SkeletonModel):
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
        motion_stride: See there.
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
        super().__init__()
        backbone = ViTBackbone() if backbone is None else backbone
        target_norm = backbone.target_norm if target_norm is None else target_norm
        if target not in ("coordinates", "motion") or target_norm not in ("patch", "time", "none"):
            raise ConfigError(
                f"target {target!r}, target_norm {target_norm!r}: expected 'coordinates' or "
                "'motion', and 'patch', 'time' or 'none'"
            )
        if not 1 <= motion_stride < frames:
            raise ConfigError(f"motion_stride {motion_stride}: expected 1 to {frames - 1} frames")
        self.encoder = backbone.encoder(skeleton, in_channels, frames)
        self.decoder = backbone.decoder(skeleton, in_channels, frames)
        self.mask: MaskPolicy = backbone.mask() if mask is None else mask
        self.target, self.motion_stride = target, motion_stride
        self.target_norm: TargetNorm = target_norm
        if isinstance(self.mask, TokenMaskPolicy):
            steps = frames // self.encoder.frames_per_patch
            self.mask.num_visible(skeleton.num_joints, steps)

    def forward(self, batch: Data) -> dict[str, Tensor]:
        """The loss of a batch."""
        prediction, target, mask = self._predict(batch)
        return {"loss": masked_mse(prediction, target.value, mask & target.valid)}

    @torch.no_grad()
    def reconstruct(self, batch: Data) -> tuple[Tensor, Tensor]:
        """Predictions in the units of the data ``[P, V, T, C]``, and the mask ``[P, V, T]``.

        A standardised target is restored by its true mean and deviation, as MAE's pictures are.
        """
        prediction, target, mask = self._predict(batch)
        return target.restore(prediction), mask

    def _predict(self, batch: Data) -> tuple[Tensor, Target, Tensor]:
        joints = self.encoder.skeleton.num_joints
        pos = self.encoder.tracks(batch)
        split = self._split(batch, pos)
        prediction = self.decoder.reconstruct(self.encoder, pos, split).view(pos.shape)
        target = self._target(pos, as_tracks(valid_joints(batch), joints))
        mask = split.mask.repeat_interleave(self.encoder.frames_per_patch, dim=2)
        return prediction, target, mask

    @torch.no_grad()
    def _split(self, batch: Data, pos: Tensor) -> TokenSplit:
        patches = to_patches(pos, self.encoder.frames_per_patch)
        given = batch.get("joint_mask")
        if given is not None:
            return split_tokens(given.view(patches.shape[:4]).any(dim=3))
        draws = clip_draws(batch).split(batch.num_tracks)
        return draw_split(self.mask, patches, self.encoder.skeleton, draws)

    @torch.no_grad()
    def _target(self, pos: Tensor, valid: Tensor) -> Target:
        if self.target == "motion":
            pos, valid = motion(pos, valid, self.motion_stride)
        return standardise(pos, valid, self.target_norm, self.encoder.frames_per_patch)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.encoder!r}, mask={self.mask!r}, target={self.target!r}, "
            f"target_norm={self.target_norm!r})"
        )
