"""What every clip passes on its way into a store, and what is noted about it there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from pyg_skeletonmae.datasets.store.clips import (
    Clip,
    NanPolicy,
    check_nan_policy,
    checked_clip,
    resolve_nan,
    seen_persons,
)
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.skeleton import Skeleton


class Intake:
    """Checks clips one by one and keeps count.

    Args:
        skeleton: The skeleton they must fit.
        class_names: The classes their labels must be among; None = any.
        nan: What to do about NaN, see :func:`~pyg_skeletonmae.datasets.store.clips.resolve_nan`.
        all_tracks: Keep persons who are nowhere, see
            :func:`~pyg_skeletonmae.datasets.store.clips.seen_persons`: where clips come from a
            store, or from a published rule that says which bodies are persons.

    Attributes:
        nan_joints: The joints that were said to be present and had a value that is not finite.
        dropped: ``(name, reason)`` of the clips that were left out.

    Raises:
        ConfigError: There is no such policy.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        class_names: Sequence[str] | None,
        nan: NanPolicy = "error",
        all_tracks: bool = False,
    ) -> None:
        check_nan_policy(nan)
        self.skeleton, self.class_names, self.nan = skeleton, class_names, nan
        self.nan_joints, self.all_tracks = 0, all_tracks
        self.dropped: list[tuple[str, str]] = []

    def checked(self, clips: Iterable[Clip]) -> Iterator[Clip]:
        """The clips that are not left out, as a store keeps them; those without a name get one.

        Raises:
            DataError: As for each clip; or all were left out.
        """
        number = -1
        for number, clip in enumerate(clips):
            kept = self(clip if clip.name else replace(clip, name=f"clip {number}"))
            if kept is not None:
                yield kept
        if self.dropped and len(self.dropped) == number + 1:
            raise DataError(
                f"a store needs at least one clip, but all {number + 1} were dropped for NaN"
            )

    def __call__(self, clip: Clip) -> Clip | None:
        """The clip as a store keeps it, or None if it is left out.

        Raises:
            DataError: It does not fit, or holds NaN and the policy is ``"error"``.
        """
        clip, classes = checked_clip(clip, self.skeleton), self.class_names
        if clip.label is not None and classes is not None and int(clip.label) >= len(classes):
            raise DataError(
                f"{clip.name}: label {clip.label}, but there are {len(classes)} classes, from 0"
            )
        clip = clip if self.all_tracks else seen_persons(clip)
        finite = np.isfinite(np.asarray(clip.pos)).all(-1)
        self.nan_joints += int(np.count_nonzero(np.asarray(clip.valid) & ~finite))
        kept = resolve_nan(clip, self.nan)
        if kept is None:
            self.dropped.append((clip.name, "coordinates that are not finite"))
        return kept

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.skeleton.name}, nan={self.nan}, "
            f"nan_joints={self.nan_joints}, dropped={len(self.dropped)})"
        )
