"""Skeleton files: YAML in and out, strict and safe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pyg_skeletonmae.skeleton import Skeleton


def read_skeleton_yaml(path: str | Path) -> dict[str, Any]:
    """Reads the fields of a skeleton."""
    with Path(path).open() as file:
        return dict(yaml.safe_load(file))


def write_skeleton_yaml(skeleton: Skeleton, path: str | Path) -> None:
    """Writes a skeleton."""
    Path(path).write_text(yaml.safe_dump({"name": skeleton.name}))
