"""What a package of this library shows: its public names, each imported when it is asked for.

Where the names come from stands once, in the package's ``__init__.py``, as imports ``if
TYPE_CHECKING``: editors and type checkers read them as such, and so does :func:`attach`.
"""

from __future__ import annotations

import ast
import inspect
import sys
from importlib import import_module
from types import ModuleType
from typing import Any


def attach(package: str) -> None:
    """Lets a package import its public names when they are asked for, and list only those.

    Args:
        package: Its ``__name__``.

    Raises:
        OSError: It is installed without its sources.
    """
    module = sys.modules[package]
    source = inspect.getsource(module)
    module.__dict__["__origins__"] = {
        name.asname or name.name: statement.module or ""
        for block in ast.parse(source).body
        if isinstance(block, ast.If)
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for name in statement.names
    }
    module.__class__ = _Package


class _Package(ModuleType):
    """A package whose ``__origins__`` say from which module each public name comes."""

    def __getattr__(self, name: str) -> Any:
        origin = self.__dict__["__origins__"].get(name)
        if origin is None:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if origin == self.__name__:  # a package within it
            return import_module(f"{origin}.{name}")
        value = self.__dict__[name] = getattr(import_module(origin), name)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        """Sets an attribute; a module does not take the place of the function of its name.

        Whoever imports ``evaluation.knn`` for the first time, as ``evaluation`` itself does, would
        otherwise put the module where the function ``knn`` is looked for.
        """
        origins = self.__dict__["__origins__"]
        if isinstance(value, ModuleType) and origins.get(name, self.__name__) != self.__name__:
            return
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__.get("__all__", ()), *self.__dict__["__origins__"]})
