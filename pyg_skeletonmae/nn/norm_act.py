"""A batch norm and the activation behind it as one operator, which keeps less for the gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from pyg_skeletonmae.batch import readable
from pyg_skeletonmae.nn.norm import BatchNormLast
from pyg_skeletonmae.nn.prelu import ScalarPReLU

# Below it what an activation was given cannot be told from what it gave.
LEAST_SLOPE = 1e-3


def norm_act(norm: nn.Module, act: nn.Module, x: Tensor) -> Tensor:
    r"""``act(norm(x))``, of a batch norm in training and a PReLU on a CPU in less memory.

    .. math::
        \mathbf{y} = \mathrm{PReLU}(\mathrm{BN}(\mathbf{x})), \qquad
        \frac{\partial L}{\partial a} = \sum_{y < 0} \frac{\partial L}{\partial y}\, \frac{y}{a}

    The normalised numbers are not kept: the activation takes their place, and for a slope
    :math:`a > 0` its output tells their signs and, where they are below zero, the numbers. The next
    layer keeps the output anyway, so that of three tensors of a layer two are left.

    Args:
        norm: Any norm.
        act: Any activation.
        x: ``[..., C]``.
    """
    # Exact kinds: what was derived from them, or is shared by processes, does something of its own.
    if type(norm) is BatchNormLast and type(act) is ScalarPReLU and _fits(norm, act, x):
        slope = act.weight.item()
        if slope >= LEAST_SLOPE:
            if norm.num_batches_tracked is not None:
                norm.num_batches_tracked.add_(1)
            rows, weights = x.reshape(-1, x.size(-1)), (norm.weight, norm.bias, act.weight)
            one: Tensor = _NormPReLU.apply(rows, *weights, norm, slope)  # type: ignore[no-untyped-call]
            return one.view(x.shape)
    out: Tensor = act(norm(x))
    return out


def _fits(norm: BatchNormLast, act: ScalarPReLU, x: Tensor) -> bool:
    """Whether both are trained, plainly, on numbers that may be looked at."""
    if norm._forward_hooks or norm._forward_pre_hooks or act._forward_hooks:
        return False
    usual = norm.affine and norm.track_running_stats and norm.momentum is not None
    trained = norm.training and torch.is_grad_enabled() and readable(x)
    return usual and trained and x.dtype == norm.weight.dtype and x.numel() > x.size(-1)


class _NormPReLU(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, slope: Tensor, norm: Any, a: float
    ) -> Tensor:
        running = norm.running_mean, norm.running_var
        y, mean, invstd = torch.native_batch_norm(
            x, weight, bias, *running, True, norm.momentum, norm.eps
        )
        F.leaky_relu_(y, a)
        ctx.save_for_backward(x, y, weight, mean, invstd)
        ctx.a, ctx.eps = a, norm.eps
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y, weight, mean, invstd = ctx.saved_tensors
        of_norm = torch.ops.aten.leaky_relu_backward(grad, y, ctx.a, True)
        of_slope = torch.dot(grad.reshape(-1), y.clamp(max=0).view(-1)) / ctx.a
        of_input = torch.ops.aten.native_batch_norm_backward(
            of_norm, x, weight, None, None, mean, invstd, True, ctx.eps, [True, True, True]
        )
        return *of_input, of_slope.reshape(1), None, None
