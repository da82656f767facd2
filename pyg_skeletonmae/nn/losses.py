"""Losses of masked modelling: cosine errors of features, squared errors of coordinates."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from pyg_skeletonmae.batch import readable
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.nn.processes import global_mean

RCEForm = Literal["paper", "graphmae"]


def cosine_error(pred: Tensor, target: Tensor, eps: float = 1e-6) -> Tensor:
    r"""One minus the cosine of the angle between rows, ``[..., D] -> [...]``, in float32 or better.

    .. math::
        1 - \frac{\mathbf{x}^{\top} \mathbf{z}}
        {\max(\|\mathbf{x}\|, \epsilon) \max(\|\mathbf{z}\|, \epsilon)}

    A zero row has the cosine 0. Its gradient is at most :math:`1 / \epsilon`: the public GraphMAE
    code has ``1e-12`` here, and one zero row then yields gradients near ``1e11``.

    Args:
        pred: Predictions, any floating dtype.
        target: Targets of the same shape.
        eps: The smallest norm that is divided by.
    """
    dtype = _precision(pred, target)
    pred, target = pred.to(dtype), target.to(dtype)
    norms = [torch.linalg.vector_norm(v, dim=-1).clamp_min(eps) for v in (pred, target)]
    error: Tensor = 1.0 - (pred * target).sum(-1) / (norms[0] * norms[1])
    return error


def sce_loss(pred: Tensor, target: Tensor, alpha: float = 2.0, eps: float = 1e-6) -> Tensor:
    r"""The scaled cosine error of `"GraphMAE: Self-Supervised Masked Graph Autoencoders"
    <https://arxiv.org/abs/2205.10803>`_: the mean over all rows of :math:`(1 - \cos)^\alpha`.

    Args:
        pred: Predictions ``[..., D]``.
        target: Targets ``[..., D]``; gradients flow into them, too.
        alpha: The power, at least 1.
        eps: The smallest norm that is divided by; GraphMAE's code has ``1e-12``.

    Raises:
        DataError: The shapes differ.
    """
    if pred.shape != target.shape:
        raise DataError(f"prediction {list(pred.shape)} and target {list(target.shape)} differ")
    error = cosine_error(pred, target, eps).pow(alpha)
    return global_mean(error.mean(), error.numel())


def rce_loss(
    pred: Tensor, target: Tensor, mask: Tensor, beta: float = 2.0, form: RCEForm = "paper"
) -> Tensor:
    r"""The re-weighted cosine error of `"SkeletonMAE: Graph-based Masked Autoencoder for Skeleton
    Sequence Pre-training" <https://arxiv.org/abs/2307.08476>`_.

    For a graph, that is one person in one frame, with the masked joints :math:`\mathcal{V}_m`:

    .. math::
        \mathcal{L} = \sum_{i \in \mathcal{V}_m} \left( \frac{1}{|\mathcal{V}_m|} -
        \frac{\mathbf{x}_i^{\top} \mathbf{z}_i}{|\mathcal{V}_m| \|\mathbf{x}_i\| \|\mathbf{z}_i\|}
        \right)^{\beta} = |\mathcal{V}_m|^{1 - \beta} \cdot \frac{1}{|\mathcal{V}_m|}
        \sum_{i \in \mathcal{V}_m} (1 - \cos_i)^{\beta}

    The loss is the mean over the graphs that have a masked joint: so a graph counts the same
    however many persons its clip has. Without any masked joint it is a zero with zero gradients.

    Args:
        pred: Decoder outputs ``[P, V, T, D]``.
        target: Features to predict ``[P, V, T, D]``; detach them if they are not to be trained.
        mask: The joints to score ``[P, V, T]``, bool.
        beta: The power :math:`\beta`, at least 1.
        form: ``"paper"`` as printed; ``"graphmae"`` without the factor
            :math:`|\mathcal{V}_m|^{1 - \beta}`, a mean over each graph's masked joints.

    Raises:
        DataError: The shapes do not fit, or the mask is not boolean.
        ConfigError: The form is unknown.
    """
    if form not in ("paper", "graphmae"):
        raise ConfigError(f"the form of the RCE is 'paper' or 'graphmae', not {form!r}")
    if pred.dim() != 4:
        raise DataError(f"the RCE takes features [P, V, T, D], found {list(pred.shape)}")
    _check_masked(pred, target, mask)
    count = mask.sum(1, keepdim=True)  # [P, 1, T]
    graphs = (count > 0).sum()
    each = count.expand(mask.shape)[..., None]
    (pred, target, number), scored = _scored(mask, pred, target, each)
    error = cosine_error(pred, target).pow(beta)
    if scored is not None:
        error = torch.where(scored, error, 0.0)
        number = number.clamp_min(1)
    count = number.squeeze(1).to(error.dtype)
    mean = (error * count.pow(-beta if form == "paper" else -1.0)).sum() / graphs.clamp_min(1)
    return global_mean(mean, graphs)


def masked_mse(pred: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    r"""The mean squared error over all channels of the masked rows, in float32 or better.

    Without any masked row it is a zero with zero gradients.

    Args:
        pred: Predictions ``[..., D]``.
        target: Targets ``[..., D]``.
        mask: The rows to score ``[...]``, bool.

    Raises:
        DataError: The shapes do not fit, or the mask is not boolean.
    """
    _check_masked(pred, target, mask)
    (pred, target), scored = _scored(mask, pred, target)
    dtype = _precision(pred, target)
    error = (pred.to(dtype) - target.to(dtype)).square()
    if scored is None:
        return global_mean(error.sum() / max(error.numel(), 1), error.numel())
    count = scored.sum() * error.size(1)
    total = torch.where(scored[:, None], error, 0.0).sum()
    return global_mean(total / count.clamp_min(1), count)


def _scored(mask: Tensor, *vectors: Tensor) -> tuple[list[Tensor], Tensor | None]:
    """Vectors ``[..., D]`` to score as rows ``[n, D]``, and which of these rows count, if not all.

    Where looking for them costs nothing, those that do not count are left out: on a CPU that is two
    to six times as fast as masking them all. A GPU would be waited for, and a graph break.
    """
    rows = [x.reshape(-1, x.size(-1)) for x in vectors]
    if not readable(mask):
        return rows, mask.flatten()
    index = mask.flatten().nonzero().squeeze(1)
    return [x.index_select(0, index) for x in rows], None


def _precision(pred: Tensor, target: Tensor) -> torch.dtype:
    """The wider of the two dtypes, at least float32, whatever autocast is at."""
    return torch.promote_types(torch.promote_types(pred.dtype, target.dtype), torch.float32)


def _check_masked(pred: Tensor, target: Tensor, mask: Tensor) -> None:
    if pred.shape != target.shape or mask.shape != pred.shape[:-1] or mask.dtype != torch.bool:
        raise DataError(
            "prediction and target are [..., D] and the mask is [...], bool; found "
            f"{list(pred.shape)}, {list(target.shape)} and {list(mask.shape)}, {mask.dtype}"
        )
