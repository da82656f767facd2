"""Objects that remember how they were built, so that they can be built again from JSON."""

from __future__ import annotations

from abc import ABCMeta
from typing import Any

from torch import nn

from pyg_skeletonmae.configurable.arguments import CheckedMeta
from pyg_skeletonmae.errors import ArgumentError, CheckpointError
from pyg_skeletonmae.skeleton import Skeleton


class _Recorder(CheckedMeta):
    """Records the arguments of a construction, defaults included, before it runs."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        bound = cls.bind(args, kwargs)
        bound.apply_defaults()
        arguments = dict(bound.arguments)
        for name, parameter in bound.signature.parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                arguments |= arguments.pop(name)
            elif parameter.kind is parameter.VAR_POSITIONAL and not arguments[name]:
                del arguments[name]
        init_args = {name: encode(value) for name, value in arguments.items()}
        instance = ABCMeta.__call__(cls, *args, **kwargs)  # they are checked already
        instance.__dict__["config"] = {"class_path": cls.__name__, "init_args": init_args}
        return instance


class Configurable(metaclass=_Recorder):
    """Base of objects with a :attr:`config`: class and constructor arguments, ready for JSON.

    Arguments must be plain values, skeletons, or configurable themselves; anything else, an unknown
    name or a wrong type is an :class:`~pyg_skeletonmae.errors.ArgumentError`, which is a
    ``TypeError``, on construction. A module that is not configurable may be one, too, but then the
    whole cannot be built again: it has no release.
    """

    config: dict[str, Any]


def encode(value: Any) -> Any:
    """A constructor argument as JSON; of a module that was not recorded, its class alone.

    Raises:
        ArgumentError: It is nothing that a configuration can hold.
    """
    if isinstance(value, (Configurable, nn.Module)):
        config = getattr(value, "config", None)
        recorded = isinstance(config, dict) and set(config) == {"class_path", "init_args"}
        return config if recorded else {"class_path": type(value).__name__, "init_args": None}
    if isinstance(value, Skeleton):
        return {"class_path": "Skeleton", "init_args": value.to_dict()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {str(key): encode(item) for key, item in value.items()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ArgumentError(f"{type(value).__name__} cannot be part of a configuration")


def unrecorded(config: Any) -> str | None:
    """The first class in a configuration whose arguments were not recorded."""
    if isinstance(config, dict):
        if set(config) == {"class_path", "init_args"} and config["init_args"] is None:
            return str(config["class_path"])
        config = list(config.values())
    if isinstance(config, list):
        return next(filter(None, map(unrecorded, config)), None)
    return None


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
    if not isinstance(name, str):
        raise CheckpointError(f"class_path: expected the name of a class, found {name!r:.60}")
    if not isinstance(arguments, dict):
        raise CheckpointError(f"{name}: init_args: expected arguments, found {arguments!r:.60}")
    if name == "Skeleton":
        return Skeleton.from_dict(arguments)
    if name not in classes:
        raise CheckpointError(
            f"unknown class {name!r:.80}; known are {', '.join(sorted(classes))}; "
            "your own: load_release(..., classes=(YourClass,)) or --allow_class"
        )
    try:
        return classes[name](**arguments)
    except ArgumentError as error:
        raise CheckpointError(str(error)) from None
    except TypeError as error:
        raise CheckpointError(f"{name}: {error}") from None
