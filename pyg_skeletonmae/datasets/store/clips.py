"""One clip on its way into a store: its fields, its checks, and what to do about NaN."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, SupportsIndex, get_args

import numpy as np
import numpy.typing as npt
from torch import Tensor

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.io.axes import transposed_hint
from pyg_skeletonmae.skeleton import Skeleton

Array = npt.NDArray[Any]
# Our choice: 100 km in millimetres. No body is there, and squares of it are far from overflow.
LARGEST = 1e8
NanPolicy = Literal["error", "drop", "interpolate"]


@dataclass(frozen=True)
class Clip:
    """The persons of one recording.

    Args:
        pos: Coordinates and further channels, ``[M, T, V, C]`` or, for one person, ``[T, V, C]``,
            of any floating type.
        label: The class from 0, or None.
        subject: The performer, -1 if unknown.
        name: What errors and splits call the clip.
        valid: Which joints are present, bool, ``[M, T, V]`` or ``[T, V]``; None = all.
        extra: Further numbers of the clip, a column each in the store.
        fps: Its frames per second, None if unknown.
    """

    pos: Array | Tensor
    label: SupportsIndex | None = None
    subject: SupportsIndex = -1
    name: str = ""
    valid: Array | Tensor | None = None
    extra: Mapping[str, float] = field(default_factory=dict)
    fps: float | None = None


class Note(NamedTuple):
    """Beside a clip, what its reader had to decide, for the card of the store.

    Args:
        name: What the recording is called.
        text: A sentence that says nothing about this one recording alone: equal ones are counted.
    """

    name: str
    text: str


class LeftOut(NamedTuple):
    """Instead of a clip, that there is none, for the card of the store.

    Args:
        name: What the clip would be called.
        reason: Why it is left out.
    """

    name: str
    reason: str


def checked_clip(clip: Clip, skeleton: Skeleton) -> Clip:
    """The clip as float32 ``[M, T, V, C]`` and bool ``[M, T, V]`` arrays, its label as an int.

    NaN is left as it is: see :func:`resolve_nan`.

    Args:
        clip: The clip.
        skeleton: The skeleton its joints must fit.

    Raises:
        DataError: The clip does not fit; the message names it.
    """
    pos = plain_array(clip.pos)
    if pos.dtype.kind != "f":
        raise DataError(f"{clip.name}: coordinates must be floating point, found {pos.dtype}")
    if pos.ndim == 3:
        pos = pos[None]
    if pos.ndim != 4:
        raise DataError(f"{clip.name}: expected [M, T, V, C] or [T, V, C], found {list(pos.shape)}")
    persons, frames, joints, channels = pos.shape
    if not persons or not frames or not channels:
        missing = "persons" if not persons else "frames" if not frames else "channels"
        raise DataError(f"{clip.name}: has no {missing}, shape {list(pos.shape)}")
    if joints != skeleton.num_joints:
        raise DataError(
            f"{clip.name}: {joints} joints, but {skeleton.name!r} has {skeleton.num_joints}"
            f"{transposed_hint(np.shape(clip.pos), skeleton.num_joints)}"
        )
    valid = np.ones(pos.shape[:3], bool) if clip.valid is None else _valid(clip, pos.shape[:3])
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes inf and is reported as such
        pos = np.ascontiguousarray(pos, np.float32)
    label = None if clip.label is None else whole_number(clip.label, f"{clip.name}: label")
    if label is not None and label < 0:
        raise DataError(f"{clip.name}: label {label} is negative; classes count from 0")
    subject = whole_number(clip.subject, f"{clip.name}: subject")
    return replace(clip, pos=pos, valid=valid, label=label, subject=subject)


def seen_persons(clip: Clip) -> Clip:
    """A clip of :func:`checked_clip` without the persons who are nowhere.

    A person is nowhere whose joints are all missing, NaN or exactly zero, in all frames: such
    tracks are padding. A clip of nobody stays as it is.
    """
    pos, valid = np.asarray(clip.pos), np.asarray(clip.valid)
    there = valid & ((pos != 0) & ~np.isnan(pos)).any(-1)
    seen = there.any((1, 2))
    return clip if seen.all() or not seen.any() else replace(clip, pos=pos[seen], valid=valid[seen])


def resolve_nan(clip: Clip, nan: NanPolicy) -> Clip | None:
    """Deals with values that are NaN, infinite or absurd in a clip of :func:`checked_clip`.

    Absurd is what is not below 1e8: a marker for "nothing", or damage.

    A joint that ``valid`` says is missing may hold anything: it becomes zero and stays missing.
    Elsewhere ``"error"`` raises, ``"drop"`` gives None, and ``"interpolate"`` fills the joint
    linearly over time from the frames of the same track where it is present (and holds the nearest
    value at the ends): it then counts as present. A joint that is nowhere present in its track
    becomes zero with ``valid`` False.

    Raises:
        DataError: There is such a value and the policy is ``"error"``, or no joint at all is
            present; the message names clip and frame.
    """
    check_nan_policy(nan)
    pos, valid = np.asarray(clip.pos), np.asarray(clip.valid)
    bad = valid & ~(np.abs(pos) < LARGEST).all(-1)  # which NaN is not, either
    if bad.any():
        if nan == "drop":
            return None
        if nan == "error":
            person, frame, joint = (int(i) for i in np.argwhere(bad)[0])
            finite = np.isfinite(pos[person, frame, joint]).all()
            what = f"not below {LARGEST:g}" if finite else "not finite"
            raise DataError(
                f"{clip.name}: frame {frame}, joint {joint}, person {person}: the coordinates are "
                f"{what}; choose nan 'drop' or 'interpolate', or correct the data"
            )
        pos, valid = _interpolate(pos, valid, bad)
    if not valid.any():
        raise DataError(f"{clip.name}: no joint is present in any frame; leave the clip out")
    if not valid.all():
        pos = np.where(valid[..., None], pos, np.float32(0))
    return replace(clip, pos=pos, valid=valid)


def check_nan_policy(nan: str) -> None:
    """Raises :class:`ConfigError` unless ``nan`` is a policy of :func:`resolve_nan`."""
    if nan not in get_args(NanPolicy):
        raise ConfigError(f"nan={nan!r}: expected one of {', '.join(get_args(NanPolicy))}")


def whole_number(value: object, what: str) -> int:
    """The value as an int.

    Raises:
        DataError: It is no integer of 64 bits; ``True`` and ``1.0`` are none either.
    """
    if isinstance(value, Tensor) and value.numel() == 1 and not value.is_floating_point():
        value = value.item()
    if isinstance(value, bool | np.bool_) or not isinstance(value, SupportsIndex):
        raise DataError(f"{what} must be an integer, found {value!r}")
    try:
        number = operator.index(value)
    except TypeError:
        raise DataError(f"{what} must be an integer, found {value!r}") from None
    if abs(number) >= 2**63:
        raise DataError(f"{what} must be an integer of 64 bits, found one of more")
    return number


def _interpolate(pos: Array, valid: Array, bad: Array) -> tuple[Array, Array]:
    pos, valid = pos.copy(), valid.copy()
    frames = np.arange(pos.shape[1])
    for person, joint in np.argwhere(bad.any(1)):
        gap = bad[person, :, joint]
        known = valid[person, :, joint] & ~gap
        if not known.any():
            valid[person, :, joint] = False
            continue
        for channel in range(pos.shape[3]):
            values = pos[person, :, joint, channel]
            values[gap] = np.interp(frames[gap], frames[known], values[known])
    return pos, valid


def _valid(clip: Clip, shape: tuple[int, ...]) -> Array:
    valid = plain_array(clip.valid)
    if valid.ndim == 2:
        valid = valid[None]
    if valid.dtype != np.bool_ or valid.shape != shape:
        raise DataError(
            f"{clip.name}: valid must be bool of shape {list(shape)}, "
            f"found {valid.dtype} of shape {list(valid.shape)}"
        )
    return valid


def plain_array(value: object) -> Array:
    """An array or a tensor as an array; of a type that NumPy knows.

    Raises:
        DataError: It is no array: lists of several lengths, for example.
    """
    if isinstance(value, Tensor):
        value = value.detach().cpu()
        value = value.float() if value.is_floating_point() else value
    try:
        return np.asarray(value)
    except ValueError:
        raise DataError(f"a clip must be an array, found {type(value).__name__}") from None
