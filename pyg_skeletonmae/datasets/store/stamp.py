"""A stamp beside the files of a store that were read and are what their hash says: it spares the
second time.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeAlias

from pyg_skeletonmae.datasets.store.card import FILES
from pyg_skeletonmae.errors import SkeletonMAEError
from pyg_skeletonmae.files.write import write_text
from pyg_skeletonmae.io.json_file import read_json

Verify: TypeAlias = Literal["full", "stamp", "off"]
States: TypeAlias = dict[str, list[int]]

STAMP = "verified.json"
_SETTLED = 2 * 10**9  # nanoseconds: what is younger may be written again within one tick


def file_states(root: Path) -> States:
    """What changes when a file of a store does: its size, times (of its content, and of itself) and
    inode, by its name."""
    states = {}
    parts = sorted(path for path in root.glob("*/*.npy") if path.name in FILES)
    for path in (*(root / name for name in FILES), *parts):
        with suppress(FileNotFoundError):
            found, name = path.stat(), path.relative_to(root).as_posix()
            states[name] = [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]
    return states


def is_stamped(root: Path, content_hash: str, states: States) -> bool:
    """Whether files in these states were found to have this content."""
    try:
        return bool(read_json(root / STAMP) == {"content_hash": content_hash, "files": states})
    except SkeletonMAEError:  # there is none, or it is damaged
        return False


def write_stamp(root: Path, content_hash: str, states: States) -> None:
    """Notes that files in these states have this content, if they still are, and if one may."""
    newest = max(max(state[1], state[2]) for state in states.values())
    if time.time_ns() - newest > _SETTLED and file_states(root) == states:
        text = json.dumps({"content_hash": content_hash, "files": states}) + "\n"
        with suppress(OSError):  # a folder of somebody else, or on a full disk
            write_text(root / STAMP, text)
