"""A linear read-out from decoder outputs to coordinates.

The graph SkeletonMAE predicts features, not coordinates. A linear map per joint, fitted by ridge
regression on training clips, turns the decoder's output at a masked joint into its place; so a
reconstruction shows what the decoder knows, and nothing but that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from pyg_skeletonmae.batch import as_tracks, positions, valid_joints
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.evaluation.features import evaluating
from pyg_skeletonmae.skeleton import Skeleton


class Reconstructs(Protocol):
    """A model that shows what its decoder makes of a batch."""

    def reconstruct(self, batch: Data) -> tuple[Tensor, Tensor]:
        """The decoder's output ``[P, V, T, D]`` and the mask ``[P, V, T]`` behind it."""
        ...


@dataclass
class Readout:
    """Linear maps from decoder outputs to coordinates, one per joint.

    Args:
        weight: ``[V, D + 1, C]``, the last row is the offset.
        fitted: Which joints were masked in training clips, ``[V]``, bool.
        mean_pose: The mean place of each joint over the training clips, ``[V, C]``.
        skeleton: The joints.
    """

    weight: Tensor
    fitted: Tensor
    mean_pose: Tensor
    skeleton: Skeleton

    def place(self, features: Tensor) -> Tensor:
        """Maps ``[P, V, T, D]`` to ``[P, V, T, C]``."""
        weight = self.weight.to(features.dtype)
        return features @ weight[:, :-1] + weight[:, -1:]

    def __repr__(self) -> str:
        joints, features = self.weight.size(0), self.weight.size(1) - 1
        return f"{type(self).__name__}({self.skeleton.name}, joints={joints}, features={features})"


@dataclass
class Seen:
    """A batch as tracks, and what the decoder makes of it.

    Args:
        data: The batch.
        pos: Its coordinates, ``[P, V, T, C]``.
        valid: Which joints are present, ``[P, V, T]``, bool.
        mask: Which of them were masked, ``[P, V, T]``, bool.
        features: The decoder's output, ``[P, V, T, D]``.
    """

    data: Data
    pos: Tensor
    valid: Tensor
    mask: Tensor
    features: Tensor


def fit_readout(
    model: nn.Module, loader: Iterable[Data], skeleton: Skeleton, l2: float = 1e-3
) -> Readout:
    r"""Fits the read-out at the masked joints of training clips.

    Each joint minimises the mean squared error plus :math:`\lambda \sum_d \sigma_d^2 w_d^2`, that
    is, ridge regression on standardised features with a free offset. The normal equations are
    summed batch by batch in float64, so the memory does not grow with the clips.

    Args:
        model: ``model.reconstruct(batch)``, see :class:`Reconstructs`.
        loader: Training clips, transformed as in pre-training, without augmentation.
        skeleton: The joints.
        l2: The penalty :math:`\lambda`.

    Raises:
        DataError: There is no clip, or no joint was masked.
    """
    sums: tuple[Tensor, ...] = ()
    with evaluating(model) as device:
        for seen in decoded(model, loader, skeleton, device):
            # Features x features, features x places, places, and joints present, of each joint.
            here, there = seen.mask[..., None].double(), seen.valid[..., None].double()
            x = nn.functional.pad(seen.features.double(), (0, 1), value=1.0) * here
            x, pos = x.transpose(0, 1).flatten(1, 2), seen.pos.double()
            moment = x.mT @ pos.transpose(0, 1).flatten(1, 2)
            new = (x.mT @ x, moment, (pos * there).sum((0, 2)), there.sum((0, 2)))
            sums = tuple(a + b for a, b in zip(sums, new, strict=True)) if sums else new
    if not sums:
        raise DataError("no clip to fit a read-out on: the split or the loader is empty")
    gram, moment, place, present = sums
    masked = gram[:, -1, -1]
    if not bool(masked.any()):
        raise DataError("no joint was masked: a read-out needs a model with a mask")
    mean_pose = place / present.clamp(min=1.0)
    count = gram[:, -1:, -1].clamp(min=1.0)
    variance = (gram.diagonal(dim1=1, dim2=2) / count - (gram[:, -1] / count) ** 2).clamp(min=0.0)
    # The constant has no variance and stays free; the tiny term keeps joints without data solvable.
    penalty = torch.diag_embed(l2 * count * variance + 1e-9)
    weight: Tensor = torch.linalg.solve(gram + penalty, moment)
    return Readout(weight.float(), masked > 0, mean_pose.float(), skeleton)


def decoded(
    model: nn.Module, loader: Iterable[Data], skeleton: Skeleton, device: torch.device
) -> Iterator[Seen]:
    """What the decoder makes of each batch; the caller has the model in evaluation mode."""
    for batch in loader:
        batch = batch.to(device)
        features, mask = cast(Reconstructs, model).reconstruct(batch)
        pos = as_tracks(positions(batch), skeleton.num_joints)
        valid = as_tracks(valid_joints(batch), skeleton.num_joints)
        yield Seen(batch, pos, valid, mask & valid, features)
