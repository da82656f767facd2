"""What the files of UI-PRMD are called and where they lie, in its owner's layout."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

MOVEMENTS = (
    "deep squat",
    "hurdle step",
    "inline lunge",
    "side lunge",
    "sit to stand",
    "standing active straight leg raise",
    "standing shoulder abduction",
    "standing shoulder extension",
    "standing shoulder internal-external rotation",
    "standing shoulder scaption",
)
SETS = {True: "Segmented Movements", False: "Incorrect Segmented Movements"}


def recording_name(movement: int, subject: int, repetition: int, correct: bool) -> str:
    """The name of a repetition in the owner's files."""
    return f"m{movement:02}_s{subject:02}_e{repetition:02}{'' if correct else '_inc'}"


def relative_paths(movement: int, subject: int, repetition: int, correct: bool) -> tuple[str, str]:
    """Where the positions and the angles of a repetition lie in the owner's folders (``.txt``)."""
    stem, tail = recording_name(movement, subject, repetition, True), "" if correct else "_inc"
    folder = f"{SETS[correct]}/Kinect"
    return (
        f"{folder}/Positions/{stem}_positions{tail}.txt",
        f"{folder}/Angles/{stem}_angles{tail}.txt",
    )


def all_paths() -> Iterator[str]:
    """Where the files of all repetitions lie in the owner's folders (``.txt``)."""
    numbers = product((True, False), range(1, len(MOVEMENTS) + 1), range(1, 11), range(1, 11))
    for correct, movement, subject, repetition in numbers:
        yield from relative_paths(movement, subject, repetition, correct)
