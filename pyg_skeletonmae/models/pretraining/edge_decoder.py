"""Reconstruction of hidden bones: which pairs of joints are connected?"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.nn.processes import global_mean
from pyg_skeletonmae.skeleton import Skeleton


class EdgeDecoder(nn.Module):
    r"""Tells bones from other pairs of joints by their encodings, averaged over time.

    .. math::
        p_{ij} = \sigma\big(\mathrm{MLP}(\bar{\mathbf{h}}_i \odot \bar{\mathbf{h}}_j)\big)

    Beyond the paper, whose abstract speaks of masked edges while its method has no edge loss. The
    loss is the binary cross-entropy over the hidden bones and as many pairs without a bone, drawn
    for each track.

    Args:
        skeleton: The joints and bones.
        channels: The width of the encodings.
    """

    pairs: Tensor
    others: Tensor

    def __init__(self, skeleton: Skeleton, channels: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, 1))
        none = torch.triu(skeleton.adjacency(self_loops=True) == 0, diagonal=1)
        if not none.any():
            raise ConfigError(f"{skeleton.name}: every pair of joints is a bone")
        self.register_buffer("pairs", skeleton.edge_index[:, ::2], persistent=False)
        self.register_buffer("others", none.nonzero().t().contiguous(), persistent=False)

    def forward(self, encoded: Tensor, edge_mask: Tensor, draws: Draws, valid: Tensor) -> Tensor:
        """The loss of encodings; 0 if no bone is masked.

        Args:
            encoded: ``[P, V, T, D]``.
            edge_mask: The hidden bones, ``[P * E]``, bool.
            draws: One row per track.
            valid: The joints that are present, ``[P, V, T]``, bool: the mean over time is theirs,
                and pairs with a joint that never is are not scored.
        """
        weight = valid.unsqueeze(-1).to(encoded.dtype)
        joints = (encoded * weight).sum(2) / weight.sum(2).clamp(min=1.0)
        there = valid.any(2)
        hidden = edge_mask.view(len(joints), -1)[:, ::2]
        track, bone = hidden.nonzero(as_tuple=True)
        picked = draws.integers(self.others.size(1), hidden.size(1))[hidden]
        positive = self._logits(joints, there, track, self.pairs[:, bone])
        negative = self._logits(joints, there, track, self.others[:, picked])
        logits = torch.cat([positive, negative])
        labels = torch.cat([torch.ones_like(positive), torch.zeros_like(negative)])
        loss = F.binary_cross_entropy_with_logits(logits, labels, reduction="sum")
        return global_mean(loss / max(1, len(labels)), len(labels))

    def _logits(self, joints: Tensor, there: Tensor, track: Tensor, pairs: Tensor) -> Tensor:
        kept = there[track, pairs[0]] & there[track, pairs[1]]
        track, pairs = track[kept], pairs[:, kept]
        out: Tensor = self.mlp(joints[track, pairs[0]] * joints[track, pairs[1]])
        return out.squeeze(-1)
