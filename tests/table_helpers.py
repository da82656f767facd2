"""Writes tables of landmarks as people have them, and keeps what they say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pyg_skeletonmae.layouts import get_layout
from pyg_skeletonmae.skeleton import Skeleton

DOG = Skeleton.from_parents(
    "dog", ["nose", "neck", "left_front_paw", "right_front_paw", "tailBase"], [-1, 0, 1, 1, 1]
)
Name = Callable[[int, str], str]


def by_name(skeleton: Skeleton, form: str, change: Callable[[str], str] = str) -> Name:
    return lambda joint, axis: form.format(j=change(skeleton.joints[joint]), a=axis)


def by_number(form: str, first: int = 0) -> Name:
    return lambda joint, axis: form.format(j=joint + first, a=axis)


_NUMBERED = by_number("{a}{j}")


@dataclass
class Layout:
    """A layout of a table.

    Args:
        name: What a column is called, by the number of its joint and the channel.
        channels: The channels in their order; all but x, y, z are scores.
        layout: The skeleton.
        shuffle: Columns in any order.
        lead: Further columns in front of the others, from the number of the row.
        trail: Further columns behind.
        frames: The numbers of the frames.
        missing: Frame and joint of landmarks without numbers.
        persons: How many; their rows have the column ``person_id`` if that is not in ``lead``.
        long: The name of the column of landmarks; a row for each.
        landmark: What stands in it.
        header: Whether names stand above.
        separator, mark, end, encoding, quote: How the text is written.
        options: What the reader is told.
    """

    name: Name = _NUMBERED
    channels: Sequence[str] = "xyz"
    layout: str | Skeleton = "mediapipe33"
    shuffle: bool = False
    lead: dict[str, Callable[[int], str]] = field(default_factory=dict)
    trail: dict[str, Callable[[int], str]] = field(default_factory=dict)
    frames: Sequence[int] = (0, 1, 2, 3)
    missing: Sequence[tuple[int, int]] = ()
    persons: int = 1
    person: str = "person_id"
    long: str = ""
    landmark: Callable[[int], str] = str
    header: bool = True
    separator: str = ","
    mark: str = "."
    end: str = "\n"
    encoding: str = "utf-8"
    quote: bool = False
    options: dict[str, object] = field(default_factory=dict)

    def write(self, path: Path) -> tuple[np.ndarray, np.ndarray | None]:
        """Writes the table; returns ``pos [M, T, V, C]`` with NaN, and the scores."""
        joints, rng = get_layout(self.layout).num_joints, np.random.default_rng(3)
        shape = (self.persons, len(self.frames), joints, len(self.channels))
        values = rng.uniform(0.1, 0.9, shape).round(4)
        for frame, joint in self.missing:
            values[:, frame, joint] = np.nan
        rows = list(self._long(values) if self.long else self._wide(values, rng))
        path.write_bytes(self._text(rows).encode(self.encoding))
        return self._expected(values)

    def _wide(self, values: np.ndarray, rng: np.random.Generator):
        columns = [(j, c) for j in range(values.shape[2]) for c in range(len(self.channels))]
        if self.shuffle:
            columns = [columns[i] for i in rng.permutation(len(columns))]
        names = [self.name(joint, self.channels[channel]) for joint, channel in columns]
        several = [self.person] * (self.persons > 1)
        yield [*self.lead, *several, *names, *self.trail]
        row = 0
        for frame in range(len(self.frames)):
            for person in range(self.persons):
                cells = [self._number(values[person, frame, j, c]) for j, c in columns]
                told = [str(person + 4)] * len(several)
                lead, trail = ([f(row) for f in more.values()] for more in (self.lead, self.trail))
                yield [*lead, *told, *cells, *trail]
                row += 1

    def _long(self, values: np.ndarray):
        several = [self.person] * (self.persons > 1)
        yield ["frame", *several, self.long, *self.channels]
        for place, frame in enumerate(self.frames):
            for person in range(self.persons):
                for joint in range(values.shape[2]):
                    cells = [self._number(value) for value in values[person, place, joint]]
                    told = [str(person + 4)] * len(several)
                    yield [str(frame), *told, self.landmark(joint), *cells]

    def _number(self, value: float) -> str:
        return "" if np.isnan(value) else f"{value:.4f}".replace(".", self.mark)

    def _text(self, rows: list[list[str]]) -> str:
        rows = [[f'"{cell}"' for cell in row] if self.quote else row for row in rows]
        return "".join(self.separator.join(row) + self.end for row in rows[not self.header :])

    def _expected(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        whole = np.full(
            (len(values), max(self.frames) - min(self.frames) + 1, *values.shape[2:]), np.nan
        )
        whole[:, np.array(self.frames) - min(self.frames)] = values
        order = [list(self.channels).index(axis) for axis in "xyz" if axis in self.channels]
        score = [i for i, channel in enumerate(self.channels) if channel not in ("x", "y", "z")]
        return whole[..., order], whole[..., score[0]] if score else None
