"""Which columns of a table are which coordinates of which joints."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import takewhile
from typing import NamedTuple, NoReturn

import numpy as np

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.io.column_names import (
    CHANNELS,
    SCORES,
    JointNames,
    readings,
    role,
)
from pyg_skeletonmae.io.npz import Array
from pyg_skeletonmae.skeleton import Skeleton

_IN_SPACE = ("mediapipe33", "hand21")  # whose three numbers are x, y, z; of others, who knows
_XYZ = ("x", "y", "z")
_SHOWN = 8
Fail = Callable[[str, str], NoReturn]
Group = dict[tuple[int, str], list[int]]


@dataclass(frozen=True)
class TableOptions:
    """What a table of landmarks does not say itself.

    Args:
        columns: What columns mean, ``{"bild": "frame", "kopf_h": "nose_x", "nr": "landmark"}``: a
            coordinate, ``frame``, ``time``, ``person`` or ``landmark``. Or a list: the names of all
            columns in their order, or the channels of each joint, ``["x", "y", "score"]``, of a
            table without names.
        ignore: Columns to leave out; ``*`` stands for anything, as in ``world_*``.
        label_column: The column that says what is shown.
        first_index: Whether landmarks are numbered from 0 or 1; None = as the numbers say.
        strict: Refuse columns of which nothing is used.

    Raises:
        ConfigError: A value cannot be.
    """

    columns: Mapping[str, str] | Sequence[str] | None = None
    ignore: Sequence[str] = ()
    label_column: str | None = None
    first_index: int | None = None
    strict: bool = False

    def __post_init__(self) -> None:
        for name in ("columns", "ignore"):
            if isinstance(text := getattr(self, name), str):
                object.__setattr__(self, name, tuple(part.strip() for part in text.split(",")))
        given = self.columns
        items = [*given, *given.values()] if isinstance(given, Mapping) else [*(given or ())]
        if not all(isinstance(item, str) for item in (*items, *self.ignore)):
            raise ConfigError("columns, ignore: expected names of columns, as texts")
        if self.first_index not in (None, 0, 1):
            raise ConfigError(f"first_index={self.first_index}: expected 0 or 1")


NOTHING_SAID = TableOptions()


class Columns(NamedTuple):
    """The columns of a table.

    Args:
        place: The column of each channel, ``[tracks, V, C]``, or ``[1, 1, C]`` of a table with a
            row for each landmark.
        channels: ``x``, ``y``, and if there are such ``z`` and a score, ``[C]``.
        roles: The columns ``frame``, ``time``, ``person``, ``landmark``, ``id`` and ``label``.
        ignored: The names of the others.
        notes: What was understood, in sentences.
    """

    place: Array
    channels: tuple[str, ...]
    roles: Mapping[str, int]
    ignored: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Set:
    """Columns that are all joints of one person."""

    scheme: str
    affix: tuple[str, ...]
    place: Array
    channels: tuple[str, ...]
    first: int = 0
    names: tuple[str, ...] = field(default=())

    def shares(self, other: _Set) -> bool:
        return bool(np.isin(self.place, other.place).any())

    def title(self) -> str:
        return f"{', '.join(self.channels)} from {self.names[0]} ... {self.names[-1]}"


class ColumnFinder:
    """Finds the columns of landmarks, whatever their names are made like.

    A set of columns counts if it holds x and y of *every* joint, and z and a score of all or of
    none: so nothing is ever pieced together. The joint of a column is known by its name, its alias
    or its number. Two sets that both could be meant are an error, unless they differ in a number
    only: ``person0_nose_x``, ``person1_nose_x`` are two persons.

    Args:
        skeleton: The skeleton.
        options: What the table does not say itself.
        fail: Raises the error about the table: what was expected, what was found.
    """

    def __init__(self, skeleton: Skeleton, options: TableOptions, fail: Fail) -> None:
        self.skeleton, self.options, self.fail = skeleton, options, fail
        self.joints = JointNames(skeleton)

    def find(self, names: Sequence[str], unnamed: Sequence[int] = ()) -> Columns:
        """The columns of a table.

        Args:
            names: The names of all columns.
            unnamed: The columns of numbers that the table does not name.
        """
        names, explicit, unnamed = self._renamed(names, unnamed)
        used = [i for i, name in enumerate(names) if not self._is_ignored(name)]
        roles = self._roles(names, used, explicit)
        free = [i for i in used if i not in set(roles.values())]
        if unnamed:
            sets, lead = self._in_turn(names, [i for i in unnamed if i in free])
            roles = lead | roles
        else:
            sets = self._sets(names, free, long=bool({"landmark", "id"} & roles.keys()))
        if sets[0].scheme != "bare":
            roles.pop("landmark", None)
        elif "landmark" not in roles:
            roles["landmark"] = roles.pop("id")
        place = np.stack([one.place for one in sets])
        taken = {*place.flat, *roles.values()}
        ignored = tuple(name for i, name in enumerate(names) if i not in taken)
        if self.options.strict and (more := [n for n in ignored if not self._is_ignored(n)]):
            self.fail("no other columns (strict=True), or ignore=", _few(more))
        notes = [sets[0].title()]
        notes += [f"{len(sets)} persons beside each other"] if len(sets) > 1 else []
        notes += ["landmarks numbered from 1"] if sets[0].first else []
        notes += ["no names of columns: joints in their order"] if unnamed else []
        return Columns(place, sets[0].channels, roles, ignored, tuple(notes))

    # What the caller says ---------------------------------------------------------------------

    def _renamed(
        self, names: Sequence[str], unnamed: Sequence[int]
    ) -> tuple[list[str], set[int], Sequence[int]]:
        """The names as they are meant, which of them the caller gave, and what is unnamed still."""
        given, meant = self.options.columns, list(names)
        if isinstance(given, Mapping):
            for column, meaning in given.items():
                if column not in names:
                    self.fail(f"the column {column!r:.60} of columns=", _few(names))
                if role(meaning) is None and not any(readings(meaning, self.joints)):
                    expected = "<joint>_x, frame, time, person or landmark in columns="
                    self.fail(expected, f"{meaning!r:.60}")
                meant[names.index(column)] = meaning
            explicit = {i for i, name in enumerate(names) if name in given}
            return meant, explicit, [i for i in unnamed if i not in explicit]
        if given is not None and len(given) == len(names):
            return list(given), set(range(len(names))), ()
        if given is not None and not unnamed:
            self.fail(f"{len(given)} columns as columns= names", f"{len(names)}")
        return meant, set(), unnamed

    def _is_ignored(self, name: str) -> bool:
        return any(fnmatchcase(name.lower(), form.lower()) for form in self.options.ignore)

    def _roles(self, names: list[str], used: list[int], explicit: set[int]) -> dict[str, int]:
        roles: dict[str, int] = {}
        label = self.options.label_column
        if label is not None:
            same = [i for i, name in enumerate(names) if name.lower() == label.lower()]
            if len(same) != 1:
                self.fail(f"the column {label!r:.60} of label_column= once", _few(names))
            roles["label"] = same[0]
        columns: dict[str, list[int]] = {}
        for i in used:
            what = role(names[i])
            if what is not None and i != roles.get("label"):
                columns.setdefault(what, []).append(i)
        for what, places in columns.items():
            places = [i for i in places if i in explicit] or places
            if what == "landmark":
                places = [i for i in places if "name" in names[i].lower()] or places
            if what == "time" or len(places) == 1:
                roles[what] = places[0]
            elif what != "id":
                both = " and ".join(repr(names[i]) for i in places[:2])
                self.fail(f"one column that is the {what} (ignore= leaves others out)", both)
        return roles

    # What the names say -----------------------------------------------------------------------

    def _sets(self, names: list[str], free: list[int], long: bool) -> list[_Set]:
        """The columns of each person, or with ``long`` of any landmark."""
        groups: dict[tuple[str, tuple[str, ...]], Group] = {}
        for i in free:
            for scheme, affix, joint, channel in readings(names[i], self.joints):
                group = groups.setdefault((scheme, affix), {})
                group.setdefault((joint, channel), []).append(i)
        whole, lacks = [], []
        for (scheme, affix), group in groups.items():
            lack = self._lack(scheme, group)
            if lack is None:
                whole.append(self._whole(scheme, affix, group, names))
            elif scheme != "bare":
                lacks.append((len(group), lack))
        named = [one for one in whole if one.scheme == "name"]
        whole = [o for o in whole if o in named or not any(map(o.shares, named))]
        whole = [one for one in whole if one.scheme != "bare"] or whole * long
        if not whole:
            best = max(lacks, default=(0, ""))[1]
            self.fail(
                best or f"columns as {self.skeleton.joints[0]}_x, or x0 (columns=)", _few(names)
            )
        return self._persons(whole)

    def _lack(self, scheme: str, group: Group) -> str | None:
        """Why columns are not all joints of a person; None if they are."""
        joints, size = {joint for joint, _ in group}, self.skeleton.num_joints
        channels = {channel for _, channel in group}
        if scheme == "bare":
            return None if {"x", "y"} <= channels else "x and y"
        first = self._first(scheme, joints)
        if scheme != "name" and not joints <= set(range(first, first + size)):
            return (
                f"columns for the {size} landmarks of {self.skeleton.name} (give another skeleton, "
                f"or first_index=), not for {len(joints)} from {min(joints)} to {max(joints)}"
            )
        needed = [c for c in (*_XYZ, *SCORES) if c in channels or c in ("x", "y")]
        for joint, name in enumerate(self.skeleton.joints, first):
            for channel in needed:
                if (joint, channel) not in group:
                    return f"a column for {channel} of {name!r} (or columns=, or another skeleton)"
        return None

    def _whole(self, scheme: str, affix: tuple[str, ...], group: Group, names: list[str]) -> _Set:
        scores = [s for s in SCORES if any(channel == s for _, channel in group)]
        if len(scores) > 1 and scores != ["visibility", "presence"]:
            both = " and ".join(
                names[group[min(j for j, c in group if c == s), s][0]] for s in scores
            )
            self.fail("one score of each landmark (ignore= leaves others out)", f"{both:.80}")
        channels = [c for c in _XYZ if any(channel == c for _, channel in group)] + scores[:1]
        first = self._first(scheme, {joint for joint, _ in group})
        joints = range(first, first + (1 if scheme == "bare" else self.skeleton.num_joints))
        for joint in joints:
            for channel in channels:
                if len(same := group[joint, channel]) > 1:
                    both = f"{names[same[0]]!r:.60} and {names[same[1]]!r:.60}"
                    self.fail("each column once (ignore= leaves others out)", both)
        place = np.array([[group[joint, channel][0] for channel in channels] for joint in joints])
        ends = (names[place[0, 0]], names[place[-1, -1]])
        return _Set(scheme, affix, place, tuple(channels), first, ends)

    def _first(self, scheme: str, joints: Iterable[int]) -> int:
        if scheme in ("name", "bare"):
            return 0
        given = self.options.first_index
        return given if given is not None else int(0 not in joints)

    def _persons(self, whole: list[_Set]) -> list[_Set]:
        """Sets that differ in a number are persons, in its order; others exclude each other."""

        def number(one: _Set) -> list[int]:
            return [int(word) for word in one.affix if word.isdecimal()]

        first = whole[0]
        forms = {(o.scheme, *(re.sub(r"\d+", "#", w) for w in o.affix)) for o in whole}
        if len(whole) > 1 and (len(forms) > 1 or len({one.channels for one in whole}) > 1):
            both = f"{first.title()}, and {whole[1].title()}"
            self.fail("one set of columns (ignore= leaves others out, columns= names them)", both)
        return sorted(whole, key=number)

    # What the number of columns says ------------------------------------------------------------

    def _in_turn(self, names: list[str], unnamed: list[int]) -> tuple[list[_Set], dict[str, int]]:
        """Columns without names, all channels of a joint after those of the one before."""
        size, count = self.skeleton.num_joints, len(unnamed)
        given = self.options.columns
        channels = [] if isinstance(given, Mapping) else [name.lower() for name in given or ()]
        lead = list(takewhile(lambda name: name not in CHANNELS, channels))
        channels = channels[len(lead) :]
        if not channels:
            fits = [(k, n) for n in (0, 1) for k in (2, 3, 4) if k * size + n == count]
            if len(fits) != 1 or (fits[0][0] == 3 and self.skeleton.name not in _IN_SPACE):
                why = "2, 3 or 4 columns for each of" if not fits else "columns= to say which of"
                like = "such as ['x', 'y', 'score']"
                expected = f"{why} the {size} joints of {self.skeleton.name}, {like}"
                self.fail(expected, f"{count} columns without names")
            k, more = fits[0]
            channels, lead = ["x", "y", "z", "visibility"][:k], ["frame"][:more]
        if len(lead) + size * len(channels) != count or not {"x", "y"} <= set(channels):
            expected = (
                f"{len(lead)} + {size} x {len(channels)} columns, as columns= says, with x, y"
            )
            self.fail(expected, f"{count} without names")
        channels = [CHANNELS.get(channel, channel) for channel in channels]
        order = [c for c in (*_XYZ, *SCORES) if c in channels]
        if len(order) < len(channels) or sum(c in SCORES for c in order) > 1:
            self.fail("each channel once in columns=", ", ".join(channels))
        place = np.array(unnamed[len(lead) :]).reshape(size, len(channels))
        place = place[:, [channels.index(channel) for channel in order]]
        ends = (names[place[0, 0]], names[place[-1, -1]])
        roles = {what: unnamed[i] for i, name in enumerate(lead) if (what := role(name))}
        return [_Set("turn", (), place, tuple(order), 0, ends)], roles


def _few(names: Sequence[str]) -> str:
    more = f", ... ({len(names)})" if len(names) > _SHOWN else ""
    return ", ".join(f"{name!r:.40}" for name in names[:_SHOWN]) + more
