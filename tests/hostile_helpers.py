"""Reads every hostile file of the recordings under the limits of ``fuzz.guard``, in this process.

Arguments: the hostile folder, and an empty folder to work in. Prints what became of each file.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from functools import partial
from pathlib import Path

from pyg_skeletonmae import io
from pyg_skeletonmae.skeleton import Skeleton


def read_xy(path: Path) -> None:
    with io.XYFile(path) as file:
        for side in ("train", "test"):
            list(file.clips(side))


def read_pku(path: Path) -> None:
    if path.name.endswith(".skeleton.txt"):
        io.read_pku(path)
    else:
        io.read_pku_labels(path, 6)


READERS = {
    "skeleton": io.read_ntu,
    "bvh": io.read_bvh,
    "npz": read_xy,
    "pickles": io.read_pyskl,
    "pku": read_pku,
    "skeleton_yaml": Skeleton.from_yaml,
    "openpose": lambda path: io.read_openpose(path.parent),
}


def main(hostile: Path, work: Path) -> None:
    from fuzz.guard import Guard

    os.chdir(work)
    guard, found = Guard(work), {}
    for kind, read in READERS.items():
        for path in sorted((hostile / kind).iterdir()):
            if path.name == "cases.json":
                continue
            name = "clip_0_keypoints.json" if kind == "openpose" else path.name
            copy = Path(shutil.copy(path, work / name))
            print(f"{kind}/{path.name}", file=sys.stderr)  # the last one, if it kills
            if not found.get(kind):
                guard.watch(partial(read, copy))  # what is imported on first use is imported now
            seen = guard.watch(partial(read, copy))
            error = seen.error and [type(seen.error).__name__, str(seen.error)]
            found.setdefault(kind, {})[path.name] = {"error": error, "problems": seen.problems}
            copy.unlink()
    print(json.dumps(found | {"left": [path.name for path in work.iterdir()]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
