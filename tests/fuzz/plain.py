"""Readers in the plainest form, to compare with: what ours accept, these must read the same way.

They check nothing, so they are only given files that our readers have accepted.
"""

from __future__ import annotations

import contextlib
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from pyg_skeletonmae import io

_PICKLED = {
    "_reconstruct", "scalar", "ndarray", "dtype", "_frombuffer", "encode",
}  # fmt: skip


def _lines(path: Path) -> list[str]:
    text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    return text.split("\n") if "\n" in text else text.split("\r")


def ntu(path: Path, clip: io.ntu.NtuClip) -> bool:
    """Line by line, number by number."""
    lines = iter(_lines(path))
    found: dict[int, list[tuple[int, Any]]] = {}
    frames = int(next(lines))
    for frame in range(frames):
        for _ in range(int(next(lines))):
            body = int(next(lines).split()[0])
            fields = [next(lines).split() for _ in range(int(next(lines)))]
            found.setdefault(body, []).append((frame, [[*f[:3], f[11]] for f in fields]))
    if clip.num_frames != frames or [body.id for body in clip.bodies] != list(found):
        return False
    for body in clip.bodies:
        values = np.array([rows for _, rows in found[body.id]], np.float64).astype(np.float32)
        same = np.array_equal(values[..., :3], body.joints)
        if not same or not np.array_equal(values[..., 3], body.state):
            return False
        if [frame for frame, _ in found[body.id]] != body.frames.tolist():
            return False
    return True


def pku(path: Path, pos: np.ndarray[Any, Any]) -> bool:
    """Line by line."""
    rows = [[float(field) for field in line.split()] for line in _lines(path) if line.strip()]
    values = np.array(rows).astype(np.float32).reshape(len(rows), 2, -1, 3)
    return np.array_equal(values.transpose(1, 0, 2, 3), pos)


def pku_labels(path: Path, actions: tuple[io.pku.PkuAction, ...]) -> bool:
    """Line by line."""
    rows = [[float(field) for field in line.split(",")] for line in _lines(path) if line.strip()]
    found = [[float(v) for v in action if v is not None] for action in actions]
    return rows == found


class _Numpy(pickle._Unpickler):
    """Leaves types as they are named: NumPy believes, and may not survive, what changes them."""

    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)

    def _load_build(self) -> None:
        if isinstance(self.stack[-2], np.dtype):
            if self.stack.pop()[1] not in "<|":
                raise pickle.UnpicklingError("another byte order")
        else:
            self.load_build()

    dispatch[pickle.BUILD[0]] = _load_build

    def find_class(self, module: str, name: str) -> Any:
        if name not in _PICKLED and (module, name) not in (("builtins", "bytes"),):
            raise pickle.UnpicklingError(name)
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def pyskl(path: Path, content: io.Pyskl) -> bool:
    """By pickle and NumPy themselves."""
    try:
        with path.open("rb") as file:
            found = _Numpy(file).load()
    except Exception:  # something odd in a key that is not used
        return True
    annotations = found["annotations"] if isinstance(found, dict) else found
    by_name = {a.get("frame_dir", a.get("filename")): a for a in annotations if a is not None}
    return all(
        np.array_equal(clip.keypoint, by_name[clip.name]["keypoint"], equal_nan=True)
        and clip.label == by_name[clip.name].get("label")
        for clip in content.clips
    )


def npz(path: Path, arrays: dict[str, Any]) -> bool:
    """By NumPy itself."""
    found = _load(path)
    return all(found[key].tobytes() == _as(array, found[key]) for key, array in arrays.items())


def _load(path: Path) -> dict[str, Any]:
    """All arrays of numbers. NumPy's own ``load`` looks at the first bytes of the file alone."""
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            with contextlib.suppress(Exception), archive.open(name) as file:  # one nobody reads
                array = np.lib.format.read_array(file, allow_pickle=False)
                arrays[name.removesuffix(".npy")] = array
    return arrays


def _as(array: Any, like: Any) -> bytes:
    """The bytes of an array if it had the byte order of another one."""
    return bytes(array.astype(like.dtype).tobytes()) if array.shape == like.shape else b"no"


def packed(path: Path, value: tuple[io.Packed, Any, list[tuple[Any, Any]]]) -> bool:
    """By NumPy itself."""
    contents, _, clips = value
    file = _load(path)
    joints = file["joints"].astype(np.float64) * float(str(file["scale"]))
    for (pos, _), start, stop in zip(clips, file["offset"], file["offset"][1:], strict=False):
        wanted = joints[start:stop].reshape(pos.shape)
        if not np.allclose(pos, wanted, rtol=1e-6, atol=1e-37, equal_nan=True):
            return False
    return contents.label is None or np.array_equal(file["label"], contents.label)


def xy(path: Path, value: tuple[int, dict[str, Any], list[list[io.xy_npz.XYClip]]]) -> bool:
    """By NumPy itself."""
    for side, clips in zip(("train", "test"), value[2], strict=True):
        file = _load(path)
        with np.errstate(over="ignore"):
            x, y = file[f"x_{side}"].astype(np.float32), file[f"y_{side}"]
        for row, one_hot, clip in zip(x, y, clips, strict=True):
            persons, frames = clip.pos.shape[:2]
            wanted = row.reshape(len(row), 2, -1, 3).transpose(1, 0, 2, 3)
            if not np.array_equal(wanted[:persons, :frames], clip.pos):
                return False
            if wanted[:, frames:].any() or one_hot[clip.label] != 1:
                return False
    return True


def openpose(folder: Path, poses: io.PoseTracks) -> bool:
    """By the JSON of Python: who is in each frame, in whatever track; an empty file is nobody."""
    shape = (poses.skeleton.num_joints, 3)
    paths = {int(path.name.split("_")[1]): path for path in folder.glob("*.json")}
    for number, path in paths.items():
        frame = number - min(paths)
        text = path.read_text("utf-8-sig").strip()
        wanted = []
        for person in (json.loads(text or "null") or {"people": []})["people"]:
            key = max(key for key in person if key.startswith("pose_keypoints"))
            joints = np.reshape(person[key], shape).astype(np.float32)
            wanted.append(np.where(joints[:, 2:] > 0, joints[:, :2], 0).tobytes())
        shown = [track.tobytes() for track in poses.pos[:, frame]]
        nobody = np.zeros((shape[0], 2), np.float32).tobytes()
        seen = [sorted(who for who in people if who != nobody) for people in (wanted, shown)]
        if seen[0] != seen[1]:
            return False
    return True


def arrays(path: Path, poses: io.PoseTracks) -> bool:
    """By NumPy itself."""
    if path.suffix == ".npz":
        arrays = _load(path)
        content = arrays["pos"] if "pos" in arrays else next(iter(arrays.values()))
    else:
        content = np.load(path, allow_pickle=False)
    tracks = iter(content.astype(np.float32).reshape(-1, *poses.pos.shape[1:]))
    return all(  # in order, but for people who are nowhere
        any(np.array_equal(track[valid], pos[valid]) for track in tracks)
        for pos, valid in zip(poses.pos, poses.valid, strict=True)
    )


def mediapipe_npy(path: Path, poses: io.PoseTracks) -> bool:
    """By NumPy itself."""
    values = np.load(path, allow_pickle=False).astype(np.float32)
    if not len(poses.pos):  # nobody
        return not (np.isfinite(values).all(-1) & (values[..., -1] != 0)).any()
    there = poses.valid[0]
    return np.array_equal(values[there][:, :3], poses.pos[0][there])
