"""What is wrong with a command line or a config file, in one line that names the nearest key."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from pyg_skeletonmae.configurable.arguments import nearest

OPTION = "--allow_class"
_UNKNOWN = re.compile(
    r"unrecognized arguments: --([\w.+-]+)"
    r"|does not accept option '([^']+)'"
    r"|Option '([^']+)' is not accepted"
)
_KEY = re.compile(r"Parser key \"([^\"]+)\"")
_LINKED = re.compile(r"argument (\S+) --> (\S+):")
_CHOICE = re.compile(r"argument (\S+): invalid choice: '([^']+)' \(choose from (.+?)\)")
_NO_FILE = re.compile(r"File does not exist: '([^']+)'")
_NO_CLASS = re.compile(r"Expected a dot import path string: (\S+)")
_DENIED = re.compile(r"Importing '([^']+)' is not allowed")
_KIND = re.compile(r"Expected (?:an? )?(.+?)(?=\. Got value: | - Expected | Given value|$)")
_VALUE = re.compile(
    r"(?:Got value: |Given value: |val=)(.+?)(?=\. Got value: | - Expected | Given value|\)?$)"
)
_NAMES = {
    "<class 'int'>": "a whole number",
    "<class 'float'>": "a number",
    "<class 'bool'>": "true or false",
    "<class 'str'>": "text",
    "<class 'list'>": "a list",
    "<class 'dict'>": "names and values, '{name: value}',",
    "<class 'NoneType'>": "null",
}


def explain(message: str, keys: Iterable[str], classes: Iterable[str] = ()) -> str:
    """Turns a message of the parser into one line: the key, what was expected, the nearest name.

    Args:
        message: What jsonargparse says, over several lines, with its own view of the types.
        keys: All keys there are, dotted.
        classes: The names of the classes that may stand in a ``class_path``.
    """
    text, keys = " ".join(message.split()).removeprefix("Problems parsing config: "), list(keys)
    path = ".init_args.".join(_KEY.findall(text))
    if unknown := _UNKNOWN.search(text):
        name = next(group for group in unknown.groups() if group)
        key = f"{path}.init_args.{name}" if path else name
        return f"{key}: no such key{_nearest_key(key, keys)}"
    if linked := _LINKED.search(text):
        return f"{linked[2]}: is set by {linked[1]}, write it there"
    if choice := _CHOICE.search(text):
        names = re.findall(r"\w+", choice[3])
        expected = f"{choice[1]}: expected one of {', '.join(names)}"
        return f"{expected}, found {choice[2]!r}{nearest(choice[2], names)}"
    if no_file := _NO_FILE.search(text):
        return f"{no_file[1]}: no such file"
    if denied := _DENIED.search(text):
        near = nearest(denied[1].rpartition(".")[2], classes)
        return refusal(denied[1], f"{path}.class_path".lstrip(".")) + near
    if missing := _NO_CLASS.search(text):
        name = missing[1].rstrip(".")
        return f"{path}.class_path: no class {name!r} fits here{nearest(name, classes)}"
    return _wrong_value(text, path) or text


def refusal(name: str, place: str) -> str:
    """What is said where settings name something that is not on the list."""
    return (
        f"{place:.200}: {name!r:.200} is none of the classes that settings may name; "
        f"your own classes: {OPTION} my_package.MyClass"
    )


def _wrong_value(text: str, path: str) -> str | None:
    kinds, value = _KIND.findall(text), _VALUE.search(text)
    if not path or not kinds or value is None:
        return None
    found = value[1].strip("'\"")
    choices = {k: re.findall(r"'([^']+)'", k) if "Literal[" in k else [] for k in kinds}
    names = (f"one of {', '.join(c)}" if c else _NAMES.get(k, k) for k, c in choices.items())
    near = nearest(found, [choice for several in choices.values() for choice in several])
    return f"{path}: expected {' or '.join(dict.fromkeys(names))}, found {found!r}{near}"


def _nearest_key(key: str, keys: list[str]) -> str:
    """The nearest key: first by its last part among its siblings, then by the whole of it."""
    if key in keys:  # the parser knows it, but not as an option
        return "; it is no option: write its value alone, see --help"
    parent, _, name = key.rpartition(".")
    siblings = [known.rpartition(".")[2] for known in keys if known.rpartition(".")[0] == parent]
    near = difflib.get_close_matches(name, siblings, n=1)
    near = near or [sibling for sibling in siblings if name.startswith(f"{sibling}_")][:1]
    if near:
        return f"; did you mean {f'{parent}.' if parent else ''}{near[0]}?"
    return nearest(key, keys)
