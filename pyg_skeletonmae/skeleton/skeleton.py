"""A skeleton: named joints, the bones between them, and everything that follows from the two."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from pyg_skeletonmae.errors import SkeletonError
from pyg_skeletonmae.files.names import nfc
from pyg_skeletonmae.skeleton.checks import (
    check_key,
    check_missing,
    check_skeleton,
    freeze_field,
    thaw_field,
)
from pyg_skeletonmae.skeleton.graph import chains, distances, on_cpu, subtree
from pyg_skeletonmae.skeleton.names import mirror_pairs
from pyg_skeletonmae.skeleton.yaml import read_skeleton_yaml, write_skeleton_yaml

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False, repr=False)
class Skeleton:
    r"""The topology of a body (a hand, an animal): a tree of joints, addressed by name.

    Whatever a method needs to know about the body derives from this one object, so that no index
    is ever written twice. Joint ``i`` of a clip is ``joints[i]``. A skeleton is immutable (its
    lists become tuples, its mappings read-only); two skeletons are equal if all their fields are.

    Args:
        name: A short name, letters, digits, ``_``, ``-`` and ``.`` only.
        joints: The joint names in the order of the data.
        bones: ``(child, parent)`` names, one per joint except the root.
        root: The joint without a parent.
        left_right: ``(left, right)`` pairs of mirrored joints. May be empty; see
            :attr:`mirror_pairs` for what holds then.
        parts: Body part name to its joints; parts are disjoint and may leave joints out. May be
            empty; see :attr:`body_parts` for what holds then.
        center: The joint that clips are centred on (default: the root). NTU RGB+D centres on the
            middle of the spine although its tree hangs from between the shoulders.
        extra_edges: Further pairs that enter the adjacency, while the tree stays a tree.
        aliases: The data owner's joint names to the names used here.

    Raises:
        SkeletonError: The joints and bones are no connected tree, or a name is unknown or repeated.

    Example:
        >>> stick = Skeleton("stick", ("hip", "neck", "head"),
        ...                  (("neck", "hip"), ("head", "neck")), root="hip")
        >>> stick.edge_index.tolist()
        [[1, 0, 2, 1], [0, 1, 1, 2]]
    """

    name: str
    joints: tuple[str, ...]
    bones: Pairs
    root: str
    left_right: Pairs = ()
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    center: str | None = None
    extra_edges: Pairs = ()
    aliases: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [item.name for item in fields(self)]
        frozen = {name: freeze_field(name, getattr(self, name)) for name in names}
        for name, value in frozen.items():
            object.__setattr__(self, name, value)
        check_skeleton(**frozen)

    # Construction ---------------------------------------------------------------------------

    @classmethod
    def from_parents(
        cls, name: str, joints: Sequence[str], parents: Sequence[int], **fields: Any
    ) -> Skeleton:
        """Builds a skeleton from parent indices, -1 for the root (as BVH and npz files do).

        Args:
            name: The skeleton's name.
            joints: The joint names.
            parents: The index of each joint's parent, -1 for the root.
            **fields: Any further field of :class:`Skeleton`; an unknown one is a ``TypeError``.
        """
        joints = tuple(str(joint) for joint in joints)
        parents = [int(parent) for parent in parents]
        if len(parents) != len(joints):
            raise SkeletonError(f"{name}: {len(joints)} joints but {len(parents)} parents")
        roots = [joint for joint, parent in zip(joints, parents, strict=True) if parent == -1]
        if len(roots) != 1:
            raise SkeletonError(f"{name}: exactly one joint needs the parent -1, found {roots}")
        for joint, parent in zip(joints, parents, strict=True):
            if not -1 <= parent < len(joints):
                raise SkeletonError(f"{name}: the parent of {joint!r} is {parent}, out of range")
        bones = tuple(
            (joint, joints[parent])
            for joint, parent in zip(joints, parents, strict=True)
            if parent >= 0
        )
        return cls(name, joints, bones, roots[0], **fields)

    @classmethod
    def from_yaml(cls, path: str | Path) -> Skeleton:
        """Reads a skeleton file.

        Raises:
            SkeletonError: The file is missing, no plain YAML, or describes no valid skeleton; the
                message names the file and the joint, or the key and line.
        """
        content = read_skeleton_yaml(path)
        try:
            return cls(**content)
        except SkeletonError as error:
            raise SkeletonError(f"{path}: {error}") from None

    def to_yaml(self, path: str | Path) -> None:
        """Writes the skeleton to a file that :meth:`from_yaml` reads back as an equal one.

        Raises:
            SkeletonError: The file cannot be written.
        """
        write_skeleton_yaml(self.to_dict(), path)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Skeleton:
        """Builds a skeleton from plain lists and dicts, such as :meth:`to_dict` gives.

        Raises:
            SkeletonError: A key is unknown or missing, or the content is no valid skeleton.
        """
        for key in content:
            check_key(key)
        check_missing(content)
        return cls(**content)

    def to_dict(self) -> dict[str, Any]:
        """The fields as texts, lists and dicts (for JSON, YAML); those left empty are left out."""
        plain = {key.name: thaw_field(getattr(self, key.name)) for key in fields(self)}
        return {key: value for key, value in plain.items() if value or key == "bones"}

    # Derived quantities ---------------------------------------------------------------------

    @property
    def num_joints(self) -> int:
        """The number of joints ``V``."""
        return len(self.joints)

    @property
    def center_joint(self) -> str:
        """The joint that clips are centred on."""
        return self.center or self.root

    def index(self, joint: str) -> int:
        """The index of a joint, by its name or by the data owner's name for it."""
        name = nfc(joint) if isinstance(joint, str) else joint
        name = self.aliases.get(name, name)
        try:
            return self._index[name]
        except KeyError:
            joints = ", ".join(self.joints)
            raise SkeletonError(
                f"{self.name}: unknown joint {joint!r}; known are {joints}"
            ) from None

    @cached_property
    def _index(self) -> dict[str, int]:
        return {joint: i for i, joint in enumerate(self.joints)}

    @cached_property
    @on_cpu
    def bone_index(self) -> Tensor:
        """The bones as ``[2, V - 1]`` (child row, parent row), long."""
        return self._pairs(self.bones)

    @cached_property
    @on_cpu
    def edge_index(self) -> Tensor:
        """Bones and extra edges in both directions, ``[2, E]``, long.

        The two directions of one bone are neighbours: columns ``2b`` and ``2b + 1``.
        """
        pairs = self._pairs(self.bones + self.extra_edges)
        return torch.stack([pairs, pairs.flip(0)], dim=-1).reshape(2, -1)

    @cached_property
    @on_cpu
    def parents(self) -> Tensor:
        """The parent's index of each joint, ``[V]``, -1 at the root."""
        parents = torch.full((self.num_joints,), -1)
        parents[self.bone_index[0]] = self.bone_index[1]
        return parents

    @cached_property
    @on_cpu
    def hops(self) -> Tensor:
        """The number of edges between each two joints, ``[V, V]``, long."""
        return distances(self.edge_index, self.num_joints)

    @cached_property
    def mirror_pairs(self) -> Pairs:
        """``left_right``; where it is empty, the pairs that the joint names tell.

        See :func:`~pyg_skeletonmae.skeleton.names.mirror_pairs`. What is derived is no field: it
        is neither written to files nor compared.
        """
        return self.left_right or mirror_pairs(self.joints)

    @cached_property
    def body_parts(self) -> Mapping[str, tuple[str, ...]]:
        """``parts``; where it is empty, the chains between the branches of the tree.

        A derived part has the name of its joint next to the root, see
        :func:`~pyg_skeletonmae.skeleton.graph.chains`. It is neither written to files nor compared.
        """
        return self.parts or MappingProxyType(chains(self.joints, dict(self.bones)))

    @cached_property
    @on_cpu
    def flip_index(self) -> Tensor:
        """The joint each joint becomes when left and right are exchanged, ``[V]``, long."""
        flip = torch.arange(self.num_joints)
        pairs = self._pairs(self.mirror_pairs)
        flip[pairs[0]], flip[pairs[1]] = pairs[1], pairs[0]
        return flip

    @property
    def part_names(self) -> tuple[str, ...]:
        """The names of the body parts, in their order of definition."""
        return tuple(self.body_parts)

    @cached_property
    @on_cpu
    def part_index(self) -> Tensor:
        """The number of the body part of each joint, ``[V]``, long, -1 for a joint in no part."""
        part_index = torch.full((self.num_joints,), -1)
        for number, joints in enumerate(self.body_parts.values()):
            part_index[[self.index(joint) for joint in joints]] = number
        return part_index

    @on_cpu
    def adjacency(self, self_loops: bool = False) -> Tensor:
        """The symmetric adjacency matrix ``[V, V]``, float, with ones on the diagonal if asked."""
        adjacency = torch.zeros(self.num_joints, self.num_joints)
        adjacency[self.edge_index[0], self.edge_index[1]] = 1.0
        return adjacency + torch.eye(self.num_joints) if self_loops else adjacency

    # Other skeletons ------------------------------------------------------------------------

    def subset(self, joints: Iterable[str], name: str | None = None) -> Skeleton:
        """The skeleton of some of the joints, in this skeleton's order.

        A joint whose parent is left out hangs from its nearest ancestor in the subset. Joints that
        lose all of their ancestors hang from the new root: the first of them nearest to the old
        root.

        Raises:
            SkeletonError: A joint is unknown or none is given.
        """
        names = {self.joints[self.index(joint)] for joint in joints}
        if not names:
            raise SkeletonError(f"{self.name}: a subset needs at least one joint")
        order = [joint for joint in self.joints if joint in names]
        root, bones = subtree(order, dict(self.bones))
        edges = {frozenset(bone) for bone in bones}
        parts = {
            part: tuple(joint for joint in members if joint in names)
            for part, members in self.parts.items()
        }
        return Skeleton(
            name or f"{self.name}-{len(names)}",
            joints=tuple(order),
            bones=tuple(bones),
            root=root,
            left_right=tuple(pair for pair in self.left_right if names.issuperset(pair)),
            parts={part: members for part, members in parts.items() if members},
            center=self.center if self.center in names else None,
            extra_edges=tuple(
                pair
                for pair in self.extra_edges
                if names.issuperset(pair) and frozenset(pair) not in edges
            ),
            aliases={alias: joint for alias, joint in self.aliases.items() if joint in names},
        )

    @on_cpu
    def map_to(self, other: Skeleton) -> Tensor:
        """For each joint of ``other`` the index of the same joint here, ``[other.V]``, -1 = none.

        Joints are the same when their names are, or when one skeleton's ``aliases`` say so. Hence
        ``pos[..., self.map_to(other), :]`` re-orders joints wherever the map holds no -1.
        """
        here = {other.aliases.get(joint, joint): i for joint, i in self._index.items()}
        here.update(self._index)
        there = [
            here.get(joint, here.get(self.aliases.get(joint, joint))) for joint in other.joints
        ]
        return torch.tensor([-1 if i is None else i for i in there])

    def _pairs(self, pairs: Pairs) -> Tensor:
        rows = [[self.index(a), self.index(b)] for a, b in pairs]
        return torch.tensor(rows, dtype=torch.long).reshape(-1, 2).t().contiguous()

    # Identity: the fields alone count, never the cached tensors -----------------------------------

    @cached_property
    def _identity(self) -> tuple[Any, ...]:
        parts, aliases = tuple(self.parts.items()), frozenset(self.aliases.items())
        pairs = (self.bones, self.left_right, self.extra_edges)
        return self.name, self.joints, self.root, self.center, pairs, parts, aliases

    def __eq__(self, other: object) -> bool:
        return self._identity == other._identity if isinstance(other, Skeleton) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._identity)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_dict, (self.to_dict(),)

    def __deepcopy__(self, memo: dict[int, Any]) -> Skeleton:
        return self  # immutable: the copies of a model share its skeleton

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.name}, joints={self.num_joints}, parts={len(self.parts)})"
        )
