"""Skeleton2vec: masked prediction of a moving-average teacher's hidden states."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor
from torch_geometric.data import Data

from pyg_skeletonmae.batch import clip_draws, valid_joints
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.models.base import SkeletonModel
from pyg_skeletonmae.models.encoders.st import STEncoder
from pyg_skeletonmae.models.pretraining.st_backbone import ViTBackbone
from pyg_skeletonmae.nn.ema import EMA
from pyg_skeletonmae.nn.latent_target import LayerNorm, latent_target
from pyg_skeletonmae.nn.losses import masked_mse
from pyg_skeletonmae.nn.published_order import place_published, published_split
from pyg_skeletonmae.nn.tokens import TokenSplit, hidden_share, split_tokens, to_patches
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.masking import MaskPolicy
from pyg_skeletonmae.transforms.motion_masking import MotionTubeMask
from pyg_skeletonmae.transforms.token_masking import TokenMaskPolicy, TubeMaskPolicy

DecoderOrder = Literal["repaired", "published"]
Probe = Literal["teacher", "student"]


class Skeleton2Vec(SkeletonModel):
    r"""Masked prediction of contextualised targets.

    `"Skeleton2vec: A Self-supervised Learning Framework with Contextualized Target Representations
    for Skeleton Sequence" <https://arxiv.org/abs/2401.00921>`_. A teacher, the moving average of
    the student's encoder (:class:`~pyg_skeletonmae.nn.ema.EMA`), sees all tokens; the mean of its
    last ``K`` normalised blocks is what the student predicts of the masked tokens
    :math:`\mathcal{M}` from the visible ones:

    .. math::
        \mathbf{y} = \mathrm{LN}\Big( \frac{1}{K} \sum_{k=1}^{K} \mathrm{IN}(\mathbf{h}^T_k)
        \Big), \qquad \mathcal{L} = \frac{1}{|\mathcal{M}| D} \sum_{i \in \mathcal{M}}
        \lVert \hat{\mathbf{y}}_i - \mathbf{y}_i \rVert^2

    The public code averages the decoder's weights, too, and never uses that average; here the
    teacher is an encoder. All tracks of a batch count alike; absent persons are no tracks, and a
    token is only scored if its joint is present in all of its frames.

    **Order of the decoder's input.** The public code hands the visible tokens to the decoder at
    wrong places, see :func:`~pyg_skeletonmae.nn.published_order.published_split`; its published
    numbers were trained so. The default puts each where it belongs; ``"published"`` is for
    comparing, and for going on with public weights.

    Args:
        skeleton: The joints and bones.
        in_channels: The channels of a joint.
        frames: The frames ``T`` of every clip.
        backbone: The encoder and decoder. (default: that of the public code, 8 + 3 blocks of 256
            channels, patches of 3 frames, LayerScale 1e-4, epsilon 1e-6, normal initialisation, and
            a time embedding of the encoder that is zero at first)
        mask: Which tokens to hide, unless the batch carries ``joint_mask``; a token with a masked
            frame is masked as a whole. (default: ``MotionTubeMask(0.9, 5, 0.1)``; the public code
            rounds with ``keep="published"``)
        views: The masks drawn for each track, all of which learn from one pass of the teacher, as
            in `"data2vec 2.0" <https://arxiv.org/abs/2212.07525>`_ (1 in the paper).
        top_k: The number ``K`` of the teacher's blocks; none: all, as in the paper.
        target_norm: How each block's output is normalised, see
            :func:`~pyg_skeletonmae.nn.latent_target.latent_target`.
        final_norm: Whether their mean is normalised.
        ema_start: The teacher's decay at first (.9999; .999 is better for 100 epochs of NTU-60).
        ema_end: The decay at the end.
        ema_steps: The number of updates from one to the other (251200 are 800 epochs of NTU-60).
        decoder_order: ``"repaired"`` or ``"published"``.
        probe: Which of the two is :attr:`encoder`, what is evaluated and fine-tuned: the
            ``"teacher"``, as in the paper, or the ``"student"``.

    Shapes:
        - **input:** a batch with ``pos [P * V, T, C]``
        - **output:** ``{"loss"}``

    Raises:
        ConfigError: A setting is out of range or does not fit the others. On use: the mask leaves
            nothing visible.
        DataError: On use: the clips have other joints, channels or frames, or carry a mask where
            masks must be drawn here.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        in_channels: int = 3,
        frames: int = 90,
        backbone: ViTBackbone | None = None,
        mask: MaskPolicy | None = None,
        views: int = 1,
        top_k: int | None = None,
        target_norm: LayerNorm = "instance",
        final_norm: bool = True,
        ema_start: float = 0.9999,
        ema_end: float = 1.0,
        ema_steps: int = 251_200,
        decoder_order: DecoderOrder = "repaired",
        probe: Probe = "teacher",
    ) -> None:
        super().__init__()
        if backbone is None:
            backbone = ViTBackbone(
                3, layer_scale=1e-4, norm_eps=1e-6, time_embedding="zero", init="normal"
            )
        self.student = backbone.encoder(skeleton, in_channels, frames)
        self.decoder = backbone.decoder(skeleton, in_channels, frames, backbone.hidden_channels)
        self.teacher = EMA(self.student, ema_start, ema_end, ema_steps)
        self.mask: MaskPolicy = MotionTubeMask() if mask is None else mask
        self.views, self.top_k = views, backbone.depth if top_k is None else top_k
        self.target_norm: LayerNorm = target_norm
        self.final_norm = final_norm
        self.decoder_order: DecoderOrder = decoder_order
        self.probe: Probe = probe
        self._check(backbone.depth)

    @property
    def encoder(self) -> STEncoder:
        """The encoder to evaluate and to fine-tune."""
        return self.teacher.module if self.probe == "teacher" else self.student

    def forward(self, batch: Data) -> dict[str, Tensor]:
        """The loss of a batch."""
        pos = self.student.tracks(batch)
        target = self.targets(pos)
        prediction, mask = self._predict(batch, self._repeat(pos))
        valid = self._repeat(
            valid_joints(batch).reshape(-1, *mask.shape[1:], self.student.frames_per_patch)
        )
        scored = (mask & valid.all(-1)).flatten(1)
        loss = masked_mse(prediction, self._repeat(target), scored)
        return {"loss": loss, "mask_ratio": hidden_share(mask, valid.flatten(2))}

    def after_step(self) -> None:
        """Moves the teacher towards the student, after a step of the optimiser."""
        self.teacher.update(self.student)

    @torch.no_grad()
    def targets(self, pos: Tensor) -> Tensor:
        """What the teacher makes of tracks ``[P, V, T, C]``: ``[P, V * S, D]``."""
        teacher = self.teacher.module
        states = teacher.hidden_states(pos.to(teacher.norm.weight.dtype), self.top_k)
        return latent_target(states, self.target_norm, self.final_norm)

    def _repeat(self, x: Tensor) -> Tensor:
        return x if self.views == 1 else x.repeat_interleave(self.views, dim=0)

    def _predict(self, batch: Data, pos: Tensor) -> tuple[Tensor, Tensor]:
        split, source = self._split(batch, pos)
        encoded = self.student.encode_visible(pos, split.keep, split.present)
        if source is None:
            return self.decoder(encoded, split, hidden_only=True), split.mask
        tokens = place_published(self.decoder.embed(encoded), source, self.decoder.mask_token)
        return self.decoder.decode(tokens), split.mask

    @torch.no_grad()
    def _split(self, batch: Data, pos: Tensor) -> tuple[TokenSplit, Tensor | None]:
        """The visible tokens and, in the published order, what the decoder has in their places."""
        patches = to_patches(pos, self.student.frames_per_patch)
        given = batch.get("joint_mask")
        if given is not None:
            if self.views > 1 or self.decoder_order == "published":
                raise DataError(
                    f"the batch carries joint_mask, but with views={self.views} and decoder_order="
                    f"{self.decoder_order!r} the model must draw the masks: leave out MaskJoints"
                )
            return split_tokens(given.view(patches.shape[:4]).any(dim=3)), None
        draws = clip_draws(batch).split(batch.num_tracks * self.views, len(pos))
        hidden = self.mask.hide(patches, self.student.skeleton, draws)
        if self.decoder_order == "published" and hidden.ranks is not None and hidden.visible:
            return published_split(hidden.ranks, hidden.visible // patches.size(2))
        return split_tokens(hidden.mask, hidden.visible), None

    def _check(self, depth: int) -> None:
        if self.views < 1:
            raise ConfigError(f"views {self.views}: expected at least one")
        if not 1 <= self.top_k <= depth:
            hint = f"the encoder has {depth} blocks, expected 1 to {depth}"
            raise ConfigError(f"top_k {self.top_k}: {hint}")
        kinds = {"target_norm": LayerNorm, "decoder_order": DecoderOrder, "probe": Probe}
        for name, kind in kinds.items():
            if (value := getattr(self, name)) not in get_args(kind):
                expected = " or ".join(map(repr, get_args(kind)))
                raise ConfigError(f"{name} {value!r}: expected {expected}")
        if self.decoder_order == "published" and not isinstance(self.mask, TubeMaskPolicy):
            raise ConfigError(
                f"decoder_order 'published' is that of tubes; the mask is {self.mask!r}"
            )
        if isinstance(self.mask, TokenMaskPolicy):
            self.mask.num_visible(self.student.skeleton.num_joints, self.student.num_steps)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.student!r}, mask={self.mask!r}, top_k={self.top_k}, "
            f"views={self.views}, teacher={self.teacher!r}, decoder_order={self.decoder_order!r})"
        )
