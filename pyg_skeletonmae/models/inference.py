"""Networks as they are used without training: fewer passes over memory, same numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from pyg_skeletonmae.batch import readable
from pyg_skeletonmae.nn.transformer import LayerScale

M = TypeVar("M", bound=nn.Module)
Encode = TypeVar("Encode", bound=Callable[..., Tensor])
# Features that are computed at once, in bytes for each thread: with a few tensors of their size
# they stay in the second cache of a core or close to it. From 1 to 4 MiB times are within 10 %.
AT_ONCE = 3 * 2**20


def inference_form(module: M) -> M:
    r"""A copy for use without training, which computes the same in fewer passes over memory.

    A batch norm behind linear maps becomes part of them, and so does a LayerScale:

    .. math::
        \frac{\mathbf{W}\mathbf{x} + \mathbf{b} - \boldsymbol{\mu}}
        {\sqrt{\boldsymbol{\sigma}^2 + \epsilon}} \odot \boldsymbol{\gamma} + \boldsymbol{\beta}
        = (\mathbf{s} \odot \mathbf{W})\,\mathbf{x} + \mathbf{s} \odot (\mathbf{b} -
        \boldsymbol{\mu}) + \boldsymbol{\beta}, \qquad
        \mathbf{s} = \boldsymbol{\gamma} / \sqrt{\boldsymbol{\sigma}^2 + \epsilon}

    Which norms those are, a module says by its attribute ``norms_after``: names of norms, each with
    the names of the maps whose sum it normalises. In ``norms_beside`` they are maps of equal width
    whose results lie side by side, ``None`` for what no map gives: of the norm, that part is left.
    Norms and maps of another kind (layer norms, maps with hooks, in half precision or with weights
    that are computed) stay as they are. Encoders of this library also pass many tracks in pieces,
    see :func:`in_pieces`, and their modules may take shorter ways where ``without_training`` is
    set.

    The copy is in evaluation mode, takes no gradients of weights, and knows nothing of what happens
    to the module afterwards. It is not for training, nor to be saved; its modules have an attribute
    ``without_training``.

    Args:
        module: An encoder, a classifier, or any other module; it stays as it is.
    """
    copies: dict[int, Any] = {}
    copy: M = _copy(module, copies)
    for owner in copy.modules():
        names: Mapping[str, Sequence[str]] = getattr(owner, "norms_after", {})
        for name, maps in names.items():
            place, _, last = name.rpartition(".")
            norm = owner.get_submodule(name)
            before = [owner.get_submodule(other) for other in maps]
            if (affine := _affine(norm)) and all(_takes(linear, affine[0]) for linear in before):
                for number, linear in enumerate(before):
                    _fold(linear, affine[0], None if number else affine[1])
                owner.get_submodule(place)._modules[last] = nn.Identity()
        beside: Mapping[str, Sequence[str | None]] = getattr(owner, "norms_beside", {})
        for name, parts in beside.items():
            _fold_beside(owner, name, parts)
    return copy


class PartAffine(nn.Module):
    """What is left of a norm: it scales some channels of its input and adds to them, in place.

    Args:
        first: The first of those channels.
        scale: Their factors.
        shift: What is added.

    Shapes:
        - **input:** ``[N, C, ...]``
        - **output:** the same
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, first: int, scale: Tensor, shift: Tensor) -> None:
        super().__init__()
        self.first = first
        self.register_buffer("scale", scale)
        self.register_buffer("shift", shift)

    def forward(self, input: Tensor) -> Tensor:
        """Changes the channels."""
        shape = [-1, *(1 for _ in input.shape[2:])]
        part = input.narrow(1, self.first, len(self.scale))
        part.mul_(self.scale.view(shape)).add_(self.shift.view(shape))
        return input

    def __repr__(self) -> str:
        last = self.first + len(self.scale) - 1
        return f"{type(self).__name__}(channels {self.first} to {last})"


def in_pieces(encode: Encode) -> Encode:
    """Makes a method that encodes tracks do so a few tracks at a time, in the inference form.

    Between the layers nothing then leaves the cache of a CPU, where a large batch would be written
    to memory and read again by every operator. On other devices, in graphs and with gradients all
    tracks are encoded at once.

    Args:
        encode: ``encode(self, pos, ...)``, of an encoder, from tracks ``[P, V, T, C]`` and further
            tensors of tracks ``[P, ...]`` to features ``[P, V, T', D]``.
    """

    @wraps(encode)
    def encoded(self: Any, pos: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        whole = not readable(pos) or pos.dim() != 4
        whole = whole or (torch.is_grad_enabled() and pos.requires_grad)
        if whole or not getattr(self, "without_training", False):
            return encode(self, pos, *args, **kwargs)
        bytes_each = pos[:1, :, :, 0].numel() // self.frames_per_token * self.out_channels
        budget = AT_ONCE * torch.get_num_threads()
        step = max(budget // max(bytes_each * pos.element_size(), 1), 1)
        out: Tensor | None = None
        for first in range(0, max(len(pos), 1), step):
            part = slice(first, first + step)
            own = [x[part] if isinstance(x, Tensor) else x for x in args]
            named = {k: x[part] if isinstance(x, Tensor) else x for k, x in kwargs.items()}
            features = encode(self, pos[part], *own, **named)
            if len(pos) <= step:
                return features
            if out is None:
                out = features.new_empty(len(pos), *features.shape[1:])
            out[part] = features
        assert out is not None
        return out

    return cast(Encode, encoded)


def _copy(module: Any, copies: dict[int, Any]) -> Any:
    """A copy of a module and all in it, in evaluation mode, with weights that are constants.

    Unlike ``copy.deepcopy`` it takes any module: what is no weight, buffer or module is shared.
    """
    if id(module) in copies:
        return copies[id(module)]
    if isinstance(module, torch.jit.ScriptModule):  # cannot be taken apart
        return module
    copy = copies[id(module)] = object.__new__(type(module))
    copy.__dict__ = dict(module.__dict__) | {"training": False, "without_training": True}
    for kind in ("_parameters", "_buffers"):
        copy.__dict__[kind] = own = dict(module.__dict__[kind])
        for name, value in own.items():
            if value is not None and id(value) not in copies:
                new = value.detach().clone()
                is_weight = isinstance(value, nn.Parameter)
                copies[id(value)] = nn.Parameter(new, requires_grad=False) if is_weight else new
            own[name] = None if value is None else copies[id(value)]
    copy.__dict__["_modules"] = {
        name: None if child is None else _copy(child, copies)
        for name, child in module._modules.items()
    }
    return copy


def _affine(norm: nn.Module) -> tuple[Tensor, Tensor] | None:
    """What a norm multiplies channels with, and what it adds then; None: it depends on the input"""
    if norm._forward_hooks or norm._forward_pre_hooks:
        return None
    if type(norm) is LayerScale:
        return norm.gamma, torch.zeros_like(norm.gamma)
    if not isinstance(norm, _BatchNorm) or norm.running_mean is None or norm.running_var is None:
        return None
    scale = (norm.running_var + norm.eps).rsqrt()
    scale = scale if norm.weight is None else scale * norm.weight
    shift = -norm.running_mean * scale
    return scale, shift if norm.bias is None else shift + norm.bias


def _fold_beside(owner: nn.Module, name: str, parts: Sequence[str | None]) -> None:
    """Makes a norm part of the maps that lie side by side before it, but for one that is no map."""
    if (affine := _affine(owner.get_submodule(name))) is None:
        return
    scale, shift = (values.chunk(len(parts)) for values in affine)
    maps = [None if part is None else owner.get_submodule(part) for part in parts]
    if all(linear is None or _takes(linear, own) for linear, own in zip(maps, scale, strict=True)):
        for linear, factor, own in zip(maps, scale, shift, strict=True):
            if linear is not None:
                _fold(linear, factor, own)
        rest = maps.index(None)
        first = rest * len(scale[0])
        owner._modules[name] = PartAffine(first, scale[rest].clone(), shift[rest].clone())


def _weights_of(linear: nn.Module) -> Any:
    """What holds the weight of a map: PyG's graph convolutions have a linear map inside."""
    return getattr(linear, "lin", linear)


def _takes(linear: nn.Module, scale: Tensor) -> bool:
    """Whether a map has a plain weight whose rows are the channels of a norm."""
    if linear._forward_hooks or linear._forward_pre_hooks:
        return False
    weight = _weights_of(linear)._parameters.get("weight")
    wide = isinstance(weight, Tensor) and weight.dtype in (torch.float32, torch.float64)
    return wide and len(weight) == len(scale) and "bias" in linear._parameters


def _fold(linear: nn.Module, scale: Tensor, shift: Tensor | None) -> None:
    """Scales what a map gives and adds to it, by its weight and bias."""
    weight = _weights_of(linear).weight
    weight.mul_(scale.view(-1, *(1 for _ in weight.shape[1:])))
    bias = linear._parameters["bias"]
    parts = [part for part in (None if bias is None else bias * scale, shift) if part is not None]
    if parts:
        linear._parameters["bias"] = nn.Parameter(sum(parts[1:], parts[0]), requires_grad=False)
