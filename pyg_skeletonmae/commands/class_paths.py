"""The classes that settings may name; while settings are read, nothing else is imported by name.

The parser of the command line imports what a ``class_path`` names in order to look at it, and calls
it in the end. Its own list of what may be imported is therefore closed, but for the classes of
:data:`~pyg_skeletonmae.models.from_config.CLASSES` and those that the person at the command line
names.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from jsonargparse import Namespace, set_parsing_settings

from pyg_skeletonmae.commands.cli_errors import OPTION, refusal
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models.from_config import CLASSES, check_classes


def allowed_classes(argv: Sequence[str]) -> tuple[list[str], tuple[type, ...]]:
    """Takes ``--allow_class my_package.MyEncoder`` from a command line, before any file is read.

    Returns:
        The other arguments, and the classes, which are imported.

    Raises:
        ConfigError: A name leads to no class of models or of their parts.
    """
    rest, names, arguments = [], [], iter(argv)
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if option == OPTION:
            names.append(value if equals else next(arguments, ""))
        else:
            rest.append(argument)
    return rest, check_classes(map(_imported, names))


def close_imports() -> None:
    """Closes what parsers of this process may import by name, but for the list.

    The library that reads the settings has one such list in a process, so this holds for all users
    of it.
    """
    set_parsing_settings(
        import_path_denylist=["*", *_members(CLASSES)],
        import_path_allowlist=sorted(path for cls in CLASSES for path in _paths(cls)),
        instantiate_subclass_spec_in_any=False,
    )


@contextmanager
def opened_for(classes: Sequence[type]) -> Iterator[None]:
    """Lets settings name these classes as well, for the time being."""
    own = sorted(path for cls in classes for path in _paths(cls))
    set_parsing_settings(import_path_denylist=_members(classes), import_path_allowlist=own)
    try:
        yield
    finally:
        set_parsing_settings(import_path_denylist=own)


def check_named(settings: Any, classes: Iterable[type], place: str = "") -> None:
    """Looks at parsed settings once more: what they name are classes, not functions of classes.

    Raises:
        ConfigError: The first that is something else.
    """
    known = {path for cls in (*CLASSES, *classes) for path in _paths(cls)}
    if inspect.isroutine(settings):
        name = settings.__qualname__
        raise ConfigError(f"{place}: expected the name of a class, found the function {name!r}")
    if isinstance(settings, Namespace):
        settings = vars(settings)
    if isinstance(settings, Mapping):
        path = settings.get("class_path")
        if path is not None and path not in known:
            raise ConfigError(refusal(str(path), f"{place}.class_path"))
        for key, value in settings.items():
            check_named(value, classes, f"{place}.{key}".lstrip("."))
    elif isinstance(settings, (list, tuple)):
        for value in settings:
            check_named(value, classes, place)


def _members(classes: Iterable[type]) -> list[str]:
    """What can be reached through classes: a path that is allowed would allow all below it."""
    return [f"{path}.{name}" for cls in classes for path in _paths(cls) for name in dir(cls)]


def _imported(name: str) -> object:
    module, _, attribute = name.rpartition(".")
    if not module or not all(part.isidentifier() for part in name.split(".")):
        raise ConfigError(f"{OPTION} {name!r}: expected my_package.MyClass")
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:  # what a user's own module does when it is imported is its affair
        raise ConfigError(f"{OPTION} {name}: {type(error).__name__}: {error}") from error


def _paths(cls: type) -> set[str]:
    """The names by which a class can be imported from its module and the packages around it."""
    parts = cls.__module__.split(".")
    packages = (".".join(parts[: number + 1]) for number in range(len(parts)))
    return {
        f"{package}.{cls.__qualname__}"
        for package in packages
        if package == cls.__module__
        or getattr(sys.modules.get(package), cls.__qualname__, None) is cls
    }
