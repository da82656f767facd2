"""What the average of a clip's features has to tell of its joints."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pyg_skeletonmae.nn.norm import BatchNormLast, norm_rows
from pyg_skeletonmae.nn.processes import global_mean
from pyg_skeletonmae.nn.targets import motion


class AverageHead(nn.Module):
    r"""A linear map of the average of features: where was each joint, and how fast did it move?

    Most of what is done with a pre-trained encoder is done with averages of its features, which a
    loss of single tokens says nothing about. Over the visible tokens :math:`\mathcal{V}` of a
    track, with :math:`\mathbf{u}_i` the mean position in a token and the mean absolute displacement
    between its frames,

    .. math::
        \mathcal{L} = \Big\| \mathbf{W} \frac{1}{|\mathcal{V}|} \sum_{i \in \mathcal{V}}
        \mathbf{h}_i + \mathbf{b} - \mathrm{BN}(\mathbf{t}) \Big\|^2, \qquad
        \mathbf{t}_v = \frac{1}{|\mathcal{V}|} \sum_{i \in \mathcal{V},\, v(i) = v} \mathbf{u}_i

    Our choice. The map is linear, so that neighbours in features are neighbours in poses, and the
    target is a sum over the very tokens that the average is of: it can be met exactly, however many
    are hidden. What was measured is on the page :doc:`/methods/graph_temporal`.

    Args:
        num_joints: The joints ``V``.
        in_channels: The width ``D`` of the features.
        channels: The channels ``C`` of a joint.

    Shapes:
        - **input:** features ``[P, V, S, D]``, tracks ``[P, V, T, C]``, which tokens are visible
          ``[P, V, S]``, bool, and where joints are present ``[P, V, T]``, bool
        - **output:** the mean squared error, a number
    """

    def __init__(self, num_joints: int, in_channels: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(in_channels, num_joints * 2 * channels)
        self.norm = BatchNormLast(num_joints * 2 * channels, affine=False)

    def forward(self, x: Tensor, pos: Tensor, visible: Tensor, valid: Tensor) -> Tensor:
        """The error, of all tracks alike; joints that are missing count as at the origin."""
        count = visible.sum((1, 2)).clamp_min(1)[:, None].to(x.dtype)
        average = (x * visible[..., None]).sum((1, 2)) / count
        target = norm_rows(self.norm, joint_sums(pos, visible, valid) / count)
        error = (self.linear(average) - target).square().mean(1)
        return global_mean(error.sum() / max(1, len(error)), len(error))


@torch.no_grad()
def joint_sums(pos: Tensor, visible: Tensor, valid: Tensor) -> Tensor:
    """For each joint the sums, over its visible tokens, of mean position and mean displacement.

    Args:
        pos: Tracks ``[P, V, T, C]``.
        visible: The tokens that count, ``[P, V, S]``, bool.
        valid: Where joints are present, ``[P, V, T]``, bool. A displacement counts if both of its
            frames are present and visible.

    Returns:
        ``[P, V * 2 * C]``, per joint first the positions, then the absolute displacements.
    """
    frames = pos.size(2) // visible.size(2)
    there = visible.repeat_interleave(frames, dim=2) & valid
    ahead, both = motion(pos, there) if pos.size(2) > 1 else (torch.zeros_like(pos), there)
    parts = (pos, there), (ahead.abs(), both)
    sums = [x.masked_fill(~known[..., None], 0.0).sum(2) / frames for x, known in parts]
    return torch.cat(sums, -1).flatten(1)
