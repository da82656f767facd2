"""What makes a skeleton valid: fields of the right type, one connected tree, sensible parts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from pyg_skeletonmae.errors import SkeletonError
from pyg_skeletonmae.files.names import nfc

Pairs = Sequence[tuple[str, str]]

MAX_JOINTS = 1024
MAX_NAME = 100
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


# Fields, one at a time -----------------------------------------------------------------------


def check_key(key: object) -> None:
    """Raises :class:`SkeletonError` with the nearest right key if ``key`` is no field."""
    if not isinstance(key, str) or key not in _FORMS:
        near = get_close_matches(str(key)[:60], _FORMS, n=1, cutoff=0.0)[0]
        raise SkeletonError(f"unknown key {key!r:.60}; did you mean {near!r}?")


def check_missing(keys: Iterable[str]) -> None:
    """Raises :class:`SkeletonError` if a field that every skeleton has is not among ``keys``."""
    for key in ("name", "joints", "bones", "root"):
        if key not in keys:
            raise SkeletonError(
                f"the key {key!r} is missing; a skeleton has name, joints, bones (a list of "
                "[child, parent]) and root, the joint without a parent"
            )


def freeze_field(key: str, value: object) -> Any:
    """The immutable form of a field: tuples for lists, a read-only mapping for a dict.

    Raises:
        SkeletonError: The value has another type than the field.
    """
    return _FORMS[key](f"{key}: ", value)


def thaw_field(value: Any) -> Any:
    """The reverse of :func:`freeze_field`: lists and dicts."""
    if isinstance(value, Mapping):
        return {key: thaw_field(item) for key, item in value.items()}
    return [thaw_field(item) for item in value] if isinstance(value, tuple) else value


def _text(where: str, value: object) -> str:
    if isinstance(value, str):
        return nfc(value)
    hint = {bool: "; quote words such as 'on'", int: "; joints are addressed by name, not by index"}
    raise SkeletonError(f"{where}expected text, found {value!r:.60}{hint.get(type(value), '')}")


def _texts(where: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise SkeletonError(f"{where}expected a list, found {value!r:.60}")
    return tuple(_text(where, item) for item in value)


def _pairs(where: str, value: object) -> tuple[tuple[str, ...], ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise SkeletonError(f"{where}expected a list of pairs, found {value!r:.60}")
    pairs = tuple(_texts(where, pair) for pair in value)
    for pair in pairs:
        if len(pair) != 2:
            raise SkeletonError(
                f"{where}{list(pair)!r:.{MAX_NAME}}: expected two joints, found {len(pair)}"
            )
    return pairs


def _mapping(item: Callable[[str, object], Any]) -> Callable[[str, object], Any]:
    def freeze(where: str, value: object) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise SkeletonError(f"{where}expected a mapping, found {value!r:.60}")
        return MappingProxyType({_text(where, key): item(where, value[key]) for key in value})

    return freeze


_FORMS: dict[str, Callable[[str, object], Any]] = {
    "name": _text,
    "joints": _texts,
    "bones": _pairs,
    "root": _text,
    "left_right": _pairs,
    "parts": _mapping(_texts),
    "center": lambda where, value: None if value is None else _text(where, value),
    "extra_edges": _pairs,
    "aliases": _mapping(_text),
}


# The whole skeleton --------------------------------------------------------------------------


def check_skeleton(
    *,
    name: str,
    joints: Sequence[str],
    bones: Pairs,
    root: str,
    left_right: Pairs,
    parts: Mapping[str, Sequence[str]],
    center: str | None,
    extra_edges: Pairs,
    aliases: Mapping[str, str],
) -> None:
    """Raises :class:`SkeletonError` naming the joint at fault; returns nothing if all is well."""
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise SkeletonError(f"name {name[:MAX_NAME]!r}: expected letters, digits, '_', '-' and '.'")
    try:
        _check_names([*joints, *aliases, *parts], joints)
        _check_joints("root", joints, [root])
        _check_joints("center", joints, [root if center is None else center])
        _check_joints("aliases", joints, aliases.values())
        for alias in aliases.keys() & set(joints):
            raise SkeletonError(f"alias {alias!r} is the name of a joint")
        _check_tree(joints, bones, root)
        _check_pairs("left_right", joints, left_right)
        _no_repeat("left_right joint", [joint for pair in left_right for joint in pair])
        _check_pairs("extra_edges", joints, extra_edges)
        edges = {frozenset(bone) for bone in bones}
        for a, b in extra_edges:
            if frozenset((a, b)) in edges:
                raise SkeletonError(f"the extra edge between {a!r} and {b!r} exists already")
            edges.add(frozenset((a, b)))
        for part, members in parts.items():
            _check_joints(f"part {part!r}", joints, members)
            if not members:
                raise SkeletonError(f"part {part!r} has no joints")
        _no_repeat("part joint", [joint for members in parts.values() for joint in members])
    except SkeletonError as error:
        raise SkeletonError(f"{name}: {error}") from None


def _check_names(names: Iterable[str], joints: Sequence[str]) -> None:
    """The names of joints, aliases and parts are printable; joints are there, and each once."""
    if not joints:
        raise SkeletonError("joints: a skeleton needs at least one joint")
    for name in names:
        if not name.isprintable() or name != name.strip() or not 0 < len(name) <= MAX_NAME:
            raise SkeletonError(
                f"the name {name[:MAX_NAME]!r}: expected 1 to {MAX_NAME} printable characters "
                "without blanks around them"
            )
    if len(joints) > MAX_JOINTS:
        raise SkeletonError(f"{len(joints)} joints, more than {MAX_JOINTS}: {joints[0]!r}, ...")
    _no_repeat("joint", joints)


def _check_tree(joints: Sequence[str], bones: Pairs, root: str) -> None:
    _check_pairs("bones", joints, bones)
    parent_of: dict[str, str] = {}
    for child, parent in bones:
        if parent_of.get(child) == parent:
            raise SkeletonError(f"the bone from {child!r} to {parent!r} stands twice")
        if child in parent_of:
            raise SkeletonError(
                f"joint {child!r} has two parents, {parent_of[child]!r} and {parent!r}"
            )
        parent_of[child] = parent
    if root in parent_of:
        raise SkeletonError(f"root {root!r} has a parent, {parent_of[root]!r}: a cycle")
    connected = {root}
    for joint in joints:
        _check_path(joint, parent_of, connected)


def _check_path(joint: str, parent_of: Mapping[str, str], connected: set[str]) -> None:
    """Follows the parents to a joint known to be connected, and adds the path to ``connected``."""
    path = {joint: None}
    while (here := next(reversed(path))) not in connected:
        parent = parent_of.get(here)
        if parent is None:
            raise SkeletonError(f"joint {here!r} is not connected: it has no parent and is no root")
        if parent in path:
            names = list(path)
            cycle = " -> ".join([*names[names.index(parent) :], parent])
            raise SkeletonError(f"joint {joint!r} is not connected to the root: cycle {cycle:.300}")
        path[parent] = None
    connected.update(path)


def _check_pairs(what: str, joints: Sequence[str], pairs: Pairs) -> None:
    _check_joints(what, joints, (joint for pair in pairs for joint in pair))
    for a, b in pairs:
        if a == b:
            raise SkeletonError(f"{what}: {a!r} is paired with itself")


def _check_joints(what: str, joints: Sequence[str], names: Iterable[str]) -> None:
    """Raises :class:`SkeletonError` if one of the ``names`` is no joint."""
    joint_set = set(joints)
    for name in names:
        if name not in joint_set:
            raise SkeletonError(f"{what}: unknown joint {name!r:.{MAX_NAME}}")


def _no_repeat(what: str, names: Iterable[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise SkeletonError(f"{what} {name!r} stands {count} times")
