"""Random numbers that belong to a clip: a function of its key, not of what was drawn before."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

_DTYPES = {torch.float: np.float32, torch.double: np.float64}
_GOLDEN = -7046029254386353131  # 0x9E3779B97F4A7C15, the increment of SplitMix64
_MIX_1 = -4658895280553007687  # 0xBF58476D1CE4E5B9
_MIX_2 = -7723592293110705685  # 0x94D049BB133111EB


def mix(key: Tensor, value: Tensor | int) -> Tensor:
    """A new 64-bit key from a key and a number: the finaliser of SplitMix64, elementwise.

    Reference: Steele, Lea, Flood, `"Fast Splittable Pseudorandom Number Generators"
    <https://doi.org/10.1145/2660193.2660195>`_ (OOPSLA 2014). Integers wrap around, so the
    result is the same on every device.
    """
    if not torch.compiler.is_compiling():
        return _mix(key, value)
    mixed: Tensor = _mix_in_graph(key, key.new_full((), value) if isinstance(value, int) else value)
    return mixed


def _mix(key: Tensor, value: Tensor | int) -> Tensor:
    if key.is_cpu:  # the same by NumPy, in half to a third of the time and no operator of PyTorch
        number = value if isinstance(value, int) else value.numpy()
        return torch.from_numpy(_mix_array(key.numpy(), number))
    step = (value + 1) * _GOLDEN
    state = key + (step if isinstance(step, Tensor) else _wrap(step))
    state = (state ^ _shift(state, 30)) * _MIX_1
    state = (state ^ _shift(state, 27)) * _MIX_2
    return state ^ _shift(state, 31)


def _mix_array(key: Array, value: Array | int) -> Array:
    number = np.uint64((value + 1) % 2**64) if isinstance(value, int) else value + 1
    with np.errstate(over="ignore"):
        step = np.asarray(number).view(np.uint64) * np.uint64(_GOLDEN % 2**64)
        state = np.asarray(key.view(np.uint64) + step)
        for shift, factor in ((30, _MIX_1), (27, _MIX_2)):
            state ^= state >> np.uint64(shift)
            state *= np.uint64(factor % 2**64)
        state ^= state >> np.uint64(31)
    return state.view(np.int64)


# One operator that graphs do not look into: compiled for a CPU by torch 2.13's inductor, these
# products write past their buffers.
@torch.library.custom_op("pyg_skeletonmae::mix", mutates_args=())
def _mix_in_graph(key: Tensor, value: Tensor) -> Tensor:
    return _mix(key, value)


@_mix_in_graph.register_fake
def _(key: Tensor, value: Tensor) -> Tensor:
    return torch.empty_like(key + value)


def clip_keys(seed: int, epoch: int, clip_id: Tensor) -> Tensor:
    """The keys of clips in one epoch of one run, ``[B]``, long."""
    run = mix(torch.tensor(_wrap(seed), device=clip_id.device), epoch)
    return mix(run, clip_id)


class Draws:
    """Independent uniform and normal numbers for each clip (or track) of a batch.

    A counter-based generator: row ``i`` of every draw depends on ``keys[i]`` and on how many draws
    were made through this object, never on the other rows. The same clip therefore gets the same
    numbers alone, in any batch, on any worker, rank and device, and after a resume.

    Args:
        keys: One 64-bit key per row, ``[B]``, long.
    """

    def __init__(self, keys: Tensor) -> None:
        self.keys = keys
        self._count = 0
        self._array: Array | None = None

    @classmethod
    def from_generator(
        cls, rows: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu"
    ) -> Draws:
        """Keys taken from a :class:`torch.Generator` (default: PyTorch's global one)."""
        source = generator.device if generator is not None else torch.device("cpu")
        keys = torch.randint(2**63 - 1, (rows,), generator=generator, device=source)
        return cls(keys.to(device, non_blocking=True))

    def uniform(self, *shape: int, dtype: torch.dtype = torch.float) -> Tensor:
        """Numbers in [0, 1), ``[B, *shape]``; whatever the dtype, those of float32."""
        size = math.prod(shape)
        if (array := self._uniform_array(size, _DTYPES[dtype])) is not None:
            return torch.from_numpy(array.reshape(len(array), *shape))
        counter = torch.arange(size, device=self.keys.device)
        bits = mix(self._next()[:, None], counter)
        return (_shift(bits, 40).to(dtype) * 2.0**-24).reshape(len(self.keys), *shape)

    def between(self, low: float, high: float, *shape: int) -> Tensor:
        """Numbers in [low, high), float64, ``[B, *shape]``."""
        size, width = math.prod(shape), high - low
        if (array := self._uniform_array(size, np.float64)) is not None:
            return torch.from_numpy((low + width * array).reshape(len(array), *shape))
        return low + width * self.uniform(*shape, dtype=torch.double)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers, float32, ``[B, *shape]`` (Box-Muller, both outputs)."""
        size = math.prod(shape)
        half = (size + 1) // 2
        if (array := self._uniform_array(2 * half, np.float32)) is not None:
            less = torch.from_numpy(-array[:, :half])
            angle = torch.from_numpy(np.float32(2.0 * math.pi) * array[:, half:])
        else:
            first, second = self.uniform(2, half).unbind(1)
            less, angle = -first, 2.0 * torch.pi * second
        radius = torch.sqrt(-2.0 * torch.log1p(less))
        pairs = torch.cat([radius * torch.cos(angle), radius * torch.sin(angle)], dim=1)
        return (pairs if size % 2 == 0 else pairs[:, :size]).reshape(-1, *shape)

    def integers(self, high: Tensor | int, *shape: int) -> Tensor:
        """Whole numbers in [0, high), long, ``[B, *shape]``; ``high`` may be ``[B]``-shaped."""
        if isinstance(high, Tensor) and shape:
            high = high.reshape(-1, *(1 for _ in shape))
        return (self.uniform(*shape, dtype=torch.double) * high).long()

    def split(self, counts: Tensor, rows: int | None = None) -> Draws:
        """Draws for the tracks of each clip: row ``i`` becomes ``counts[i]`` rows of their own.

        Args:
            counts: ``[B]``, long.
            rows: Their sum, where it is known; else a GPU is waited for.
        """
        if (key := self._next_array()) is not None:
            each = counts.numpy()
            clips = np.repeat(np.arange(len(each)), each)
            numbers = np.arange(len(clips)) - (np.cumsum(each) - each)[clips]
            draws = Draws(torch.from_numpy(array := _mix_array(key[clips], numbers)))
            draws._array = array
            return draws
        clip = torch.repeat_interleave(counts, output_size=rows)
        first = torch.cumsum(counts, 0) - counts
        number = torch.arange(len(clip), device=counts.device) - first[clip]
        return Draws(mix(self._next()[clip], number))

    def fork(self) -> Tensor:
        """Fresh keys ``[B]`` for whoever draws after this object."""
        if self._array is not None:
            return torch.from_numpy(_mix_array(self._array, -2))
        return mix(self.keys, -2)

    def _uniform_array(self, size: int, dtype: Any) -> Array | None:
        """Numbers in [0, 1), ``[B, size]``, of NumPy; None: not on this device."""
        if (key := self._next_array()) is None:
            return None
        # The upper 24 bits fill the mantissa exactly: no draw ever rounds up to 1.
        bits = _mix_array(key[:, None], np.arange(size)).view(np.uint64) >> np.uint64(40)
        return np.asarray(bits.astype(dtype) * dtype(2.0**-24))

    def _next_array(self) -> Array | None:
        """The next keys for NumPy, which needs no operators for them; None: not on this device."""
        if not self.keys.is_cpu or torch.compiler.is_compiling():
            return None
        if self._array is None:
            self._array = self.keys.numpy()
        self._count += 1
        return _mix_array(self._array, self._count)

    def _next(self) -> Tensor:
        self._count += 1
        return mix(self.keys, self._count)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(rows={len(self.keys)})"


def _wrap(value: int) -> int:
    """A Python integer as the 64-bit signed one that tensors hold."""
    return (value + 2**63) % 2**64 - 2**63


def _shift(value: Tensor, bits: int) -> Tensor:
    """Logical right shift: torch's shift of a signed integer copies the sign bit."""
    return (value >> bits) & ((1 << (64 - bits)) - 1)
