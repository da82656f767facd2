"""The cases of the fuzzing: what a seed, a number and a reader's name make, and its outcome."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fuzz.guard import Guard, Watched
from fuzz.seeds import Files
from fuzz.targets import TARGETS, Format, Target, fault, flat

EQUAL, OTHER, REFUSED, FAIL = "equal", "other", "refused", "FAIL"
OUTCOMES = (EQUAL, OTHER, REFUSED, FAIL)
SAME_SHARE = 0.25
_MOST = 4 * 2**20


class Case(NamedTuple):
    """A changed valid input.

    Args:
        seed: Which of the valid inputs it was.
        changes: The names of what was done to it.
        same: Whether it means the same still.
        files: What became of it.
    """

    seed: int
    changes: tuple[str, ...]
    same: bool
    files: Files


class Outcome(NamedTuple):
    """What became of a case: one of :data:`OUTCOMES`, and of a failure what it was."""

    number: int
    kind: str
    what: str = ""


def make_case(target: Target, seeds: list[Files], name: str, seed: int, number: int) -> Case:
    """The case of a number: it depends on nothing else."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode()), number])
    which = int(rng.integers(len(seeds)))
    files = dict(seeds[which])
    same = bool(rng.random() < SAME_SHARE)
    changes = []
    for _ in range(1 if same else int(rng.integers(1, 4))):
        if not same and len(files) > 1 and rng.random() < 0.05:
            changes.append(_change_folder(files, rng))
            continue
        file = str(rng.choice(sorted(files)))
        possible = _format(target, file).same if same else _format(target, file).damage
        change = possible[rng.integers(len(possible))]
        files[file] = change(files[file], rng)[:_MOST]
        changes.append(f"{change.__name__}({file})" if len(files) > 1 else change.__name__)
    return Case(which, tuple(changes), same, files)


def _format(target: Target, file: str) -> Format:
    return target.formats.get(Path(file).suffix) or target.formats[""]


def _change_folder(files: Files, rng: np.random.Generator) -> str:
    """A file is lost, empty, or there under another name, or two change places."""
    first, second = (str(name) for name in rng.choice(sorted(files), 2, replace=False))
    what = int(rng.integers(4))
    if what == 0:
        del files[first]
    elif what == 1:
        files[first] = b""
    elif what == 2:
        files[str(Path(first).with_name(f"x{Path(first).name}"))] = files.pop(first)
    else:
        files[first], files[second] = files[second], files[first]
    return ("lost", "empty", "renamed", "exchanged")[what] + f"({first})"


def write_case(folder: Path, files: Files) -> None:
    """Writes the files into a folder that holds no other file afterwards."""
    for path in folder.rglob("*") if folder.exists() else ():
        if path.is_file() and str(path.relative_to(folder)) not in files:
            path.unlink()
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


class Worker:
    """Runs the cases of one reader, in a process of its own, see :class:`~fuzz.guard.Guard`.

    Args:
        name: The reader.
        seed: The seed of all cases.
        folder: A folder to work in.
    """

    def __init__(self, name: str, seed: int, folder: Path) -> None:
        self.name, self.seed, self.target = name, seed, TARGETS[name]
        self.folder, self.seeds = folder / "case", self.target.seeds()
        self._guard = Guard(folder)
        self._wanted = [self._valid(files) for files in self.seeds]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name}, seed={self.seed})"

    def run(self, numbers: Iterable[int]) -> Iterator[Outcome]:
        """The outcome of each case."""
        for number in numbers:
            case = make_case(self.target, self.seeds, self.name, self.seed, number)
            write_case(self.folder, case.files)
            kind, what = self._judge(case, self._read())
            changes = ", ".join(case.changes) + f" of seed file {case.seed}"
            yield Outcome(number, kind, f"{what} ({changes})" if kind == FAIL else "")

    def _valid(self, files: Files) -> object:
        write_case(self.folder, files)
        self._read()  # what is imported on first use is imported now
        found = self._read()
        kind, what = self._judge(Case(0, (), False, files), found, first=True)
        if kind != OTHER:
            raise AssertionError(f"{self.name}: a valid file: {kind} {what} {found.error}")
        return flat(found.value)

    def _read(self) -> Watched:
        return self._guard.watch(lambda: self.target.read(self.folder))

    def _judge(self, case: Case, found: Watched, first: bool = False) -> tuple[str, str]:
        if found.problems:
            return FAIL, "; ".join(found.problems)
        if found.error is not None:
            refused = isinstance(found.error, self.target.refusals)
            if refused and not case.same and _is_one_line(found.error):
                return REFUSED, ""
            kind = type(found.error).__name__
            return (
                FAIL,
                f"{'refused though the same' if refused and case.same else 'raised'}: "
                f"{kind}: {str(found.error)[:200]!r}",
            )
        if problem := self._problem(found.value):
            return FAIL, problem
        equal = not first and flat(found.value) == self._wanted[case.seed]
        if case.same and not equal:
            return FAIL, "read as something else though the same"
        return (EQUAL if equal else OTHER), ""

    def _problem(self, value: object) -> str | None:
        """What is wrong with what was read, if anything."""
        if (problem := fault(value)) is not None:
            return f"gave {problem}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if self.target.plain is not None and not self.target.plain(self.folder, value):
                return "the plain reader reads something else"
        return None if flat(self._read().value) == flat(value) else "another result when read again"


def _is_one_line(error: Exception) -> bool:
    return "\n" not in str(error) and len(str(error)) < 1000
