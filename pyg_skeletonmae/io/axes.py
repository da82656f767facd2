"""The order of the axes of an array of joints: as its owner says, or checked by its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

import numpy as np

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.io.npz import Array

MTVC = "MTVC"
_MEANING = {"M": "persons", "T": "frames", "V": "joints", "C": "coordinates"}
_USUAL = (MTVC, "CTVM", "TMVC", "MCTV", "TCVM")  # what is named first where several orders fit
_COORDINATES = range(2, 5)  # two or three, and a score
_MOST_CHANNELS, _MOST_PERSONS = 16, 6  # beyond these another order is likelier: our choice
_RATIO, _APART, _FASTER = 10, 5, 4
_ALIKE = 0.5  # correlation of poses


def check_axes(axes: str | None) -> None:
    """Raises :class:`ConfigError` unless ``axes`` is None or a permutation of ``"MTVC"``."""
    if axes is not None and (not isinstance(axes, str) or sorted(axes) != sorted(MTVC)):
        raise ConfigError(
            f"axes={axes!r:.60}: expected the order of M (persons), T (frames), V (joints) and C "
            "(coordinates): 'MTVC', 'CTVM', ..."
        )


def reorder(array: Array, axes: str | None, without: str = "") -> Array:
    """An array in the order ``MTVC``; a view.

    Args:
        array: With all axes, or without ``M`` for one person.
        axes: Their order; None = ``"MTVC"``.
        without: Axes it does not have at all: ``"C"`` for scores.
    """
    order = "".join(axis for axis in axes or MTVC if axis not in without)
    if array.ndim == len(order) - 1:
        order = order.replace("M", "")
    if array.ndim != len(order):
        return array  # refused for its shape, in the words of the caller
    return np.transpose(array, _transposition(order))


def transposed_hint(shape: Sequence[int], num_joints: int) -> str:
    """How an array of that shape could be read after all, to be put behind an error; or nothing."""
    for order in _fitting(shape, num_joints):
        return f"; {_advice(order)}"
    if len(shape) == 5:
        return "; five axes are several clips: SkeletonDataset.from_arrays takes them"
    return ""


def check_order(array: Array, num_joints: int, name: str) -> str:
    """Compares the order ``MTVC`` with the numbers, where the shape allows another one.

    The shapes that do are ``[2-3, T, V, 1-3]``, which can be ``CTVM``, the order of ST-GCN; more
    persons than frames, which can be ``TMVC``; as many frames as joints; and more than 16 channels.
    What decides is our choice: a slice of the last axis without a number is a person who is absent,
    no coordinate; slices whose spread differs tenfold, or whose means lie five spreads apart, are
    coordinates (or scores), no persons; frames follow each other more closely than joints. Three
    coordinates are the rule, so that their shape is doubted only where the last axis holds poses
    alike, as those of persons are, and the first axis does not.

    Args:
        array: ``[M, T, V, C]`` or ``[T, V, C]`` as it is said to be.
        num_joints: The joints of its skeleton.
        name: What errors call it.

    Returns:
        A note if the numbers do not decide, else an empty text.

    Raises:
        ConfigError: The numbers are those of the other order; the message names it.
    """
    shape = array.shape
    if array.ndim not in (3, 4) or 0 in shape or shape[-2] != num_joints:
        return ""
    other, reason = _other_order(array, num_joints)
    if reason:
        raise ConfigError(
            f"{name}: shape {list(shape)} is read as {_words(MTVC[-array.ndim :])}, but {reason}; "
            f"{_advice(other)}; or axes='MTVC' to read it as it is"
        )
    if not other:
        return ""
    return (
        f"the shape also fits {_words(other)}: read as {_words(MTVC[-array.ndim :])}; "
        f"axes='MTVC' or axes='{_full(other)}' settles it"
    )


def _other_order(array: Array, num_joints: int) -> tuple[str, str]:
    """The other order that fits, and what in the numbers says that it is the right one."""
    first, last = array.shape[0], array.shape[-1]
    if last > _MOST_CHANNELS:
        orders = list(_fitting(array.shape, num_joints))
        return (orders[0], f"{last} coordinates are none") if orders else ("", "")
    if array.ndim == 4 and first in (2, 3) and last in (1, 2, 3):
        return _persons_last(array)
    if array.ndim == 4 and first > max(array.shape[1], _MOST_PERSONS):
        return "TMVC", ""
    if array.shape[-3] == num_joints:
        values = _numbers(array)
        steps = [np.abs(np.diff(values, axis=axis)) for axis in (-3, -2)]
        steps = [own[~np.isnan(own)] for own in steps]
        frames, joints = (float(own.mean()) if own.size else 0.0 for own in steps)
        if frames > _FASTER * joints > 0:
            order = "MVTC" if array.ndim == 4 else "VTC"
            return order, "its joints would move further in a frame than they are apart"
    return "", ""


def _persons_last(array: Array) -> tuple[str, str]:
    values = _numbers(array)
    empty = np.isnan(values).all((0, 1, 2))
    if values.shape[3] < 3 and empty.any() and not empty.all():  # z may be zero throughout
        return "CTVM", f"slice {int(empty.argmax())} of its last axis is a person who is absent"
    first, last = (_coordinates(np.moveaxis(values, axis, 0)) for axis in (0, 3))
    if first and not last:
        return "CTVM", "the slices of its first axis differ as coordinates do"
    if values.shape[3] == 3:
        alike, other = _likeness(np.moveaxis(values, 3, 0)), _likeness(values)
        return ("CTVM", "") if alike > max(_ALIKE, other + _ALIKE) else ("", "")
    return ("", "") if last and not first else ("CTVM", "")


def _likeness(slices: Array) -> float:
    """How alike the mean poses of slices ``[N, ..., V, .]`` are: their smallest correlation."""
    rows = [row.reshape(-1, *row.shape[-2:]) for row in slices]
    seen = np.all([np.isfinite(row).any(0) for row in rows], 0)  # [V, .]
    poses = [np.nanmean(row[:, seen], 0) for row in rows]
    poses = [pose - pose.mean() for pose in poses] if seen.sum() > 2 else []
    if not all(pose.any() for pose in poses) or not poses:
        return 0.0
    return float(np.corrcoef(poses).min())


def _coordinates(slices: Array) -> bool:
    """Whether slices differ more than those of persons would."""
    rows = [row[~np.isnan(row)] for row in slices.reshape(len(slices), -1)]
    means = np.array([row.mean() for row in rows if row.size])
    spread = np.array([row.std() for row in rows if row.size])
    if len(means) < 2:
        return False
    return bool(spread.max() > _RATIO * spread.min() or np.ptp(means) > _APART * spread.mean())


def _numbers(array: Array) -> Array:
    """As float64, NaN where there is no number or an exact zero, which often means the same."""
    values = np.array(array, np.float64)
    values[~np.isfinite(values) | (values == 0)] = np.nan
    return values


def _fitting(shape: Sequence[int], num_joints: int) -> Iterator[str]:
    """The orders in which a shape has these joints and two to four coordinates, but not MTVC."""
    if len(shape) not in (3, 4):
        return
    orders = dict.fromkeys((*_USUAL, *map("".join, permutations(MTVC))))
    for order in orders:
        own = order if len(shape) == 4 else order.replace("M", "")
        size = dict(zip(own, shape, strict=True))
        if own not in MTVC and size["V"] == num_joints and size["C"] in _COORDINATES:
            yield own


def _advice(order: str) -> str:
    return (
        f"pass axes='{_full(order)}' if it holds {_words(order)} "
        f"(numpy.transpose(x, {_transposition(order)}))"
    )


def _transposition(order: str) -> tuple[int, ...]:
    return tuple(order.index(axis) for axis in MTVC if axis in order)


def _full(order: str) -> str:
    """With the axis of the persons, last where coordinates come first, as in ST-GCN."""
    if "M" in order:
        return order
    return f"{order}M" if order.startswith("C") else f"M{order}"


def _words(order: str) -> str:
    return f"{order} ({', '.join(_MEANING[axis] for axis in order)})"
