"""Labels as people give them: numbers from 0, or the names of classes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.files.names import nfc

LABELS_PER_CLIP, FEW_LABELS = 10, 100
_TAKEN = ("subject", "label", "name", "valid", "pos", "store")


def max_label(num_clips: int) -> int:
    """The largest label that so many clips may have where nothing says how many classes there are.

    Ten times their number, or 100, so that a few clips of a large set will do: our choice.
    """
    return max(LABELS_PER_CLIP * num_clips, FEW_LABELS)


def check_labels(labels: Sequence[int], largest: int | None = None) -> None:
    """Raises :class:`DataError` if labels are too large to be those of classes.

    Args:
        labels: The label of each clip that has one.
        largest: The largest there may be; None = :func:`max_label`.
    """
    most = max_label(len(labels)) if largest is None else largest
    if labels and max(labels) > most:
        raise DataError(
            f"label {max(labels)}: labels are numbers of classes from 0, and there are only "
            f"{len(labels)} clips; pass class_names, or the labels as text"
        )


def named_labels(
    labels: Iterable[object], class_names: Sequence[str] | None = None
) -> tuple[list[int], list[str]]:
    """Labels that are names, as numbers, and the names of the classes.

    Args:
        labels: The name of each clip's class.
        class_names: The classes in their order; None = sorted, numbers by value.

    Raises:
        DataError: A label is no name, or none of ``class_names``.
    """
    names = []
    for number, label in enumerate(labels):
        if not isinstance(label, str) or not label.strip():
            raise DataError(f"clip {number}: label {label!r:.60}, but other labels are names")
        names.append(nfc(label))
    if class_names is None:
        digits = all(name.isascii() and name.isdigit() for name in names)
        classes = sorted(set(names), key=lambda name: (int(name) if digits else 0, name))
    else:
        classes = [nfc(name) for name in class_names]
    place = {name: label for label, name in enumerate(classes)}
    for number, name in enumerate(names):
        if name not in place:
            raise DataError(
                f"clip {number}: label {name!r:.60} is no class{nearest(name, classes)}"
            )
    return [place[name] for name in names], classes


def extra_columns(
    columns: Mapping[str, Sequence[float] | Sequence[str] | npt.NDArray[Any] | Tensor],
) -> tuple[dict[str, list[float]], dict[str, list[str]]]:
    """Further columns of clips as plain numbers, and the texts that these number in some columns.

    Raises:
        DataError: A name is taken or no word, or values are neither finite numbers nor texts.
    """
    numbers: dict[str, list[float]] = {}
    texts: dict[str, list[str]] = {}
    for name, values in columns.items():
        if not isinstance(name, str) or not name.isidentifier() or name in _TAKEN:
            raise DataError(f"column {name!r:.60}: expected a word, none of {', '.join(_TAKEN)}")
        if any(isinstance(value, str) for value in values):
            try:
                labels, texts[name] = named_labels(values)
            except DataError as error:
                raise DataError(f"column {name!r}: {error}") from None
            numbers[name] = list(map(float, labels))
            continue
        column = np.asarray(values)
        if column.ndim != 1 or column.dtype.kind not in "iufb" or not np.isfinite(column).all():
            raise DataError(
                f"column {name!r}: expected a finite number or a text for each clip, found "
                f"{column.dtype} of shape {list(column.shape)}"
            )
        numbers[name] = column.tolist()
    return numbers, texts


def nearest(name: object, choices: Iterable[object]) -> str:
    """What may have been meant by an unknown name, to be put behind an error."""
    names = list(dict.fromkeys(str(value) for value in choices))
    if close := difflib.get_close_matches(str(name), names, 1):
        return f"; did you mean {close[0]!r}?"
    return f"; there are {', '.join(names[:20])}{', ...' if len(names) > 20 else ''}"
