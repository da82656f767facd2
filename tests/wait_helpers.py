"""Operators that would wait for a device, counted on any machine.

On the device ``meta`` tensors have shapes but no numbers: what runs there is what runs on a GPU,
and whatever would give a number to Python, or make a shape of numbers, is noticed.
"""

from __future__ import annotations

import traceback
from collections import Counter
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

# What gives numbers to Python, or a shape that depends on them.
WAITING = {
    "aten::_local_scalar_dense",
    "aten::equal",
    "aten::is_nonzero",
    "aten::masked_select",
    "aten::nonzero",
    "aten::_unique2",
    "aten::unique_dim",
    "aten::bincount",
}


class Waits(TorchDispatchMode):
    """Counts all operators, and names those that wait, with the line of ours that calls them.

    Args:
        device: Of which device tensors have to be, to count; none: any.
    """

    def __init__(self, device: str | None = None) -> None:
        super().__init__()
        self.device, self.operators = device, 0
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        self.operators += 1
        name = function.name().partition(".")[0]
        tensors = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)]
        here = self.device is None or any(x.device.type == self.device for x in tensors)
        if here and self._waits(name, args, kwargs):
            own = [f for f in traceback.extract_stack() if "/pyg_skeletonmae/" in f.filename]
            where = f"{own[-1].filename}:{own[-1].lineno} {own[-1].line}" if own else "elsewhere"
            self.found[f"{name} {where}"] += 1
        return function(*args, **kwargs)

    def _waits(self, name: str, args: Any, kwargs: Any) -> bool:
        if name in ("aten::index", "aten::index_put", "aten::index_put_"):
            index = [x for x in args[1] if isinstance(x, Tensor)]
            return any(x.dtype in (torch.bool, torch.uint8) for x in index)
        if name == "aten::repeat_interleave":
            return kwargs.get("output_size") is None
        if name in ("aten::_to_copy", "aten::copy_"):
            return not kwargs.get("non_blocking", False) and self._crosses(args, kwargs)
        return name in WAITING

    def _crosses(self, args: Any, kwargs: Any) -> bool:
        """Whether a copy goes from one device to another."""
        if len(args) > 1 and isinstance(args[1], Tensor):
            return bool(args[0].device != args[1].device)
        device = kwargs.get("device")
        return device is not None and torch.device(device) != args[0].device
