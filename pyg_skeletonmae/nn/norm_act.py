"""A linear map, a batch norm and an activation, by a compiled kernel where that is asked for."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.modules.batchnorm import _BatchNorm

from pyg_skeletonmae.batch import readable
from pyg_skeletonmae.nn.kernels import call, kernels
from pyg_skeletonmae.nn.norm import BatchNormLast, SharedNorm
from pyg_skeletonmae.nn.prelu import ScalarPReLU
from pyg_skeletonmae.nn.processes import is_shared

# Widths up to which the kernel's own matrix product is as fast as PyTorch's, and what they have to
# be multiples of.
_WIDEST, _EVEN = 128, 16

RELU, IDENTITY = nn.ReLU(inplace=True), nn.Identity()


class FusedSequential(nn.Sequential):
    """:class:`torch.nn.Sequential` whose modules are passed by :func:`fused_sequential`."""

    def forward(self, input: Any) -> Any:
        """Passes the input through all modules."""
        return fused_sequential(input, *self)


def fused_sequential(x: Any, *modules: nn.Module) -> Any:
    """Passes ``x`` through modules one after the other.

    A batch norm, the activation behind it, and a linear map before it without a bias are one call
    of :func:`norm_act`.
    """
    rest = list(modules)
    while rest:
        linear = rest.pop(0) if _is_plain_linear(rest[0]) else None
        if len(rest) > 1 and isinstance(rest[0], _BatchNorm):
            x = norm_act(rest.pop(0), rest.pop(0), x, linear)
        else:
            x = (rest.pop(0) if linear is None else linear)(x)
    return x


def norm_act(norm: nn.Module, act: nn.Module, x: Tensor, linear: nn.Module | None = None) -> Tensor:
    r"""``act(norm(linear(x)))``, in training on a CPU as one operator if kernels are asked for.

    .. math::
        \mathbf{y} = \max(\mathbf{z}, 0) + a \min(\mathbf{z}, 0), \qquad
        \mathbf{z} = \mathrm{BN}(\mathbf{W} \mathbf{x})

    The kernel reads what three operators would write and read again, and keeps :math:`\mathbf{x}`
    and :math:`\mathbf{W}\mathbf{x}` alone for the gradients. See
    :func:`~pyg_skeletonmae.nn.kernels.use_kernels`.

    Args:
        norm: Any norm. The kernel is for batch norms of channels last.
        act: Any activation. The kernel is for :class:`ScalarPReLU`, ReLU and identity.
        x: ``[..., C]``; or ``[P, C, V, T]`` for a norm of two dimensions.
        linear: A map before the norm; none: there is none. The kernel is for linear maps, and for
            convolutions of width 1, without a bias and of up to 128 channels; it calls others
            first.
    """
    slope = None if kernels() is None else _slope(act)
    matrix = None if slope is None or linear is None else _matrix(linear)
    if linear is not None and matrix is None:
        x, linear = linear(x), None
    if slope is None or not _fits(norm, act, x):
        out: Tensor = act(norm(x if linear is None else linear(x)))
        return out
    assert isinstance(norm, _BatchNorm) and norm.num_batches_tracked is not None
    last = x.permute(0, 2, 3, 1) if isinstance(norm, nn.BatchNorm2d) else x
    norm.num_batches_tracked.add_(1)
    rows = last.reshape(-1, last.size(-1))
    affine = norm.weight, norm.bias
    y: Tensor = _NormAct.apply(rows, matrix, slope, norm, *affine)  # type: ignore[no-untyped-call]
    y = y.view(*last.shape[:-1], y.size(1))
    return y if last is x else y.permute(0, 3, 1, 2)


def _is_plain_linear(module: nn.Module) -> bool:
    if type(module) is nn.Conv2d:
        sizes = module.kernel_size, module.stride, module.padding, module.groups
        plain = sizes == ((1, 1), (1, 1), (0, 0), 1)
    else:
        plain = type(module) is nn.Linear
    return plain and getattr(module, "bias", None) is None and not has_hooks(module)


def _matrix(linear: nn.Module) -> Tensor | None:
    """The weight of a map that the kernel takes, ``[out, in]``."""
    if not _is_plain_linear(linear):
        return None
    weight = linear.weight
    assert isinstance(weight, Tensor)
    matrix = weight.flatten(1)
    suits = all(size <= _WIDEST and not size % _EVEN for size in matrix.shape)
    return matrix if suits and matrix.dtype == torch.float32 else None


def _slope(act: nn.Module) -> Tensor | None:
    """What an activation multiplies negative numbers with; None: it is another activation."""
    if type(act) is ScalarPReLU:
        return act.weight
    known: dict[type[nn.Module], float] = {nn.ReLU: 0.0, nn.Identity: 1.0}
    return torch.tensor(known[type(act)]) if type(act) in known else None


def has_hooks(module: nn.Module) -> bool:
    """Whether a module has to be called, as somebody listens to its calls."""
    hooks = module._forward_hooks, module._forward_pre_hooks, module._backward_hooks
    return any(hooks) or bool(module._backward_pre_hooks)


def _fits(norm: nn.Module, act: nn.Module, x: Tensor) -> bool:
    """Whether both are trained, plainly, on more than one row of numbers that lie here."""
    kind = type(norm).__mro__[1] if isinstance(norm, SharedNorm) else type(norm)
    if kind not in (BatchNormLast, nn.BatchNorm2d) or is_shared() or not norm.training:
        return False
    assert isinstance(norm, _BatchNorm)
    if not (norm.affine and norm.track_running_stats) or norm.momentum is None:
        return False
    here = readable(x) and type(x) is Tensor and x.dtype == torch.float32 == norm.weight.dtype
    several = x.numel() > x.size(1 if isinstance(norm, nn.BatchNorm2d) else -1)
    return here and several and not (has_hooks(norm) or has_hooks(act))


class _NormAct(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, matrix: Tensor | None, slope: Tensor, norm: Any, *affine: Tensor
    ) -> Tensor:
        library = kernels()
        assert library is not None
        x, (weight, bias) = x.contiguous(), affine
        rows, channels, inputs = len(x), len(weight), 0 if matrix is None else x.size(1)
        u = x if matrix is None else x.new_empty(rows, channels)
        turned = None if matrix is None else matrix.t().contiguous()
        room = x.new_empty(library.room_forward(rows, channels))
        moments, y = x.new_empty(2, channels), torch.empty_like(u)
        ctx.a, ctx.library, ctx.shape = slope.item(), library, slope.shape
        sizes, rates = [rows, inputs, channels], [norm.eps, norm.momentum]
        running, threads = [norm.running_mean, norm.running_var], torch.get_num_threads()
        arguments = [x, turned, *sizes, weight, bias, ctx.a, *rates, *running]
        call(library.norm_act, [*arguments, room, moments, u, y, threads])
        ctx.save_for_backward(x, matrix, None if u is x else u, weight, bias, moments)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, matrix, u, weight, bias, moments = ctx.saved_tensors
        u = x if u is None else u
        sizes = _, inputs, channels = len(x), 0 if matrix is None else x.size(1), len(weight)
        room = x.new_empty(ctx.library.room_backward(*sizes))
        of_x, of_rest = torch.empty_like(x), x.new_empty(2 * channels + 1)
        of_matrix = None if matrix is None else x.new_empty(channels, inputs)
        arguments = [x, u, grad.contiguous(), None if matrix is None else matrix.contiguous()]
        rest, threads = [weight, bias, ctx.a, moments], torch.get_num_threads()
        parts = [*arguments, *sizes, *rest, room, of_x, of_matrix, of_rest, threads]
        call(ctx.library.norm_act_backward, parts)
        of_weight, of_bias, of_slope = of_rest.split([channels, channels, 1])
        return of_x, of_matrix, of_slope.view(ctx.shape), None, of_weight, of_bias
