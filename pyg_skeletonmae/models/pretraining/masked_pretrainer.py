"""Masked pre-training of any encoder: an encoder, a mask, a target and a decoder."""

from __future__ import annotations

import math
from typing import get_args

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from pyg_skeletonmae.batch import as_tracks, clip_draws, valid_joints
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.models.base import SkeletonEncoder, SkeletonModel
from pyg_skeletonmae.models.encoders.graph import GraphEncoder
from pyg_skeletonmae.models.encoders.st import STEncoder
from pyg_skeletonmae.models.pretraining.graph_decoder import GraphDecoder
from pyg_skeletonmae.models.pretraining.masked import MaskedDecoder, MaskedEncoder, MaskedView
from pyg_skeletonmae.models.pretraining.mixing_decoder import MixingDecoder
from pyg_skeletonmae.models.pretraining.st_decoder import STDecoder
from pyg_skeletonmae.models.pretraining.targets import (
    CoordinateTarget,
    Loss,
    MaskedTarget,
    whole_tokens,
)
from pyg_skeletonmae.nn.losses import RCEForm, masked_mse, rce_loss
from pyg_skeletonmae.nn.targets import Target
from pyg_skeletonmae.nn.tokens import hidden_share, to_patches
from pyg_skeletonmae.transforms.masking import MaskPolicy
from pyg_skeletonmae.transforms.token_masking import RandomTokenMask, TokenMaskPolicy


class MaskedPretrainer(SkeletonModel):
    r"""Masked modelling: any encoder, any mask, any target.

    Some tokens :math:`\mathcal{M}` of a clip are hidden from the encoder :math:`f`; a decoder
    :math:`g` predicts their targets :math:`\mathbf{y}` from what the encoder makes of the others
    :math:`\mathbf{x}_{\overline{\mathcal{M}}}`:

    .. math::
        \mathcal{L} = \frac{1}{|\mathcal{M}|} \sum_{i \in \mathcal{M}}
        \ell\big( g(f(\mathbf{x}_{\overline{\mathcal{M}}}))_i, \mathbf{y}_i \big)

    :class:`~pyg_skeletonmae.models.GraphSkeletonMAE` and
    :class:`~pyg_skeletonmae.models.STSkeletonMAE` are published choices of the four. All tracks of
    a batch count alike; absent persons are no tracks, and joints that are missing are never scored.

    Args:
        encoder: What is pre-trained.
        mask: Which tokens to hide, unless the batch carries ``joint_mask``; a token with a masked
            frame is masked as a whole. (default: ``RandomTokenMask(0.75)``)
        target: What is predicted of them. (default: ``CoordinateTarget()``)
        decoder: What predicts. (default: a light one that suits the encoder: ``GraphDecoder`` for
            the graph encoder, ``STDecoder`` of the encoder's width and two blocks for the
            transformer, ``MixingDecoder`` for others)
        loss: ``"squared"``, the mean squared error, or ``"cosine"``, the re-weighted cosine error
            of :func:`~pyg_skeletonmae.nn.losses.rce_loss`.
        views: The masks drawn for each track, all of which learn from one target, as in `"data2vec
            2.0" <https://arxiv.org/abs/2212.07525>`_.
        beta: The exponent of the cosine error.
        loss_form: Its form.
        hide_missing: Whether joints that are missing are hidden like any other where the mask says
            so; if not, they always stay visible, as in the graph SkeletonMAE.
        visible_weight: The weight of the same error at the visible tokens (our choice): without it
            nothing keeps a feature from forgetting its own joint. What was measured is on the page
            :doc:`/methods/graph_temporal`.

    Shapes:
        - **input:** a batch with ``pos [P * V, T, C]``
        - **output:** ``{"loss"}``, and what the target and the decoder log

    Raises:
        ConfigError: A setting is out of range, or the parts do not fit each other: the message says
            why. On use: the mask leaves nothing visible.
        DataError: On use: the clips do not fit the encoder, or carry a mask where several must be
            drawn.
    """

    def __init__(
        self,
        encoder: SkeletonEncoder,
        mask: MaskPolicy | None = None,
        target: MaskedTarget | None = None,
        decoder: MaskedDecoder | None = None,
        loss: Loss = "squared",
        views: int = 1,
        beta: float = 2.0,
        loss_form: RCEForm = "paper",
        hide_missing: bool = True,
        visible_weight: float = 0.0,
    ) -> None:
        super().__init__()
        target = CoordinateTarget() if target is None else target
        if loss not in get_args(Loss):
            raise ConfigError(f"loss {loss!r}: expected one of {get_args(Loss)}")
        if loss not in target.losses:
            raise ConfigError(
                f"loss {loss!r} with {target!r}: features would shrink to a constant, which is "
                f"predicted for nothing; expected one of {target.losses}"
            )
        if views < 1:
            raise ConfigError(f"views {views}: expected at least one")
        if not 0.0 <= visible_weight < math.inf:
            raise ConfigError(f"visible_weight {visible_weight}: expected zero or more")
        self.encoder = encoder
        channels = target.width(encoder)
        self.decoder = default_decoder(encoder, channels) if decoder is None else decoder
        self.decoder.attach(encoder, channels)
        target.attach(encoder)
        self.objective = target  # presets have the word for it as their `target`
        self.mask: MaskPolicy = RandomTokenMask(0.75) if mask is None else mask
        self.loss: Loss = loss
        self.views, self.hide_missing = views, hide_missing
        self.beta, self.visible_weight = beta, visible_weight
        self.loss_form: RCEForm = loss_form
        if isinstance(encoder, MaskedEncoder) and isinstance(self.mask, TokenMaskPolicy):
            steps = encoder.frames // encoder.frames_per_token
            self.mask.num_visible(encoder.skeleton.num_joints, steps)
        width = self.decoder.token_channels
        self.mask_token = None if width is None else nn.Parameter(torch.empty(width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws the token of hidden places anew (normal, standard deviation 0.02)."""
        if self.mask_token is not None:
            nn.init.normal_(self.mask_token, std=0.02)

    def forward(self, batch: Data) -> dict[str, Tensor]:
        """The loss of a batch."""
        predictions, targets, view = self._predict(batch, hidden_only=not self.visible_weight)
        masks = [_over(view.mask, target) & target.valid for target in targets]
        scored = [(1.0, masks)]
        if self.visible_weight:
            visible = [~mask & target.valid for mask, target in zip(masks, targets, strict=True)]
            scored.append((self.visible_weight, visible))
        losses = [
            weight * target.weight * self._error(prediction, target.value, mask)
            for weight, places in scored
            for prediction, target, mask in zip(predictions, targets, places, strict=True)
        ]
        losses += [weight * value for weight, value in view.losses.values()]
        logs = self.objective.logs(targets, masks)
        logs |= {name: value for name, (_, value) in view.losses.items()}
        logs["mask_ratio"] = hidden_share(view.mask, view.valid)
        loss = sum(losses[1:], losses[0])
        return {"loss": loss, **{name: value.detach() for name, value in logs.items()}}

    @torch.no_grad()
    def reconstruct(self, batch: Data) -> tuple[Tensor, Tensor]:
        """Predictions of the (first) target, and what of it is hidden, bool.

        ``[P, V, T, C]`` in the units of the data and ``[P, V, T]`` for coordinates, whose
        standardised targets are restored by their true mean and deviation, as MAE's pictures are;
        ``[P, V, S, D]`` and ``[P, V, S]`` for features.
        """
        (prediction, *_), (target, *_), view = self._predict(batch)
        return target.restore(prediction), _over(view.mask, target)

    def after_step(self) -> None:
        """What the target does after a step of the optimiser: a teacher follows its encoder."""
        self.objective.after_step(self.encoder)

    def _predict(
        self, batch: Data, hidden_only: bool = False
    ) -> tuple[list[Tensor], list[Target], MaskedView]:
        encoder = self.encoder
        pos = encoder.tracks(batch)
        encoder.check(pos)  # before anything is made of them
        valid = as_tracks(valid_joints(batch), encoder.skeleton.num_joints)
        targets = self.objective(encoder, pos, valid)
        if self.views > 1:
            pos, valid = (x.repeat_interleave(self.views, 0) for x in (pos, valid))
            targets = [target.repeated(self.views) for target in targets]
        view = self._view(batch, pos, valid)
        view.hidden_only = hidden_only
        view.embedding = next((t.embedding for t in targets if t.embedding is not None), None)
        out = self.decoder.reconstruct(encoder, pos, view)
        if len(targets) == 1:
            return [out.view(targets[0].value.shape)], targets, view
        tokens = view.mask.numel()
        widths = [target.value.numel() // tokens for target in targets]
        parts = torch.split(out.reshape(tokens, -1), widths, dim=1)
        shaped = [part.reshape(t.value.shape) for part, t in zip(parts, targets, strict=True)]
        return shaped, targets, view

    @torch.no_grad()
    def _view(self, batch: Data, pos: Tensor, valid: Tensor) -> MaskedView:
        """What is hidden of the tracks, each of which stands there once for each view."""
        frames = self.encoder.frames_per_token
        draws = clip_draws(batch).split(batch.num_tracks * self.views, len(pos))
        given, visible = batch.get("joint_mask"), None
        if given is None:
            patches = to_patches(pos, frames)
            mask, visible, _ = self.mask.hide(patches, self.encoder.skeleton, draws)
        elif self.views == 1:
            mask = given.view(*pos.shape[:2], -1, frames).any(3)
        else:
            raise DataError(
                f"the batch carries joint_mask, but with views={self.views} the model must draw "
                "the masks: leave out MaskJoints"
            )
        if not self.hide_missing:
            mask, visible = mask & whole_tokens(valid, frames), None
        return MaskedView(
            mask, valid, draws, visible, edge_mask=batch.get("edge_mask"), token=self.mask_token
        )

    def _error(self, prediction: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        if self.loss == "squared":
            return masked_mse(prediction, value, mask)
        return rce_loss(prediction, value, mask, self.beta, self.loss_form)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.encoder!r}, mask={self.mask!r}, "
            f"target={self.objective!r}, decoder={self.decoder!r})"
        )


def default_decoder(encoder: SkeletonEncoder, channels: int) -> MaskedDecoder:
    """A light decoder that suits an encoder, see :class:`MaskedPretrainer`."""
    if isinstance(encoder, GraphEncoder):
        return GraphDecoder()
    if isinstance(encoder, STEncoder):
        width, joints = encoder.out_channels, encoder.skeleton.num_joints
        return STDecoder(
            joints, encoder.num_steps, width, width, channels, depth=2, heads=encoder.heads
        )
    return MixingDecoder()


def _over(mask: Tensor, target: Target) -> Tensor:
    """The hidden tokens ``[P, V, S]`` as what is hidden of a target, which may be frames."""
    repeat = target.value.size(2) // mask.size(2)
    return mask if repeat == 1 else mask.repeat_interleave(repeat, dim=2)
