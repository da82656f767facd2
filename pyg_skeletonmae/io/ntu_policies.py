"""Which bodies of an NTU recording are persons: the policies of the common pipelines, and none.

Both pipelines close up time: frames that show nobody do not exist, and the blocks of an id stand
one after the other from the id's first frame on, whatever frames they came from. A recording shows
noise bodies, and one person under several ids; the policies remove the former by length and by
shape, and pack ids into two tracks. What they do to odd recordings is kept as it is, because
published numbers rest on it; :func:`all_bodies` keeps everything in its place instead. A recording
that a policy cannot use raises a :class:`~pyg_skeletonmae.errors.DataError` that is the reason
alone, for the list of dropped clips.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.io.npz import Array
from pyg_skeletonmae.io.ntu import NtuClip
from pyg_skeletonmae.io.poses import MAX_NUMBERS
from pyg_skeletonmae.skeleton.layouts import NTU25

MIN_ROWS = 12
WIDE, MAX_WIDE_SHARE = 0.8, 0.69754
CENTRE = 1  # the middle of the spine
_ZEROS = "all coordinates are zero"


class Persons(NamedTuple):
    """The tracks a policy makes, metres.

    Args:
        pos: ``[M, T, V, 3]``, float32.
        valid: Which joints are present, ``[M, T, V]``, bool; zero elsewhere.
        ids: The body ids each track is made of, in the order they were written.
        frames: The frame of each row of ``pos`` among the frames that show anybody (for
            :func:`all_bodies`: among all frames), ``[T]``, int64.
    """

    pos: Array
    valid: Array
    ids: tuple[tuple[int, ...], ...]
    frames: Array


class Track(NamedTuple):
    """The closed-up blocks of one id, with the frame they begin at and how much they move."""

    id: int
    start: int
    joints: Array
    motion: float

    @property
    def end(self) -> int:
        """The frame after the last."""
        return self.start + len(self.joints)


def all_bodies(clip: NtuClip) -> Persons:
    """All bodies as they stand in the file, one track per id; absent frames are not valid.

    Where an id stands twice in a frame the second block counts.

    A body whose rows are all zero is nobody.

    Raises:
        DataError: The recording shows nobody, or so many ids in so many frames that the tracks,
            nearly empty, would hold more than 32 Mi numbers.
    """
    _require_bodies(clip)
    bodies = [body for body in clip.bodies if body.joints.any()]
    if not bodies:
        raise DataError(_ZEROS)
    shape = (len(bodies), clip.num_frames, NTU25.num_joints, 3)
    if math.prod(shape) > MAX_NUMBERS:
        raise DataError(
            f"{len(bodies)} body ids in {clip.num_frames} frames: a track for each would hold more "
            f"than {MAX_NUMBERS} numbers; take policy ctrgcn or pyskl"
        )
    pos, valid = np.zeros(shape, np.float32), np.zeros(shape[:3], bool)
    for number, body in enumerate(bodies):
        pos[number, body.frames], valid[number, body.frames] = body.joints, True
    ids = tuple((body.id,) for body in bodies)
    return Persons(pos, valid, ids, np.arange(clip.num_frames))


def ctrgcn(clip: NtuClip, centre: bool = True) -> Persons:
    """The bodies that the pipeline of CTR-GCN and MAMP keeps, as it places them.

    An id alone is taken as it is. Of several, those of less than 12 rows go, then those that are
    wider than 0.8 of their height in 69.754 % of their frames (but never the last one left); the
    rest is ranked by motion and packed: an id joins the first track if it shares at most one frame
    with the hull of what that track holds (a shared frame is overwritten), else the second by the
    same rule, else it is dropped. Frames in which all is zero are removed if there were several
    ids. One track is left if one id is.

    Faults of the original that are reproduced: the hull of the second track always begins at frame
    0; rows of zeros of a lone id stay and become minus the origin when centred.

    Args:
        clip: The recording.
        centre: Subtract the spine of the first track in the first frame that has one.

    Raises:
        DataError: The recording shows nobody or zeros only, all bodies are too short, or an id
            stands twice in a frame, so that its rows do not fit; the original stops there.
    """
    num_frames, tracks = closed_up(clip)
    several = len(tracks) > 1
    if several:
        tracks = _long_enough(tracks)
        if len(tracks) > 1:
            tracks = _ranked(_without_wide(tracks, keep_last=True))
    pos, ids = _pack(tracks, num_frames, shared_frames=1)
    kept = np.flatnonzero(_sums(pos).sum(0) != 0) if several else np.arange(num_frames)
    pos = pos[:, kept]
    if not pos.any():
        raise DataError(_ZEROS)
    valid = np.ones(pos.shape[:2], bool) if len(pos) == 1 else _sums(pos) != 0
    if centre:
        seen = (pos[0] != 0).any((1, 2))
        pos = pos - pos[0, np.argmax(seen), CENTRE]
        pos[~valid] = 0
    return Persons(pos, _joints(valid), ids, kept)


def pyskl(clip: NtuClip) -> Persons:
    """The bodies that pyskl's converter keeps, as it places them; not centred.

    As :func:`ctrgcn`, except that the wide go even if none is left, that no frame may be shared,
    that one id left gives its rows alone, that empty frames are cut only at the two ends, and that
    the tracks are exchanged if the first frame kept lacks the first and has the second. Values are
    rounded to float16, as pyskl stores them. There are two tracks whenever two ids are left, the
    second possibly empty.

    Raises:
        DataError: The recording shows nobody, or the rules leave no body; the original writes no
            annotation or stops there.
    """
    _, tracks = closed_up(clip)
    if len(tracks) > 1:
        tracks = _long_enough(_ranked(tracks))
        if len(tracks) > 1:
            tracks = _ranked(_without_wide(tracks, keep_last=False))
    ids: tuple[tuple[int, ...], ...] = ((tracks[0].id,),)
    if len(tracks) == 1:
        pos = tracks[0].joints[None]
        frames = tracks[0].start + np.arange(pos.shape[1])
    else:
        pos, ids = _pack(tracks, max(track.end for track in tracks), shared_frames=0)
        frames = np.flatnonzero(np.abs(pos).sum((0, 2, 3)) >= 1e-3)
        if not len(frames):
            raise DataError(_ZEROS)
        frames = np.arange(frames[0], frames[-1] + 1)
        pos = pos[:, frames]
        if _is_empty(pos[0, 0, CENTRE]) and not _is_empty(pos[1, 0, CENTRE]):
            pos, ids = pos[::-1], ids[::-1]
    pos = pos.astype(np.float16).astype(np.float32)
    return Persons(pos, _joints((pos != 0).any((2, 3))), ids, frames)


def closed_up(clip: NtuClip) -> tuple[int, list[Track]]:
    """The number of frames that show anybody, and the tracks of the ids on that time.

    Raises:
        DataError: There is no such frame.
    """
    _require_bodies(clip)
    seen = np.unique(np.concatenate([body.frames for body in clip.bodies]))
    starts = (int(np.searchsorted(seen, body.frames[0])) for body in clip.bodies)
    tracks = [
        Track(body.id, start, body.joints, _motion(body.joints))
        for body, start in zip(clip.bodies, starts, strict=True)
    ]
    return len(seen), tracks


def _require_bodies(clip: NtuClip) -> None:
    if not clip.bodies:
        raise DataError(f"none of the {clip.num_frames} frames shows a body")


def _motion(joints: Array) -> float:
    """Variance over frames and joints, summed over x, y, z: the body's extent is part of it."""
    with np.errstate(over="ignore", invalid="ignore"):  # absurd coordinates rank anyhow
        return float(joints.reshape(-1, 3).var(0).sum())


def _ranked(tracks: list[Track]) -> list[Track]:
    return sorted(tracks, key=lambda track: -track.motion)


def _long_enough(tracks: list[Track]) -> list[Track]:
    kept = [track for track in tracks if len(track.joints) >= MIN_ROWS]
    if not kept:
        raise DataError(f"no body is present in {MIN_ROWS} frames")
    return kept


def _without_wide(tracks: list[Track], keep_last: bool) -> list[Track]:
    """Drops bodies wider than high; the motion of the others is that of their narrow frames."""
    kept: list[Track] = []
    for number, track in enumerate(tracks):
        if keep_last and not kept and number == len(tracks) - 1:
            return [track]
        extent = np.ptp(track.joints, 1)
        wide = extent[:, 0] > WIDE * extent[:, 1]
        if wide.mean() >= MAX_WIDE_SHARE:
            continue
        narrow = _motion(track.joints[~wide]) if wide.any() else track.motion
        kept.append(track._replace(motion=min(track.motion, narrow)))
    if not kept:
        raise DataError("all bodies are wider than high")
    return kept


def _pack(
    tracks: Sequence[Track], num_frames: int, shared_frames: int
) -> tuple[Array, tuple[tuple[int, ...], ...]]:
    """Writes ids into the first of (at most) two tracks that is free where they are."""
    pos = np.zeros((min(len(tracks), 2), num_frames, NTU25.num_joints, 3), np.float32)
    # An empty track is [0, 1) or [0, 0): what the originals start with, and a part of the hull.
    hulls = [(tracks[0].start, tracks[0].start), (0, shared_frames)]
    ids: list[list[int]] = [[] for _ in pos]
    for track in tracks:
        if track.end > num_frames:
            raise DataError(f"body {track.id} stands twice in a frame: more rows than frames")
        for half, (start, end) in enumerate(hulls[: len(pos)]):
            if min(end, track.end) - max(start, track.start) <= shared_frames:
                pos[half, track.start : track.end] = track.joints
                hulls[half] = (min(start, track.start), max(end, track.end))
                ids[half].append(track.id)
                break
    return pos, tuple(tuple(half) for half in ids)


def _sums(pos: Array) -> Array:
    """The sum of each row ``[M, T]``: exactly 0 counts as absent in CTR-GCN."""
    sums: Array = pos.reshape(*pos.shape[:2], -1).sum(-1)
    return sums


def _is_empty(joint: Array) -> bool:
    return bool(np.abs(joint).sum() < 1e-3)


def _joints(rows: Array) -> Array:
    return np.repeat(rows[..., None], NTU25.num_joints, -1)
