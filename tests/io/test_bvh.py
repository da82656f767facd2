import os
from pathlib import Path

import numpy as np
import oracle_helpers
import pytest

from pyg_skeletonmae.errors import ConfigError, SkeletonFormatError
from pyg_skeletonmae.io.bvh import read_bvh

ARM = """HIERARCHY
ROOT shoulder
{
  OFFSET 1 2 3
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT elbow
  {
    OFFSET 2 0 0
    CHANNELS 1 Zrotation
    End Site
    {
      OFFSET 1 0 0
    }
  }
}
MOTION
Frames: 3
Frame Time: 0.02
0 0 0 0 0 0 0
10 0 0 90 0 0 0
0 0 0 90 0 90 -90
"""


@pytest.fixture(scope="module")
def oracles() -> Path:
    return oracle_helpers.oracles() / "data"


@pytest.fixture
def arm(tmp_path) -> Path:
    path = tmp_path / "arm.bvh"
    path.write_text(ARM)
    return path


def test_an_arm_turns_by_its_channels_in_their_order(arm):
    tracks = read_bvh(arm)
    assert repr(tracks) == "PoseTracks(bvh, tracks=1, frames=3, channels=3, fps=50.0)"
    assert tracks.skeleton.joints == ("shoulder", "elbow", "elbow_End")
    assert tracks.skeleton.parents.tolist() == [-1, 0, 1]
    wanted = [
        [[1, 2, 3], [3, 2, 3], [4, 2, 3]],
        [[11, 2, 3], [11, 4, 3], [11, 5, 3]],
        # Z first, leftmost: the arm along x is turned by Y to -z, which Z leaves alone; the elbow
        # then bends to -y in its own frame, which Z turns to x.
        [[1, 2, 3], [1, 2, 1], [2, 2, 1]],
    ]
    np.testing.assert_allclose(tracks.pos[0], wanted, atol=1e-6)
    assert tracks.valid.all() and tracks.pos.dtype == np.float32


def test_end_sites_can_be_left_out(arm):
    tracks, whole = read_bvh(arm, end_sites=False), read_bvh(arm)
    assert tracks.skeleton.joints == ("shoulder", "elbow")
    np.testing.assert_array_equal(tracks.pos, whole.pos[:, :, :2])


def test_long_recordings_are_computed_in_pieces(arm):
    rows = ARM.splitlines()[-3:]
    head = ARM.partition("Frames: 3")[0] + "Frames: 1200\nFrame Time: 0.02\n"
    arm.write_text(head + "\n".join(rows * 400) + "\n\n")
    pos = read_bvh(arm).pos[0]
    np.testing.assert_array_equal(pos, np.tile(pos[:3], (400, 1, 1)))


def test_blank_lines_and_wrapped_rows_change_nothing(arm):
    wanted = read_bvh(arm).pos
    text = ARM.replace("MOTION\n", "\nMOTION\n\n").replace("Frame Time", " \nFrame Time")
    for wrapped in (
        text.replace("10 0 0 90", "\n\n10 0\n0 90\n"),
        text.replace("\n", "\r\n"),
        text + " \n\n",
    ):
        arm.write_bytes(wrapped.encode())
        np.testing.assert_array_equal(read_bvh(arm).pos, wanted)


CHAIN = """HIERARCHY
ROOT floor
{{
  OFFSET 0 1 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT hips
  {{
    OFFSET 0 90 0
    CHANNELS 3 Xposition Yposition Zposition
    JOINT knee
    {{
      OFFSET 0 -40 0
      CHANNELS 4 Zrotation Xposition Yposition Zposition
      JOINT foot
      {{
        OFFSET 0 -{foot} 0
        CHANNELS 2 Yposition Xrotation
        End Site
        {{
          OFFSET 0 0 10
        }}
      }}
    }}
  }}
}}
MOTION
Frames: 1
Frame Time: 0.5
0 1 0 0 0 0  5 92 0  90 0 -40 0  -40 0
"""


def test_positions_that_equal_the_offset_replace_it(arm):
    arm.write_text(CHAIN.format(foot=40))
    tracks = read_bvh(arm)
    wanted = [[0, 1, 0], [5, 93, 0], [5, 53, 0], [45, 53, 0], [45, 53, 10]]
    np.testing.assert_allclose(tracks.pos[0, 0], wanted, atol=1e-5)
    (note,) = tracks.notes
    assert note.endswith("the first frame equals it in all joints but hips")
    told = read_bvh(arm, positions="replace")
    np.testing.assert_array_equal(told.pos, tracks.pos)
    assert told.notes == () and read_bvh(arm, end_sites=False, positions="add").notes == ()


def test_positions_that_may_mean_two_things_are_asked_for(arm):
    arm.write_text(CHAIN.format(foot=40).replace(" -40 0  -40 0", " 0 0  0 0"))
    with pytest.raises(SkeletonFormatError, match=r'"replace" or "add".*hips, knee, foot'):
        read_bvh(arm)
    added = read_bvh(arm, end_sites=False, positions="add").pos[0, 0]
    np.testing.assert_allclose(
        added, [[0, 2, 0], [5, 184, 0], [5, 144, 0], [45, 144, 0]], atol=1e-5
    )
    with pytest.raises(ConfigError, match="positions='both'"):
        read_bvh(arm, positions="both")


def test_positions_where_the_offset_is_zero_mean_one_thing(arm):
    arm.write_text(ARM.replace("CHANNELS 1 Zrotation", "CHANNELS 1 Zposition"))
    tracks = read_bvh(arm)
    np.testing.assert_allclose(tracks.pos[0, 0], [[1, 2, 3], [3, 2, 3], [4, 2, 3]])
    assert tracks.notes == ()


def test_real_motion_capture_gives_the_positions_it_must():
    root = Path(os.environ.get("SKELETONMAE_DATA", "")) / "bandai_namco"
    if not (root / "raw").is_dir():
        pytest.skip("needs $SKELETONMAE_DATA/bandai_namco, motion capture of another licence")
    with np.load(root / "bandai_namco2.npz") as packed:
        number = {name: i for i, name in enumerate(packed["name"].tolist())}
        for path in sorted((root / "raw").glob("*.bvh")):
            start, stop = packed["offset"][number[path.stem] :][:2]
            wanted = packed["joints"][start:stop] * packed["scale"]
            tracks = read_bvh(path, end_sites=False)
            assert tracks.skeleton.joints == tuple(packed["joint_names"].tolist())
            np.testing.assert_allclose(tracks.pos[0] / 100, wanted, atol=2e-4)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("HIERARCHY", "MOTION", "line 1: expected HIERARCHY, found 'MOTION'"),
        ("  OFFSET 1 2 3\n", "", "line 4: expected OFFSET, found 'CHANNELS'"),
        ("OFFSET 1 2 3", "OFFSET 1 2", "line 5: expected 3 plain numbers"),
        ("OFFSET 1 2 3", "OFFSET 1 2 3\nOFFSET 1 2 3", "expected CHANNELS, found 'OFFSET'"),
        ("CHANNELS 1 Z", "CHANNELS 1000000000 Z", "found '1000000000'"),
        ("CHANNELS 1 Z", "CHANNELS 2 Zrotation Z", "each channel once"),
        ("CHANNELS 1 Z", "CHANNELS 1 W", "found 'Wrotation'"),
        ("CHANNELS 1 Z", "CHANNELS 0 Z", "end of the line"),
        ("CHANNELS 1 Zrotation", "CHANNELS 1 Xposition", 'positions="replace" or "add"'),
        ("JOINT elbow", "JOINT shoulder", "joint 'shoulder' stands 2 times"),
        ("JOINT elbow", "JOINT", "expected the name of a joint, found '{'"),
        ("}\nMOTION", "MOTION", "line 15: expected JOINT or End or }"),
        ("}\nMOTION", "}\n}\nMOTION", "expected MOTION, found '}'"),
        ("MOTION", "MOTION Frames: 3", "expected the end of the line"),
        ("Frames: 3", "Frames: 2", "end of the file after 2 frames"),
        (
            "Frames: 3",
            "Frames: 4",
            "expected 4 frames of 7 numbers, found the end of the file after 3",
        ),
        ("Frames: 3", "Frames: 0", "above 0"),
        ("Frames: 3", "Frames: 999999999", "cut long recordings"),
        ("Frames: 3", "Frames: -3", "'Frames: <number>'"),
        ("0.02", "0", "above 0"),
        ("0.02", "1e-320", "above 0"),
        ("0.02", "fast", "found 'fast'"),
        ("10 0", "1_0 0", "plain numbers"),
        ("10 0", "nan 0", "line 20: expected 7 plain numbers"),
        ("10 0", "1e999 0", "finite"),
        ("10 0", "1e300 0", "float32"),
        ("10 0", "10", "line 21: expected 7 numbers for a frame, the next frame on another line"),
        ("10 0", "10 0 0", "line 20: expected 7 numbers for a frame"),
        ("-90\n", "-90\n\n1\n", "line 23: expected the end of the file after 3 frames"),
        ("0 -90", "0", "found the end of the file after 2 frames and 6 numbers"),
        ("10 0", "10 \xff", "plain numbers"),
        ("10 0", "10 \x00", "plain numbers"),
    ],
)
def test_damage_is_refused_with_its_line(arm, old: str, new: str, message: str):
    assert old in ARM
    arm.write_text(ARM.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SkeletonFormatError) as caught:
        read_bvh(arm)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_bytes_that_are_no_text_and_endless_lines_are_refused(arm):
    arm.write_bytes(b"HIERARCHY\nROOT \xff\n{")
    with pytest.raises(SkeletonFormatError, match="line 2: expected UTF-8"):
        read_bvh(arm)
    arm.write_bytes(b"HIERARCHY " * 2**18)
    with pytest.raises(SkeletonFormatError, match="bytes in a line"):
        read_bvh(arm)
    with pytest.raises(SkeletonFormatError, match="no such file"):
        read_bvh(arm.with_name("other.bvh"))


def test_nesting_is_no_recursion(arm):
    def nested(depth: int) -> str:
        joints = "".join(f"JOINT j{i} {{ OFFSET 0 1 0\nCHANNELS 0\n" for i in range(depth))
        root = "HIERARCHY\nROOT r {\nOFFSET 0 0 0\nCHANNELS 1 Xposition\n"
        return f"{root}{joints}{'} ' * (depth + 1)}\nMOTION\nFrames: 1\nFrame Time: 1\n5\n"

    arm.write_text(nested(1000))
    np.testing.assert_array_equal(read_bvh(arm).pos[0, 0, -1], [5, 1000, 0])
    arm.write_text(nested(5000))
    with pytest.raises(SkeletonFormatError, match="at most 1024 joints"):
        read_bvh(arm)


@pytest.mark.oracle
def test_positions_agree_with_the_oracle(oracles):
    expected = np.load(oracles / "bvh" / "valid_small_expected.npz")
    tracks = read_bvh(oracles / "bvh" / "valid_small.bvh")
    assert tracks.skeleton.joints == tuple(expected["names"].tolist())
    assert tracks.skeleton.parents.tolist() == expected["parents"].tolist()
    assert tracks.fps == pytest.approx(1 / float(expected["frame_time"]))
    np.testing.assert_array_equal(tracks.pos[0], expected["positions"].astype(np.float32))


@pytest.mark.oracle
def test_hostile_files_are_refused(oracles):
    accepted = {}
    for path in sorted((oracles / "hostile" / "bvh").glob("*.bvh")):
        try:
            accepted[path.stem] = read_bvh(path)
        except SkeletonFormatError as error:
            assert "\n" not in str(error)
    assert sorted(accepted) == ["ok_crlf_spaces", "ok_lower_case_keywords"]
    wanted = read_bvh(oracles / "bvh" / "valid_small.bvh").pos
    for tracks in accepted.values():
        np.testing.assert_array_equal(tracks.pos, wanted)
