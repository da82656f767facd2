from __future__ import annotations

from pathlib import Path

import numpy as np

from fuzz.targets import TARGETS, fault, flat
from pyg_skeletonmae import io
from pyg_skeletonmae.io.poses import PoseTracks
from pyg_skeletonmae.layouts import COCO17

READERS = {name for name in io.__all__ if name.startswith("read_")}


def poses(**changes: object) -> PoseTracks:
    shape = (2, 3, COCO17.num_joints)
    made = {"pos": np.ones((*shape, 3), np.float32), "valid": np.ones(shape, bool)}
    return PoseTracks(**made | {"skeleton": COCO17} | changes)


def test_every_reader_is_a_target():
    source = Path(__file__).parents[2].joinpath("tests", "fuzz", "targets.py").read_text()
    used = {name for name in READERS if f"io.{name}" in source}
    assert READERS - used == {"read_positions"}  # what read_recordings calls
    assert {"xy", "npz", "skeleton", "store"} <= set(TARGETS)


def test_flat_values_are_equal_if_the_values_are():
    value = {"a": [np.array([1.0, np.nan]), 2], "b": poses()}
    assert flat(value) == flat({"b": poses(), "a": (np.array([1.0, np.nan]), 2)})
    others = (
        {"a": [np.array([1.0, np.nan]), 2.0], "b": poses()},
        {"a": [np.array([1.0, np.nan], np.float32), 2], "b": poses()},
        {"a": [np.array([[1.0], [np.nan]]), 2], "b": poses()},
        {"a": [np.array([1.0, np.nan]), 2], "b": poses(fps=3.0)},
    )
    assert all(flat(value) != flat(other) for other in others)


def test_faults_of_tracks():
    missing = np.zeros((2, 3, COCO17.num_joints), bool)
    assert fault(poses()) is None and fault("anything else") is None
    assert "not zero" in fault(poses(valid=missing))
    assert "float64" in fault(poses(pos=np.ones((2, 3, COCO17.num_joints, 3))))
    assert "(2, 3, 4)" in fault(poses(valid=missing[..., :4]))
    assert "fit the skeleton" in fault(
        poses(pos=np.ones((2, 3, 4, 3), np.float32), valid=np.ones((2, 3, 4), bool))
    )
    assert "finite" in fault(
        poses(pos=np.full((*missing.shape, 3), np.inf, np.float32), valid=~missing)
    )
