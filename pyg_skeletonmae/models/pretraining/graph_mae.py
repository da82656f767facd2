"""The graph SkeletonMAE: masked body parts reconstructed by a GIN encoder-decoder."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from pyg_skeletonmae.batch import as_tracks, clip_draws, valid_joints
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models.base import SkeletonModel
from pyg_skeletonmae.models.encoders.graph import Conv, GraphEncoder, GraphLayer
from pyg_skeletonmae.models.pretraining.collapse import CollapseWatch
from pyg_skeletonmae.models.pretraining.edge_decoder import EdgeDecoder
from pyg_skeletonmae.nn.losses import masked_mse, rce_loss
from pyg_skeletonmae.nn.norm import Norm
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.masking import (
    MaskPolicy,
    default_part_mask,
    draw_edge_mask,
    hidden_bones,
)

Target = Literal["embedding", "coordinates"]
Loss = Literal["cosine", "squared"]


class GraphDecoder(nn.Module):
    """Graph layers without a final norm and activation, then a linear map if the width changes."""

    def __init__(
        self, channels: int, out_channels: int, depth: int, conv: Conv, norm: Norm
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            GraphLayer(conv, channels, norm, bare=i == depth - 1) for i in range(depth)
        )
        same = channels == out_channels
        self.head = nn.Identity() if same else nn.Linear(channels, out_channels)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Maps ``[P, V, T, D]`` to ``[P, V, T, out_channels]``."""
        for layer in self.layers:
            x = layer(x, adjacency)
        out: Tensor = self.head(x)
        return out


class GraphSkeletonMAE(SkeletonModel):
    r"""Masked auto-encoding of skeleton graphs, frame by frame.

    `"SkeletonMAE: Graph-based Masked Autoencoder for Skeleton Sequence Pre-training"
    <https://arxiv.org/abs/2307.08476>`_ (ICCV 2023), section 3.2. The embedded features
    :math:`\mathbf{x}_i` of the masked joints :math:`\mathcal{V}_m` are replaced by one learned
    token, all joints pass through the encoder and a one-layer decoder, and the re-weighted cosine
    error of the masked joints is minimised:

    .. math::
        \mathcal{L} = \sum_{i \in \mathcal{V}_m} \Big( \frac{1}{|\mathcal{V}_m|} -
        \frac{\mathbf{x}_i^{\top} \mathbf{z}_i}{|\mathcal{V}_m|
        \lVert \mathbf{x}_i \rVert \lVert \mathbf{z}_i \rVert} \Big)^{\beta}

    No code of the paper was released. What it leaves open is an argument here; the defaults are
    GraphMAE's where it is the evident ancestor, and said to be our choice otherwise. The target
    depends on trained weights, so a constant embedding would be a perfect score: the gradient
    through the target is stopped by default, the mean cosine between targets is logged as
    ``target_cosine``, and a warning is raised when it stays above 0.99 (not for coordinates, which
    cannot collapse).

    Args:
        skeleton: The joints and bones.
        in_channels: The channels of a joint.
        hidden_channels: The width ``D`` (64 in the paper).
        depth: The number of encoder layers (3 is the paper's best).
        conv: ``"gin"``, ``"gcn"`` or ``"gat"``.
        mask: What to mask, unless the batch carries ``joint_mask``. (default: ``PartMask((3, 5))``,
            the paper's best set: the right arm and the right leg. Skeletons that were not given six
            parts: ``PartMask("random")``, see there for a skeleton without parts)
        decoder_depth: The number of decoder layers (1 in the paper).
        target: ``"embedding"`` reconstructs the embedded features, ``"coordinates"`` the input.
        detach_target: Stops the gradient through the target (our choice, against collapse).
        freeze_embedding: Keeps the embedding at its initial values (our option, against collapse).
        joint_embedding: Gives the encoder one learned vector per joint (our option: it tells masked
            joints apart). It is no part of the target.
        remask: Passes the encoding through a bias-free linear map and sets masked joints to zero
            before decoding, as GraphMAE does; the paper's equation (1) does not.
        beta: The exponent of the loss (2 in the paper).
        loss_form: ``"paper"`` as printed, or ``"graphmae"``, the mean without re-weighting.
        norm: ``"batch"`` or ``"layer"``.
        dropout: The dropout rate before each encoder layer.
        residual: Whether each encoder layer adds its input to its output.
        edge_ratio: The share of bones hidden from message passing, in [0, 1), unless the batch
            carries ``edge_mask``; see :func:`~pyg_skeletonmae.transforms.masking.draw_edge_mask`.
            Beyond the paper, whose abstract speaks of joints and edges.
        edge_weight: The weight of reconstructing the hidden bones.
        loss: ``"cosine"``, the re-weighted cosine error above, or ``"squared"``, the mean squared
            error of the masked joints (our option, for ``target="coordinates"``: their length means
            something, while features would shrink to a constant). ``beta`` and ``loss_form`` are
            the cosine error's.

    Shapes:
        - **input:** a batch with ``pos [P * V, T, C]``
        - **output:** ``{"loss", "target_cosine"}``, and with hidden bones ``"edge_loss"``

    Raises:
        ConfigError: A setting is unknown, out of range, or does not fit the others.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        in_channels: int = 3,
        hidden_channels: int = 64,
        depth: int = 3,
        conv: Conv = "gin",
        mask: MaskPolicy | None = None,
        decoder_depth: int = 1,
        target: Target = "embedding",
        detach_target: bool = True,
        freeze_embedding: bool = False,
        joint_embedding: bool = False,
        remask: bool = False,
        beta: float = 2.0,
        loss_form: Literal["paper", "graphmae"] = "paper",
        norm: Norm = "batch",
        dropout: float = 0.0,
        residual: bool = False,
        edge_ratio: float = 0.0,
        edge_weight: float = 0.0,
        loss: Loss = "cosine",
    ) -> None:
        super().__init__()
        for name, value, known in (("target", target, Target), ("loss", loss, Loss)):
            if value not in get_args(known):
                raise ConfigError(f"{name} {value!r}: expected one of {get_args(known)}")
        if loss == "squared" and target == "embedding":
            raise ConfigError(
                "loss 'squared' is for target='coordinates': features would shrink to a constant"
            )
        if decoder_depth < 1:
            raise ConfigError(f"decoder_depth {decoder_depth}: expected at least one layer")
        hidden_bones(skeleton.edge_index.size(1) // 2, edge_ratio)
        if (edge_ratio > 0) != (edge_weight > 0):
            raise ConfigError("edge_ratio and edge_weight: give both, or neither")
        self.encoder = GraphEncoder(
            skeleton, in_channels, hidden_channels, depth, conv, norm, dropout, residual,
            joint_embedding,
        )  # fmt: skip
        out_channels = in_channels if target == "coordinates" else hidden_channels
        self.decoder = GraphDecoder(hidden_channels, out_channels, decoder_depth, conv, norm)
        self.mask: MaskPolicy = default_part_mask(skeleton) if mask is None else mask
        self.target, self.detach_target = target, detach_target
        self.loss: Loss = loss
        self.beta, self.loss_form, self.remask = beta, loss_form, remask
        self.edge_ratio, self.edge_weight = edge_ratio, edge_weight
        self.mask_token = nn.Parameter(torch.zeros(hidden_channels))
        self.to_decoder = (
            nn.Linear(hidden_channels, hidden_channels, bias=False) if remask else None
        )
        self.edge_decoder = EdgeDecoder(skeleton, hidden_channels) if edge_weight else None
        self.encoder.embed.requires_grad_(not freeze_embedding)
        advice = "" if freeze_embedding else "freeze_embedding=True, "
        advice += "target='coordinates', or another normalisation of the input"
        self.collapse = CollapseWatch(advice=advice)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws the mask token anew (normal, standard deviation 0.02)."""
        nn.init.normal_(self.mask_token, std=0.02)

    def forward(self, batch: Data) -> dict[str, Tensor]:
        """The loss of a batch; joints that are missing are never scored."""
        draws = clip_draws(batch).split(batch.num_tracks)
        pos, mask = self._tracks(batch, draws)
        adjacency, edge_mask = self._adjacency(batch, draws)
        embedded = self.encoder.embed(pos)
        encoded = self._encode(embedded, mask, adjacency)
        target = embedded if self.target == "embedding" else pos
        target = target.detach() if self.detach_target else target
        prediction = self._decode(encoded, mask, adjacency)
        if self.loss == "squared":
            loss = masked_mse(prediction, target, mask)
        else:
            loss = rce_loss(prediction, target, mask, self.beta, self.loss_form)
        logs = {"target_cosine": self.collapse(target, mask)}
        if self.edge_decoder is not None and edge_mask is not None:
            valid = as_tracks(valid_joints(batch), self.encoder.skeleton.num_joints)
            logs["edge_loss"] = self.edge_decoder(encoded, edge_mask, draws, valid)
            loss = loss + self.edge_weight * logs["edge_loss"]
        return {"loss": loss, **{name: value.detach() for name, value in logs.items()}}

    @torch.no_grad()
    def reconstruct(self, batch: Data) -> tuple[Tensor, Tensor]:
        """The decoder's output ``[P, V, T, out]`` and the mask ``[P, V, T]``, bool, behind it."""
        draws = clip_draws(batch).split(batch.num_tracks)
        pos, mask = self._tracks(batch, draws)
        adjacency, _ = self._adjacency(batch, draws)
        encoded = self._encode(self.encoder.embed(pos), mask, adjacency)
        return self._decode(encoded, mask, adjacency), mask

    def after_step(self) -> None:
        """Warns when embedded targets have been the same direction for a while."""
        if self.target == "embedding":
            self.collapse.check()

    def _tracks(self, batch: Data, draws: Draws) -> tuple[Tensor, Tensor]:
        joints = self.encoder.skeleton.num_joints
        pos = self.encoder.tracks(batch)
        valid = as_tracks(valid_joints(batch), joints)
        given = batch.get("joint_mask")
        if given is not None:
            return pos, as_tracks(given, joints) & valid
        return pos, self.mask(pos, self.encoder.skeleton, draws) & valid

    def _adjacency(self, batch: Data, draws: Draws) -> tuple[Tensor, Tensor | None]:
        edge_mask = batch.get("edge_mask")
        if edge_mask is None and self.edge_ratio > 0:
            edge_mask = draw_edge_mask(self.encoder.skeleton, self.edge_ratio, draws)
        if edge_mask is None:
            return self.encoder.adjacency, None
        return self.encoder.masked_adjacency(edge_mask), edge_mask

    def _encode(self, embedded: Tensor, mask: Tensor, adjacency: Tensor) -> Tensor:
        x = torch.where(mask[..., None], self.mask_token.to(embedded.dtype), embedded)
        return self.encoder.encode_embedded(x, adjacency)

    def _decode(self, encoded: Tensor, mask: Tensor, adjacency: Tensor) -> Tensor:
        if self.to_decoder is not None:
            encoded = self.to_decoder(encoded).masked_fill(mask[..., None], 0.0)
        out: Tensor = self.decoder(encoded, adjacency)
        return out

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.encoder!r}, mask={self.mask!r}, target={self.target!r})"
        )
