"""Tasks for the preparation of stores: npy files, some of them damaged, and how they are read."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from data_helpers import STICK, array

from pyg_skeletonmae.datasets import Clip, ClipStore
from pyg_skeletonmae.datasets.prepare import prepare_store
from pyg_skeletonmae.errors import DataError, SkeletonFormatError

CLASSES = ["a", "b", "c"]


def write_tasks(folder: Path, count: int = 9) -> list[Path]:
    """Files of 1 to 3 clips; number 2 cannot be used, and number 5 is damaged."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"task-{number:02}.npy" for number in range(count)]
    for number, path in enumerate(paths):
        np.save(path, array(1 + number % 2, 3 + number % 4, seed=number))
        if number == 5:
            path.write_bytes(b"damaged")
    return paths


@dataclass(frozen=True)
class Reader:
    """Reads a task; at ``kill`` the process, or with ``kill_parent`` the one above, dies."""

    kill: str = ""
    kill_parent: bool = False
    seconds: float = 0.0

    def __call__(self, path: Path) -> Iterator[Clip]:
        time.sleep(self.seconds)
        if path.stem == self.kill:
            parent = multiprocessing.parent_process()
            os.kill(parent.pid if self.kill_parent and parent else os.getpid(), signal.SIGKILL)
            time.sleep(30)
        number = int(path.stem[-2:])
        if path.read_bytes() == b"damaged":
            raise SkeletonFormatError(path, "the file", "an array", "damage")
        pos = np.load(path)
        for repeat in range(1 + number % 3):
            name = path.stem if repeat == 0 else f"{path.stem}-{repeat}"
            yield Clip(pos + repeat, number % 3, 1 + number % 2, name, extra={"repeat": repeat})
        if number == 2:
            raise DataError("nobody moves")

    def __repr__(self) -> str:  # how it dies is no part of the plan
        return "Reader()"


def prepared(folder: Path, tasks: list[Path], **settings) -> ClipStore:
    """Prepares tasks with what is the same in all tests."""
    settings = {"read": Reader(), "source": "here", "overwrite": False, **settings}
    return prepare_store(
        folder, tasks, skeleton=STICK, class_names=CLASSES, name=lambda path: path.stem, **settings
    )
