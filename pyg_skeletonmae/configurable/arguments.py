"""Arguments of constructors, looked at before they are used: errors name the one that is meant."""

from __future__ import annotations

import difflib
import inspect
from abc import ABCMeta
from collections.abc import Iterable, Sequence
from functools import cache
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pyg_skeletonmae.errors import ArgumentError

_WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    str: "text",
    NoneType: "None",
    None: "None",
}


class CheckedMeta(ABCMeta):
    """Of classes whose constructors answer to wrong names and types as the command line does."""

    @property
    def __signature__(cls) -> inspect.Signature:
        """What the class takes; Python would otherwise show the signature of ``__call__`` below."""
        if cls.__init__ is object.__init__:  # type: ignore[misc]  # whose own says "anything"
            return inspect.Signature()
        signature = inspect.signature(cls.__init__)  # type: ignore[misc]
        return signature.replace(parameters=list(signature.parameters.values())[1:])

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Checks the arguments, and builds."""
        cls.bind(args, kwargs)
        return super().__call__(*args, **kwargs)

    def bind(cls, args: Sequence[Any], kwargs: dict[str, Any]) -> inspect.BoundArguments:
        """Arguments by their names.

        Raises:
            ArgumentError: One is unknown, missing, given twice, or of another type than annotated.
        """
        signature = cls.__signature__
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            names = list(signature.parameters)
            for name in kwargs:
                if name not in names:
                    message = f"{cls.__name__}: {name}: no such argument{nearest(name, names)}"
                    raise ArgumentError(message) from None
            raise ArgumentError(f"{cls.__name__}: {error}") from None
        hints = _hints(cls)
        for name, value in bound.arguments.items():
            if name in hints and not _fits(value, hints[name]):
                expected, text = _expected(hints[name]), " ".join(repr(value).split())
                raise ArgumentError(
                    f"{cls.__name__}: {name}: expected {expected}, found {text:.60}"
                )
        return bound


def nearest(name: str, names: Iterable[str]) -> str:
    """``"; did you mean this?"``, or nothing where none of the names is near."""
    near = difflib.get_close_matches(name, list(names), n=1)
    return f"; did you mean {near[0]}?" if near else ""


@cache
def _hints(cls: type) -> dict[str, Any]:
    """The types of the parameters of a constructor, but for ``*args`` and ``**kwargs``."""
    try:
        hints = get_type_hints(cls.__init__)  # type: ignore[misc]
    except (NameError, TypeError, AttributeError):  # annotations that only a type checker resolves
        return {}
    parameters = inspect.signature(cls.__init__).parameters  # type: ignore[misc]
    several = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    return {
        name: hint
        for name, hint in hints.items()
        if name in parameters and parameters[name].kind not in several
    }


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type, as far as that can be told; lists pass for tuples."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is Literal:  # which of them is the constructor's to say
        return type(value) in map(type, inner)
    if hint in (int, float):  # those of NumPy as well
        return isinstance(value, Integral if hint is int else Real) and not isinstance(value, bool)
    if origin in (list, tuple, Sequence):
        items = inner[:1] if origin is not tuple or ... in inner else ()
        return isinstance(value, (list, tuple)) and all(
            _fits(one, hint) for hint in items for one in value
        )
    try:
        return isinstance(value, NoneType if hint is None else hint)
    except TypeError:  # a protocol, a callable and the like
        return True


def _expected(hint: Any) -> str:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(map(_expected, inner))
    if origin is Literal:
        return f"one of {', '.join(map(str, inner))}"
    if origin in (list, tuple, Sequence):
        return "a list or tuple"
    return _WORDS.get(hint, getattr(hint, "__name__", str(hint)))
