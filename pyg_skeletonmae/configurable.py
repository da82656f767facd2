"""Objects that remember how they were built, so that they can be built again from JSON."""

from __future__ import annotations

import inspect
from abc import ABCMeta
from typing import Any

from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.skeleton import Skeleton


class _Recorder(ABCMeta):
    """Records the arguments of a construction, defaults included, before it runs."""

    @property
    def __signature__(cls) -> inspect.Signature:
        """What the class takes; Python would otherwise show the signature of ``__call__`` below."""
        signature = inspect.signature(cls.__init__)  # type: ignore[misc]
        return signature.replace(parameters=list(signature.parameters.values())[1:])

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        bound = cls.__signature__.bind(*args, **kwargs)
        bound.apply_defaults()
        init_args = {name: encode(value) for name, value in bound.arguments.items()}
        instance = super().__call__(*args, **kwargs)
        instance.__dict__["config"] = {"class_path": cls.__name__, "init_args": init_args}
        return instance


class Configurable(metaclass=_Recorder):
    """Base of objects with a :attr:`config`: class and constructor arguments, ready for JSON.

    Arguments must be plain values, skeletons, or configurable themselves; anything else is a
    ``TypeError`` on construction.
    """

    config: dict[str, Any]


def encode(value: Any) -> Any:
    """A constructor argument as JSON."""
    if isinstance(value, Configurable):
        return value.config
    if isinstance(value, Skeleton):
        return {"class_path": "Skeleton", "init_args": value.to_dict()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {str(key): encode(item) for key, item in value.items()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{type(value).__name__} cannot be part of a configuration")


def decode(value: Any, classes: dict[str, type]) -> Any:
    """The inverse of :func:`encode`; only classes in ``classes`` are ever built.

    Raises:
        CheckpointError: A class is not in ``classes``, or does not take the arguments given.
    """
    if isinstance(value, list):
        return [decode(item, classes) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) != {"class_path", "init_args"}:
        return {key: decode(item, classes) for key, item in value.items()}
    name, arguments = value["class_path"], decode(value["init_args"], classes)
    if name == "Skeleton":
        return Skeleton.from_dict(arguments)
    if name not in classes:
        raise CheckpointError(f"unknown class {name!r}; known are {', '.join(sorted(classes))}")
    try:
        return classes[name](**arguments)
    except TypeError as error:
        raise CheckpointError(f"{name}: {error}") from None
