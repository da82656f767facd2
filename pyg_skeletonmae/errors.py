"""The errors this library raises for input it cannot use, and its warnings of old names."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class SkeletonMAEError(ValueError):
    """Base of every error raised on purpose: one line that says what was wrong and what to do.

    The command line prints it without a traceback and exits with code 2.
    """

    exit_code = 2


class SkeletonError(SkeletonMAEError):
    """A skeleton that is no connected tree of distinct, known joints."""


class DataError(SkeletonMAEError):
    """Clips, labels or splits that do not fit together."""


class ConfigError(SkeletonMAEError):
    """A setting that is unknown, of a wrong type, or does not fit the others."""


class ArgumentError(ConfigError, TypeError):
    """A constructor argument that is unknown, missing, or of a wrong type."""


class CheckpointError(SkeletonMAEError):
    """A checkpoint or release folder that is damaged, hostile, or belongs to another model."""


class NonFiniteError(SkeletonMAEError):
    """A training whose losses, gradients, weights or buffers are no longer finite.

    The command line exits with code 3.
    """

    exit_code = 3


class ProcessError(SkeletonMAEError):
    """Another process of a training has ended or hangs; it is named.

    The command line exits with code 4.
    """

    exit_code = 4


class SkeletonFormatError(SkeletonMAEError):
    """A file that does not have the format it should have.

    Args:
        path: The file.
        where: The place in it: a line, a key, an array, a frame.
        expected: What should stand there.
        found: What stands there.
    """

    def __init__(self, path: str | Path, where: str, expected: str, found: str) -> None:
        super().__init__(f"{path}: {where}: expected {expected}, found {found}")
        self.path, self.where, self.expected, self.found = Path(path), where, expected, found

    def __reduce__(self) -> tuple[type, tuple[str, str, str, str]]:
        return type(self), (str(self.path), self.where, self.expected, self.found)


def check_choice(name: str, value: object, choices: Iterable[object]) -> None:
    """Raises :class:`ConfigError` if the value of an argument is none of its ``choices``."""
    choices = tuple(choices)
    if value not in choices:
        raise ConfigError(f"{name} {value!r}: expected one of {', '.join(map(str, choices))}")


def renamed(function: Callable[P, R], name: str, dropped_in: str) -> Callable[P, R]:
    """A function under the name it had before: a call warns, and names the new one.

    Args:
        function: The function, under its new name.
        name: The old name.
        dropped_in: The version of this library that knows the new name only.
    """
    text = f"{name} is now {function.__name__}; the old name will be dropped in {dropped_in}"

    @functools.wraps(function)
    def _renamed(*args: P.args, **kwargs: P.kwargs) -> R:
        warnings.warn(text, DeprecationWarning, stacklevel=2)
        return function(*args, **kwargs)

    _renamed.__name__ = _renamed.__qualname__ = name
    _renamed.__doc__ = f"The old name of :func:`{function.__name__}`, until version {dropped_in}."
    return _renamed
