"""What makes a skeleton valid: distinct joints, one connected tree, sensible pairs and parts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pyg_skeletonmae.errors import SkeletonError

if TYPE_CHECKING:
    from pyg_skeletonmae.skeleton import Skeleton

MAX_JOINTS = 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def check_skeleton(skeleton: Skeleton) -> None:
    """Raises :class:`SkeletonError` naming the joint at fault; returns nothing if all is well."""
    if not isinstance(skeleton.name, str) or not _NAME.fullmatch(skeleton.name):
        raise SkeletonError(
            f"name {skeleton.name!r}: expected a text of letters, digits, '_', '-' and '.'"
        )
    try:
        _check_joints(skeleton)
        _check_tree(skeleton)
        _check_pairs(skeleton)
        _check_parts(skeleton)
    except SkeletonError as error:
        raise SkeletonError(f"{skeleton.name}: {error}") from None


def _check_joints(skeleton: Skeleton) -> None:
    if not skeleton.joints:
        raise SkeletonError("joints: a skeleton needs at least one joint")
    for joint in skeleton.joints:
        if not isinstance(joint, str) or not joint:
            raise SkeletonError(f"joint {joint!r} is no text; quote words such as 'on' and 'yes'")
    if len(skeleton.joints) > MAX_JOINTS:
        raise SkeletonError(
            f"{len(skeleton.joints)} joints, more than {MAX_JOINTS}; the first is {skeleton.joints[0]!r}"
        )
    _no_repeat("joint", skeleton.joints)
    _known(skeleton, "root", [skeleton.root])
    if skeleton.center is not None:
        _known(skeleton, "center", [skeleton.center])
    _known(skeleton, "aliases", skeleton.aliases.values())
    for alias in skeleton.aliases:
        if alias in skeleton.joints:
            raise SkeletonError(f"alias {alias!r} is the name of a joint")


def _check_tree(skeleton: Skeleton) -> None:
    for bone in skeleton.bones:
        _check_pair(skeleton, "bone", bone)
    parent_of: dict[str, str] = {}
    for child, parent in skeleton.bones:
        if child in parent_of:
            raise SkeletonError(
                f"joint {child!r} has two parents, {parent_of[child]!r} and {parent!r}"
                if parent_of[child] != parent
                else f"the bone from {child!r} to {parent!r} stands twice"
            )
        parent_of[child] = parent
    if skeleton.root in parent_of:
        raise SkeletonError(
            f"root {skeleton.root!r} has a parent, {parent_of[skeleton.root]!r}: the bones hold a cycle"
        )
    for joint in skeleton.joints:
        _check_path_to_root(joint, parent_of, skeleton.root)


def _check_path_to_root(joint: str, parent_of: dict[str, str], root: str) -> None:
    seen = [joint]
    while seen[-1] != root:
        parent = parent_of.get(seen[-1])
        if parent is None:
            raise SkeletonError(
                f"joint {seen[-1]!r} has no parent and is not the root {root!r}: not connected"
            )
        if parent in seen:
            cycle = " -> ".join([*seen[seen.index(parent) :], parent])
            raise SkeletonError(f"joint {joint!r} is not connected to the root: cycle {cycle}")
        seen.append(parent)


def _check_pairs(skeleton: Skeleton) -> None:
    for pair in skeleton.left_right:
        _check_pair(skeleton, "left_right pair", pair)
    _no_repeat("left_right joint", [joint for pair in skeleton.left_right for joint in pair])
    edges = Counter(frozenset(bone) for bone in skeleton.bones)
    for pair in skeleton.extra_edges:
        _check_pair(skeleton, "extra edge", pair)
        edges[frozenset(pair)] += 1
        if edges[frozenset(pair)] > 1:
            raise SkeletonError(f"the extra edge between {pair[0]!r} and {pair[1]!r} exists already")


def _check_parts(skeleton: Skeleton) -> None:
    for part, joints in skeleton.parts.items():
        _known(skeleton, f"part {part!r}", joints)
        if not joints:
            raise SkeletonError(f"part {part!r} has no joints")
    _no_repeat("part joint", [joint for joints in skeleton.parts.values() for joint in joints])


def _check_pair(skeleton: Skeleton, what: str, pair: tuple[str, ...]) -> None:
    if len(pair) != 2:
        raise SkeletonError(f"{what} {list(pair)}: expected two joints, found {len(pair)}")
    _known(skeleton, what, pair)
    if pair[0] == pair[1]:
        raise SkeletonError(f"{what} joins {pair[0]!r} with itself")


def _known(skeleton: Skeleton, what: str, joints: Iterable[object]) -> None:
    for joint in joints:
        if joint not in skeleton.joints:
            raise SkeletonError(f"{what} names an unknown joint {joint!r}")


def _no_repeat(what: str, names: Iterable[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise SkeletonError(f"{what} {name!r} stands {count} times")
