"""Calls of the command line in process, and small data for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pyg_skeletonmae.commands.cli import main

FAST = ("--data.frames=8", "--data.batch_size=16", "--trainer.max_epochs=1", "--keep_memory=false")
TINY = ("--model.hidden_channels=8", "--model.depth=1")
Run = Callable[..., tuple[int, str, str]]


def runner(capsys: pytest.CaptureFixture[str]) -> Run:
    """``run(*arguments) -> (exit code, stdout, stderr)``."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def the_error(result: tuple[int, str, str]) -> str:
    """The one line of a call that had to fail for its input."""
    code, _, err = result
    assert code == 2, err
    lines = err.splitlines()
    errors = [line for line in lines if line.startswith("skeletonmae: error: ")]
    others = [line for line in lines if not line.startswith("skeletonmae: ")]
    assert len(errors) == 1 and not others, err
    assert "Traceback" not in err
    return errors[0].removeprefix("skeletonmae: error: ")


def packed_arrays(clips: int = 16, joints: int = 3) -> dict[str, np.ndarray]:
    """The arrays of a small packed file: moving sticks of four people in two classes."""
    rng = np.random.default_rng(0)
    frames = 10
    offset = np.arange(clips + 1) * frames
    return {
        "joints": rng.normal(size=(clips * frames, joints, 3)).astype(np.float32),
        "scale": np.float64(1.0),
        "offset": offset.astype(np.int64),
        "length": np.full(clips, frames, np.int32),
        "label": (np.arange(clips) % 2).astype(np.int64),
        "subject": (1 + np.arange(clips) // 2 % 4).astype(np.int64),
        "name": np.array([f"clip_{i:02d}" for i in range(clips)]),
        "joint_names": np.array([f"joint_{i}" for i in range(joints)]),
        "parents": np.arange(joints) - 1,
        "class_names": np.array(["left", "right"]),
        "fps": np.float64(30.0),
        "unit": np.array("m"),
    }


def write_packed(path: Path, **changes: object) -> Path:
    """Writes a packed file with some of its arrays replaced."""
    np.savez(path, **{**packed_arrays(), **changes})
    return path
