"""The optional compiled kernels of training on a CPU: built on demand, needed by nothing."""

from __future__ import annotations

import ctypes
import os
import platform
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pyg_skeletonmae.errors import ConfigError

VARIABLE = "SKELETONMAE_KERNELS"
SOURCE = Path(__file__).with_name("kernels.c")
# Which rounds as the C standard asks for, but for products that are added (one rounding), and
# nobody looks at floating point exceptions.
NATIVE = "-mcpu=native" if platform.machine() in ("aarch64", "arm64") else "-march=native"
FLAGS = ["-O3", NATIVE, "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"]
_P, _L, _F, _I = ctypes.c_void_p, ctypes.c_long, ctypes.c_float, ctypes.c_int
_FUNCTIONS = {
    "norm_act": [_P, _P, _L, _L, _L, _P, _P, _F, _F, _F, *[_P] * 6, _I],
    "norm_act_backward": [_P, _P, _P, _P, _L, _L, _L, _P, _P, _F, *[_P] * 5, _I],
    "room_forward": [_L, _L],
    "room_backward": [_L, _L, _L],
}
_chosen: bool | None = None


@contextmanager
def use_kernels(use: bool = True) -> Iterator[None]:
    """Whether training in the block uses the compiled kernels, whatever the environment says.

    Otherwise that is so where ``SKELETONMAE_KERNELS`` is ``1``. A run that goes on ends bit for bit
    the same only if both parts of it say the same.

    Args:
        use: Whether.
    """
    global _chosen
    before, _chosen = _chosen, use
    try:
        yield
    finally:
        _chosen = before


def kernels() -> ctypes.CDLL | None:
    """The compiled kernels, or nothing where they are not asked for or a graph is compiled.

    Raises:
        ConfigError: They are asked for and cannot be built, or the variable is neither 0 nor 1.
    """
    if torch.compiler.is_compiling():  # which makes kernels of its own
        return None
    use = _asked(os.environ.get(VARIABLE, "0")) if _chosen is None else _chosen
    return _library() if use else None


def call(function: Any, arguments: list[Any]) -> None:
    """Calls a kernel with numbers, and with tensors by where their numbers lie."""
    function(*(x.data_ptr() if isinstance(x, Tensor) else x for x in arguments))


@cache
def _asked(value: str) -> bool:
    if value not in ("", "0", "1"):
        raise ConfigError(f"{VARIABLE}={value!r}: expected 1, to use compiled kernels, or 0")
    return value == "1"


@cache
def _library() -> ctypes.CDLL:
    """Compiles the kernels for this very processor, once in a process; about a second.

    The file is gone once it is loaded: nothing is left that another machine, or another version,
    could find.
    """
    compiler = shlex.split(os.environ.get("CC", "cc"))
    advice = f"they are optional: install a C compiler, name one in CC, or unset {VARIABLE}"
    # OpenMP's threads are those of PyTorch, which has loaded them. Apple's compiler has none.
    flags = FLAGS if sys.platform == "darwin" else [*FLAGS, "-fopenmp"]
    with tempfile.TemporaryDirectory(prefix="skeletonmae-") as folder:
        file = Path(folder) / "kernels.so"
        command = [*compiler, *flags, "-shared", "-fPIC", str(SOURCE), "-o", str(file), "-lm"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace")
            if done.returncode:
                reason = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[0]
                raise ConfigError(
                    f"{SOURCE.name} was not compiled by {command[0]}: {reason}; {advice}"
                )
            library = ctypes.CDLL(str(file))
        except OSError as error:
            raise ConfigError(f"compiled kernels by {command[0]}: {error}; {advice}") from None
    for name, arguments in _FUNCTIONS.items():
        function = getattr(library, name)
        function.argtypes, function.restype = arguments, _L if name.startswith("room") else None
    return library
