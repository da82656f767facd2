"""Parsing and preparing against a plain reader that converts all fields, line by line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pyg_skeletonmae.datasets import NTURGBD
from pyg_skeletonmae.io import read_ntu
from pyg_skeletonmae.io.ntu import NtuName
from pyg_skeletonmae.layouts import NTU25

FIRST_ID = 72057594037931648
NTU120_BYTES = 40e9
SIZES = [(60, 1), (100, 1), (160, 2), (90, 1)]  # frames, bodies


def write_file(path: Path, frames: int, bodies: int, seed: int) -> None:
    """A file of numbers with 7 digits, as the owners write them."""
    random = np.random.default_rng(seed)
    lines = [str(frames)]
    for _ in range(frames):
        lines.append(str(bodies))
        for body in range(bodies):
            lean = " ".join(f"{value:.7g}" for value in random.normal(0, 0.1, 2))
            lines += [f"{FIRST_ID + body} 0 1 1 0 0 0 {lean} 2", str(NTU25.num_joints)]
            scale = np.array([0.4, 0.4, 0.1, 100, 100, 400, 200, 0.5, 0.5, 0.5, 0.5])
            joints = random.normal(0, 1, (NTU25.num_joints, len(scale))) * scale
            joints[:, 2] += 3.5
            lines += [" ".join(f"{value:.7g}" for value in joint) + " 2" for joint in joints]
    path.write_text("\r\n".join(lines) + "\r\n", newline="")


def read_plainly(path: Path) -> dict[int, npt.NDArray[np.float32]]:
    """Metres of each body ``[R, V, 3]``, by its id; every field becomes a number, none is checked.

    The fastest of the obvious ways: rows are collected in lists, and made an array in the end.
    """
    bodies: dict[int, list[list[list[float]]]] = {}
    with path.open() as file:
        for _ in range(int(file.readline())):
            for _ in range(int(file.readline())):
                head = file.readline().split()
                numbers = [float(field) for field in head[1:]]
                assert len(numbers) == len(head) - 1
                joints = [
                    [float(field) for field in file.readline().split()]
                    for _ in range(int(file.readline()))
                ]
                bodies.setdefault(int(head[0]), []).append(joints)
    return {body: np.array(rows, np.float32)[..., :3] for body, rows in bodies.items()}


def parsing_steps(root: Path) -> tuple[dict[str, Callable[[], object]], int]:
    """What is timed, by name, and how many bytes it reads."""
    paths = [root / f"S001C001P{number:03}R001A001.skeleton" for number in range(1, len(SIZES) + 1)]
    for seed, (path, size) in enumerate(zip(paths, SIZES, strict=True)):
        write_file(path, *size, seed)
        found = {body.id: body.joints for body in read_ntu(path).bodies}
        wanted = read_plainly(path)
        assert list(found) == list(wanted)
        assert all(np.array_equal(found[body], wanted[body]) for body in found)
    steps: dict[str, Callable[[], object]] = {
        "skeleton files: ours": lambda: [read_ntu(path) for path in paths],
        "skeleton files: line by line": lambda: [read_plainly(path) for path in paths],
    }
    return steps, sum(path.stat().st_size for path in paths)


def prepare_plainly(paths: list[Path], out: Path) -> npt.NDArray[np.float32]:
    """One array of all clips ``[N, M, R, V, 3]``, padded with zeros, as feeders read, in a file."""
    clips = [list(read_plainly(path).values()) for path in paths]
    frames = max(len(body) for bodies in clips for body in bodies)
    persons = max(map(len, clips))
    pos = np.zeros((len(clips), persons, frames, NTU25.num_joints, 3), np.float32)
    for number, bodies in enumerate(clips):
        for person, body in enumerate(bodies):
            pos[number, person, : len(body)] = body
    np.savez(out, pos=pos, names=np.array([path.stem for path in paths]))
    return pos


def prepare_steps(root: Path, files: int) -> tuple[dict[str, Callable[[], object]], int]:
    """What is timed, by name, and how many bytes it reads."""
    for number, size in enumerate(SIZES):
        write_file(root / f"{number}.txt", *size, number)
    paths = []
    for number in range(files):
        performer, action = divmod(number, 60)
        name = NtuName(1, 1, 1 + performer, 1, 1 + action)
        paths.append(root / f"{name}.skeleton")
        shutil.copyfile(root / f"{number % len(SIZES)}.txt", paths[-1])

    def ours() -> NTURGBD:
        return NTURGBD(root, policy="none", force_reload=True, processed_root=root / "stores")

    dataset, plain = ours(), prepare_plainly(paths, root / "plain.npz")
    for number, clip in enumerate(plain):
        persons, frames = SIZES[number % len(SIZES)][::-1]
        own = dataset[number].pos.view(persons, NTU25.num_joints, frames, 3).transpose(1, 2)
        assert np.array_equal(own.numpy(), clip[:persons, :frames])
    steps: dict[str, Callable[[], object]] = {
        "store of skeleton files: ours": ours,
        "store of skeleton files: plain": lambda: prepare_plainly(paths, root / "plain.npz"),
    }
    return steps, sum(path.stat().st_size for path in paths)
