"""One length of a run, in epochs, steps or clips: what is said last replaces the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_LENGTHS = ("max_epochs", "max_steps", "max_clips")


def length_alone(trainer: dict[str, Any]) -> dict[str, Any]:
    """Settings of the trainer with null for the lengths beside one that they name.

    Args:
        trainer: A section ``trainer``. Two lengths in it stay two: the Trainer refuses them.
    """
    if all(trainer.get(name) is None for name in _LENGTHS):
        return trainer
    return {**dict.fromkeys(_LENGTHS), **trainer}


def option_alone(argv: Sequence[str]) -> list[str]:
    """A command line with null for the lengths beside one that its options name."""
    named: dict[str, int] = {}  # and where
    for place, (word, following) in enumerate(zip(argv, [*argv[1:], ""], strict=True)):
        option, equals, value = word.partition("=")
        name = option.removeprefix("--trainer.")
        if option != name and name in _LENGTHS and (value if equals else following) != "null":
            named.setdefault(name, place)
    if not named:
        return list(argv)
    first = min(named.values())
    others = [f"--trainer.{name}=null" for name in _LENGTHS if name not in named]
    return [*argv[:first], *others, *argv[first:]]
