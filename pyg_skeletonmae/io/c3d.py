"""C3D: the binary file of marker positions that motion capture systems write.

The parser is ours. ``ezc3d`` 1.7, the library for it, reads sound files well (the tests compare
with it), but of 600 damaged ones two ended the process and nine did not end by themselves, and what
has to be checked before it may be called is most of a reader.
"""

from __future__ import annotations

import math
import struct
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.joint_names import joint_index
from pyg_skeletonmae.io.npz import Array, require_file
from pyg_skeletonmae.io.poses import AS_IS, PoseOptions, PoseTracks, check_size, finish_tracks
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import get_layout

_BLOCK, _KEY = 512, 0x50
_DEC, _MIPS, _PROCESSORS = 85, 86, (84, 85, 86)  # Intel is 84
_TYPES = {-1: "S1", 1: "i1", 2: "i2", 4: "f4"}


class _Header(NamedTuple):
    points: int
    analog: int
    first: int
    last: int
    scale: float
    data: int
    rate: float


def read_c3d(
    path: str | Path, layout: str | Path | Skeleton, options: PoseOptions = AS_IS
) -> PoseTracks:
    """Reads the markers of one recording.

    Coordinates are floats or scaled integers, in the byte order of Intel, DEC or MIPS processors.
    A marker whose residual is below 0 is missing in that frame, and so is one that is not a number.
    Analog channels and events are not read.

    Args:
        path: The file.
        layout: The skeleton. Its joints are found by ``POINT:LABELS`` (or its aliases for them);
            other markers are left out.
        options: ``fps`` stands over the file's rate; ``zeros``.

    Returns:
        ``pos [1, T, V, 3]`` in the unit of the file, which is noted; ``fps`` is ``POINT:RATE``.

    Raises:
        SkeletonFormatError: The file is missing or damaged, is shorter than its header says, or
            lacks a joint.
    """
    path, skeleton = require_file(path, "a C3D file"), get_layout(layout)
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(_BLOCK)
        if len(start) < _BLOCK or start[1] != _KEY or start[0] == 0:
            _fail(path, "the header", "a C3D file", "other bytes")
        file.seek((start[0] - 1) * _BLOCK)
        head = file.read(4)
        if len(head) < 4 or head[3] not in _PROCESSORS:
            _fail(path, "the parameters", f"a processor, one of {_PROCESSORS}", "others")
        processor = head[3]
        section = file.read(max(head[2], 1) * _BLOCK - 4)
        order = ">" if processor == _MIPS else "<"
        points, analog, first, last, _, data, _ = struct.unpack(f"{order}5H4xHH", start[2:20])
        scale, rate = _numbers(start[12:16] + start[20:24], "f4", processor)
        header = _Header(
            points, analog, first, last, scale=float(scale), data=data, rate=float(rate)
        )
        parameters = _parameters(path, section, processor)
        frames = _num_frames(path, header, parameters)
        width = 4 if header.scale < 0 else 2
        row = (4 * points + analog) * width
        place = (data - 1) * _BLOCK
        if not math.isfinite(header.scale) or data < 1 or place + frames * row > size:
            expected = f"{frames} frames of {row} bytes from byte {place}"
            _fail(path, "the file", expected, f"{size} bytes")
        names = _texts(parameters, "LABELS")[:points]
        index = joint_index(path, "POINT:LABELS", names, skeleton)
        check_size(path, (1, frames, 4 * points + analog, 1))
        file.seek(place)
        raw = file.read(frames * row)
    values = _numbers(raw, "f4" if width == 4 else "i2", processor).reshape(frames, -1)
    marks = values[:, : 4 * points].reshape(frames, points, 4)[:, index]
    pos = marks[None, ..., :3].astype(np.float32)
    if width == 2:
        with np.errstate(over="ignore"):  # what overflows is infinite, and refused as such
            pos *= np.float32(header.scale)
    pos[(marks[None, ..., 3] < 0) | np.isnan(pos).any(-1)] = np.nan
    units, left = _texts(parameters, "UNITS"), [n for i, n in enumerate(names) if i not in index]
    notes = [f"in {units[0]}"] if units and units[0] else []
    notes += [f"markers left out: {', '.join(left):.200}"] if left else []
    tracks = finish_tracks(path, pos, None, skeleton, options, notes=notes)
    stated = parameters.get(("POINT", "RATE"), np.zeros(0)).ravel()
    fps = float(stated[0]) if stated.dtype.kind == "f" and stated.size else header.rate
    return replace(tracks, fps=options.fps or (fps if 0 < fps < math.inf else None))


def _numbers(raw: bytes, kind: str, processor: int) -> Array:
    """Numbers of a file as those of this machine."""
    if kind == "f4" and processor == _DEC:  # words exchanged, and an exponent that is 2 larger
        words = np.frombuffer(raw, "<u2").reshape(-1, 2)[:, ::-1]
        return np.asarray(np.ascontiguousarray(words).view("<f4").ravel() / np.float32(4))
    order = ">" if processor == _MIPS else "<"
    return np.frombuffer(raw, f"{order}{kind}").astype(kind)


def _parameters(path: Path, section: bytes, processor: int) -> dict[tuple[str, str], Array]:
    """The parameters by group and name, the first axis fastest in the file and last here."""
    order = ">" if processor == _MIPS else "<"
    groups: dict[int, str] = {}
    parameters: list[tuple[int, str, Array]] = []
    place = 0
    try:
        while True:
            length, number = struct.unpack_from("bb", section, place)
            if length == 0:
                break
            name = section[place + 2 : place + 2 + abs(length)].decode("latin-1").upper()
            place += 2 + abs(length)
            (step,) = struct.unpack_from(f"{order}H", section, place)
            if number < 0:
                groups[-number] = name
            else:
                parameters.append((number, name, _value(section, place + 2, processor)))
            if step == 0:
                break
            if step < 2:
                raise ValueError("a parameter that ends before it begins")
            place += step
    except (struct.error, ValueError, KeyError) as error:
        _fail(path, f"the parameters, byte {place}", "groups and parameters", f"{error}"[:100])
    return {(groups.get(number, ""), name): value for number, name, value in parameters}


def _value(section: bytes, place: int, processor: int) -> Array:
    kind, axes = struct.unpack_from("bB", section, place)
    shape = struct.unpack_from(f"{axes}B", section, place + 2)
    size = math.prod(shape) * abs(kind)
    raw = section[place + 2 + axes : place + 2 + axes + size]
    if kind not in _TYPES or len(raw) != size:
        raise ValueError(f"a parameter of type {kind} and shape {list(shape)}")
    if kind == -1:
        return np.frombuffer(raw, "S1").reshape(shape[::-1])
    return _numbers(raw, _TYPES[kind], processor).reshape(shape[::-1])


def _num_frames(path: Path, header: _Header, parameters: dict[tuple[str, str], Array]) -> int:
    """The number of frames; the header holds 16 bits of it, ``TRIAL`` 32 in two words."""
    first, last = header.first, header.last
    words = [
        parameters.get(("TRIAL", f"ACTUAL_{end}_FIELD"), np.zeros(0)).ravel()
        for end in ("START", "END")
    ]
    if all(word.dtype == np.int16 and len(word) == 2 for word in words):
        first, last = (int(w[0]) % 2**16 + 2**16 * (int(w[1]) % 2**16) for w in words)
    if last < first or not header.points:
        found = f"frames {first} to {last} of {header.points} markers"
        _fail(path, "the header", "frames and markers", found)
    return last - first + 1


def _texts(parameters: dict[tuple[str, str], Array], name: str) -> list[str]:
    """A parameter of the group ``POINT`` and those that go on from it, as texts."""
    texts: list[str] = []
    for more in ("", *map(str, range(2, 20))):
        value = parameters.get(("POINT", name + more))
        if value is None or value.dtype.kind != "S" or not value.ndim or not value.size:
            break
        rows = value.reshape(-1, value.shape[-1])
        texts += [row.tobytes().decode("utf-8", "replace").strip(" \0") for row in rows]
    return texts


def _fail(path: Path, where: str, expected: str, found: str) -> NoReturn:
    raise SkeletonFormatError(path, where, expected, found) from None
