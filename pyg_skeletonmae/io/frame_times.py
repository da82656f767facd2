"""From the times of rows to frames and their rate."""

from __future__ import annotations

import re

import numpy as np

from pyg_skeletonmae.io.npz import Array

_UNITS = (  # of a second, by the end of the column's name
    (1e-3, re.compile(r"(^|[^a-z])(ms|msec|milliseconds?)$")),
    (1e-6, re.compile(r"(^|[^a-z])(us|usec|microseconds?)$")),
    (1e-9, re.compile(r"(^|[^a-z])(ns|nsec|nanoseconds?)$")),
    (1.0, re.compile(r"(^|[^a-z])(s|secs?|seconds?)$")),
)
_EVEN, _MOST = 0.1, 1e9


def frames_of_times(
    times: Array, name: str, several: bool
) -> tuple[Array | None, float | None, str]:
    """The frame of each row by its time.

    Times are even if every step is, to a tenth (our choice: what cameras jitter), a multiple of the
    short ones, those below 1.5 of the shortest: then a longer step is frames that are missing.

    Args:
        times: The times, ``[rows]``.
        name: The column, whose name may end in the unit.
        several: Several rows may have the same time.

    Returns:
        The frames from 0 ``[rows]``, None where times tell nothing; the frames per second, None if
        they are not even or their unit is not clear; and what was understood.
    """
    if not np.isfinite(times).all() or (not several and (np.diff(times) <= 0).any()):
        return None, None, f"{name} not used: its times do not grow"
    distinct, rank = np.unique(times, return_inverse=True)
    rank = np.asarray(rank).reshape(-1)
    if len(distinct) < 2:
        return (rank if several else None), None, f"{name} not used: one time only"
    steps = np.diff(distinct)
    short = float(np.median(steps[steps < 1.5 * steps.min()]))
    count = np.rint(steps / short)
    if (np.abs(steps / short - count) > _EVEN).any() or (count < 1).any() or count.sum() > _MOST:
        return rank, None, f"frames in the order of {name}, whose steps are uneven"
    frames = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)[rank]
    # Per second; the unit is that of the name, or the only one with a usual rate.
    step, column = float(steps.sum() / count.sum()), name.lower().rstrip(" )]")
    named = [1 / (step * unit) for unit, form in _UNITS if form.search(column)]
    usual = [1 / (step * unit) for unit in (1.0, 1e-3, 1e-6, 1e-9)]
    rates = named[:1] or [rate for rate in usual if 4 <= rate <= 260]
    rate = float(f"{rates[0]:.4g}") if len(rates) == 1 else None
    return frames, rate, f"frames from {name}" + (", whose unit is not clear" * (rate is None))
