from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from tables.bandai_namco_files import pack

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.io.packed import read_packed

CHANNELS = "CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation"


def write(path: Path, bone: float) -> None:
    """A recording of two frames: joint_Root, Hips 93 cm above it, a Spine of a length in cm."""
    lines = ["HIERARCHY", "ROOT joint_Root", "{", "OFFSET 0 0 0", CHANNELS]
    for name, offset in (("Hips", "0 93 0"), ("Spine", f"0 {bone} 0")):
        lines += [f"JOINT {name}", "{", f"OFFSET {offset}", CHANNELS]
    lines += ["End Site", "{", "OFFSET 0 1 0", "}", "}", "}", "}"]
    row = f"0 0 0 0 0 0 5 93 0 0 0 0 0 {bone} 0 0 0 0"
    lines += ["MOTION", "Frames: 2", "Frame Time: 0.0333333", row, row]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def test_names_give_the_class_and_bones_the_actor(tmp_path):
    write(tmp_path / "data/dataset-2_walk_active_001.bvh", 20.0)
    write(tmp_path / "data/dataset-2_run_youthful_002.bvh", 16.0)
    write(tmp_path / "more/dataset-2_run_normal_001.bvh", 16.0)
    packed = pack(tmp_path)
    assert packed.names == (
        "dataset-2_run_normal_001",
        "dataset-2_run_youthful_002",
        "dataset-2_walk_active_001",
    )
    assert packed.label is not None and packed.label.tolist() == [3 * 7 + 5, 3 * 7 + 6, 0]
    assert packed.class_names[26] == "run, normal" and len(packed.class_names) == 70
    assert packed.subject.tolist() == [1, 1, 2]
    np.testing.assert_allclose(
        packed.pos(2)[0, 0], [[0, 0, 0], [0.05, 0.93, 0], [0.05, 1.13, 0]], atol=1e-4
    )


@pytest.mark.parametrize("name", ["dataset-2_swim_active_001.bvh", "dataset-2_walk_active.bvh"])
def test_another_name_is_refused(tmp_path, name):
    write(tmp_path / name, 20.0)
    with pytest.raises(DataError, match=f"{name}: expected a name dataset-2_CONTENT_STYLE"):
        pack(tmp_path)


def test_a_folder_without_recordings_is_refused(tmp_path):
    with pytest.raises(DataError, match="no file dataset-2_"):
        pack(tmp_path)


def test_the_owners_files_give_the_packed_ones():
    root = Path(os.environ.get("SKELETONMAE_DATA", "")) / "bandai_namco"
    if not (root / "raw").is_dir():
        pytest.skip("needs $SKELETONMAE_DATA/bandai_namco, motion capture of another licence")
    ours, theirs = pack(root / "raw"), read_packed(root / "bandai_namco2.npz")
    assert ours.joint_names == theirs.joint_names and ours.parents == theirs.parents
    assert ours.class_names == theirs.class_names and ours.label is not None
    for number, name in enumerate(ours.names):
        other = theirs.names.index(name)
        assert theirs.label is not None and ours.label[number] == theirs.label[other]
        np.testing.assert_allclose(ours.pos(number), theirs.pos(other), atol=4e-4)
