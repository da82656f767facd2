import numpy as np
import pytest
from fuzz.seeds import STICK, c3d

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.c3d import read_c3d
from pyg_skeletonmae.io.poses import PoseOptions
from pyg_skeletonmae.skeleton import Skeleton

FLOATS, INTEGERS = (files["a.c3d"] for files in c3d())


@pytest.fixture
def path(tmp_path):
    (tmp_path / "a.c3d").write_bytes(FLOATS)
    return tmp_path / "a.c3d"


def test_markers_are_joints_by_name(path):
    tracks = read_c3d(path, STICK)
    assert repr(tracks) == "PoseTracks(stick, tracks=1, frames=2, channels=3, fps=50.0)"
    assert read_c3d(path, STICK, PoseOptions(fps=100)).fps == 100
    wanted = np.frombuffer(FLOATS[1024:], "<f4").reshape(2, 6, 4)[:, :5, :3].copy()
    wanted[1, 2] = 0
    np.testing.assert_array_equal(tracks.pos[0], wanted)
    assert np.argwhere(~tracks.valid[0]).tolist() == [[1, 2]]
    assert tracks.notes == ("in mm", "markers left out: clavicle")


def test_integers_in_the_order_of_another_processor(path):
    path.write_bytes(INTEGERS)
    wanted = np.frombuffer(INTEGERS[1024:], ">i2").reshape(2, 6, 4)[:, :5, :3] * 0.25
    wanted[1, 2] = 0
    np.testing.assert_array_equal(read_c3d(path, STICK).pos[0], wanted)


def test_floats_of_dec(path):
    """Their words are exchanged and their exponent is 2 larger."""
    data = bytearray(FLOATS)
    data[512 + 3] = 85
    where = FLOATS.index(b"RATE") + 4 + 2 + 2
    for start, stop in ((12, 16), (20, 24), (where, where + 4), (1024, len(data))):
        floats = np.frombuffer(FLOATS[start:stop], "<f4") * np.float32(4)
        data[start:stop] = floats.view("<u2").reshape(-1, 2)[:, ::-1].tobytes()
    sound = read_c3d(path, STICK)
    path.write_bytes(data)
    tracks = read_c3d(path, STICK)
    np.testing.assert_array_equal(tracks.pos, sound.pos)
    assert tracks.fps == 50


def test_ezc3d_writes_and_reads_the_same(path):
    ezc3d = pytest.importorskip("ezc3d", reason="ezc3d, a dev extra, is not installed")
    leg = Skeleton.from_parents("leg", ["hip", "foot"], [-1, 0], aliases={"RHEE": "foot"})
    points = np.random.default_rng(0).normal(size=(4, 300, 7))
    points[3] = 0
    points[:3, 1, 4] = np.nan
    file = ezc3d.c3d()
    file["parameters"]["POINT"]["RATE"]["value"] = [120.0]
    file["parameters"]["POINT"]["UNITS"]["value"] = ("m",)
    names = ["hip", "RHEE", *(f"m{i}" for i in range(298))]
    file["parameters"]["POINT"]["LABELS"]["value"] = tuple(names)
    file["data"]["points"] = points
    file.write(str(path))
    tracks = read_c3d(path, leg)
    theirs = ezc3d.c3d(str(path))["data"]["points"]
    wanted = theirs[:3, :2].transpose(2, 1, 0).astype(np.float32)
    np.testing.assert_array_equal(tracks.pos[0], np.nan_to_num(wanted))
    np.testing.assert_array_equal(tracks.valid[0], ~np.isnan(wanted).any(-1))
    assert tracks.fps == 120 and tracks.notes[0] == "in m"


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (1, 0, "a C3D file"),
        (0, 0, "a C3D file"),
        (0, 90, "a processor"),
        (515, 1, "a processor"),
        (2, 7, "frames of 112 bytes"),
        (8, 9, "9 frames of 96 bytes from byte 1024"),
        (8, 0, "frames 1 to 0"),
        (16, 0, "frames of"),
        (523, 0, "the joint 'hip'"),
        (519, ord("X"), "the joint 'hip'"),
    ],
)
def test_damage_is_refused(path, place: int, value: int, message: str):
    path.write_bytes(FLOATS[:place] + bytes([value]) + FLOATS[place + 1 :])
    with pytest.raises(SkeletonFormatError, match=message):
        read_c3d(path, STICK)


@pytest.mark.filterwarnings("error")
def test_a_scale_that_leaves_float32_is_refused(path):
    place = INTEGERS.index(np.array(0.25, ">f4").tobytes())
    path.write_bytes(INTEGERS[:place] + np.array(3e38, ">f4").tobytes() + INTEGERS[place + 4 :])
    with pytest.raises(SkeletonFormatError, match="infinity"):
        read_c3d(path, STICK)
