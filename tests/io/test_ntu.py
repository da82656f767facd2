import json
from pathlib import Path

import numpy as np
import pytest
from ntu_helpers import FIRST_ID, body_lines, person, skeleton_text, write_skeleton
from oracle_helpers import oracles

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.ntu import NtuName, parse_name, read_ntu

NAME = "S001C002P003R002A013"


@pytest.fixture
def oracle() -> Path:
    root = oracles()
    return root / "data"


def good_lines() -> list[str]:
    """3 frames: one body, nobody, two bodies."""
    poses = person(3)
    frames = [[(FIRST_ID, poses[0])], [], [(FIRST_ID + 1, poses[1]), (FIRST_ID, poses[2])]]
    return skeleton_text(frames).splitlines()


def write(folder: Path, lines: list[str], end: str = "\n") -> Path:
    path = folder / f"{NAME}.skeleton"
    path.write_bytes((end.join(lines) + end).encode())
    return path


def refused(path: Path) -> SkeletonFormatError:
    with pytest.raises(SkeletonFormatError) as error:
        read_ntu(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ") and "\n" not in message and len(message) < 400
    return error.value


def test_name():
    name = parse_name("there/S032C003P106R002A120.skeleton")
    assert name == NtuName(setup=32, camera=3, performer=106, replication=2, action=120)
    assert str(name) == "S032C003P106R002A120"
    for bad in ("S033C003P106R002A120", "S001C000P001R001A001", "S001C001P001R001A001_x", "x"):
        with pytest.raises(SkeletonFormatError, match="the name"):
            parse_name(bad)


def test_bodies_frames_joints_and_states(tmp_path):
    clip = read_ntu(write(tmp_path, good_lines()))
    poses = person(3)
    assert clip.name == NtuName(1, 2, 3, 2, 13) and clip.num_frames == 3
    first, second = clip.bodies
    assert (first.id, second.id) == (FIRST_ID, FIRST_ID + 1)  # the same number as float64
    assert first.frames.tolist() == [0, 2] and second.frames.tolist() == [2]
    np.testing.assert_array_equal(first.joints, poses[[0, 2]])
    np.testing.assert_array_equal(second.joints, poses[[1]])
    assert first.joints.dtype == np.float32 and first.state.dtype == np.uint8
    assert first.state[0, :5].tolist() == [2, 2, 1, 0, 2] and first.state.shape == (2, 25)


@pytest.mark.parametrize("end", ["\r\n", "\r", " \t\r\n"])
def test_line_ends_and_blanks(tmp_path, end):
    wanted = read_ntu(write(tmp_path, good_lines()))
    lines = [line.replace(" ", " \t ") for line in good_lines()]
    path = write(tmp_path, lines, end)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes() + 2 * end.encode())
    for found, body in zip(read_ntu(path).bodies, wanted.bodies, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(found, body, strict=True))


def test_nobody_and_twice_the_same_body(tmp_path):
    assert read_ntu(write(tmp_path, ["3", "0", "0", "0"])).bodies == ()
    pose = person(1)[0]
    text = skeleton_text([[(5, pose), (5, pose + 1)], [(5, pose)]])
    (body,) = read_ntu(write(tmp_path, text.splitlines())).bodies
    assert body.frames.tolist() == [0, 0, 1] and body.joints.shape == (3, 25, 3)


def test_any_file_name_but_no_impossible_clip(tmp_path):
    path = write(tmp_path, good_lines())
    other = path.rename(tmp_path / "mine.txt")
    assert read_ntu(other).name is None
    assert refused(other.rename(tmp_path / "S001C009P001R001A001.skeleton")).where == "the name"
    assert "no such file" in refused(tmp_path / "none.skeleton").found


def changed(line: int, text: str | None) -> list[str]:
    lines = good_lines()
    lines[line - 1 : line] = [] if text is None else [text]
    return lines


JOINT = body_lines(1, person(1)[0])[5]


@pytest.mark.parametrize(
    ("line", "text", "where", "expected"),
    [
        (1, "2.0", "line 1", "number of frames"),
        (1, "0", "line 1", "number of frames"),
        (1, "-1", "line 1", "number of frames"),
        (1, "2", "line 31", "the end after 2 frames"),
        (1, "99999999999999", "line 86", "number of bodies"),
        (2, "1000000000", "line 30", "64-bit id"),
        (2, "1 1", "line 2", "number of bodies"),
        (3, "1e16 0 1 3 1 0 0 0 0 2", "line 3", "64-bit id"),
        (3, f"{2**63} 0 1 3 1 0 0 0 0 2", "line 3", "64-bit id"),
        (3, "1 0 1 3 1 0 0 0 0", "line 3", "9 numbers"),
        (3, "1 0 1 3 1 0 0 0 - 2", "line 3", "9 numbers"),
        (4, "24", "line 4", "25 joints"),
        (4, "26", "line 4", "25 joints"),
        (7, JOINT + " 1", "line 7", "12 numbers"),
        (7, JOINT[: JOINT.rindex(" ")], "line 7", "12 numbers"),
        (7, "", "line 7", "12 numbers"),
        (7, "+-" + JOINT, "line 7", "12 numbers"),
        (7, "nan" + JOINT[JOINT.index(" ") :], "line 7", "finite"),
        (7, "1e39" + JOINT[JOINT.index(" ") :], "line 7", "finite"),
        (7, JOINT[:-1] + "3", "line 7", "tracking state"),
        (7, JOINT.replace(".", ","), "line 7", "numbers"),
        (7, JOINT.replace("0", "٠"), "line 7", "numbers"),
        (7, None, "line 85", "number of bodies"),
    ],
)
def test_refused(tmp_path, line, text, where, expected):
    error = refused(write(tmp_path, changed(line, text)))
    assert (error.where, expected in error.expected) == (where, True)


def test_a_field_too_few_here_and_one_too_many_there(tmp_path):
    lines = good_lines()
    lines[6], lines[7] = lines[6] + " 1", lines[7][: lines[7].rindex(" ")]
    assert refused(write(tmp_path, lines)).where == "line 7"


def test_every_truncation_and_many_mutations_are_refused_or_read(tmp_path):
    path = write(tmp_path, good_lines())
    data, rng, counts = path.read_bytes(), np.random.default_rng(0), {"read": 0, "refused": 0}
    for case in range(300):
        damaged = bytearray(data)
        if case % 3 == 0:
            del damaged[rng.integers(len(data)) :]
        elif case % 3 == 1:
            damaged[rng.integers(len(data))] ^= 1 << rng.integers(8)
        else:
            lines = data.split(b"\n")
            i, j = rng.integers(len(lines), size=2)
            lines[i], lines[j] = lines[j], lines[i]
            damaged = bytearray(b"\n".join(lines))
        path.write_bytes(damaged)
        try:
            clip = read_ntu(path)
        except SkeletonFormatError:
            counts["refused"] += 1
        else:
            counts["read"] += 1
            assert all(np.isfinite(body.joints).all() for body in clip.bodies)
    assert min(counts.values()) > 20, counts


def test_more_bytes_than_any_recording(tmp_path, monkeypatch):
    monkeypatch.setattr("pyg_skeletonmae.io.ntu.MAX_BYTES", 1000)
    assert "at most 1000 bytes" in refused(write(tmp_path, good_lines())).expected


def test_helper_writes_what_is_read(tmp_path):
    poses = person(6, seed=3)
    clip = read_ntu(write_skeleton(tmp_path, {7: (2, poses)}, 8))
    assert clip.num_frames == 8 and clip.bodies[0].frames.tolist() == list(range(2, 8))
    np.testing.assert_array_equal(clip.bodies[0].joints, poses)


@pytest.mark.oracle
def test_recorded_files(oracle):
    files = json.loads((oracle / "ntu/files.json").read_text())
    assert len(files) == 33
    for name, wanted in files.items():
        clip = read_ntu(oracle / f"ntu/skeleton/{name}.skeleton")
        assert (str(clip.name), clip.num_frames) == (name, wanted["frames"])
        counts = np.zeros(clip.num_frames, int)
        for body in clip.bodies:
            np.add.at(counts, body.frames, 1)
        assert counts.tolist() == wanted["bodies_per_frame"]
        blocks: dict[int, list[int]] = {}
        for entry in wanted["bodies"]:
            blocks.setdefault(int(entry["id"]), []).extend(entry["frames"])
        found = {body.id: body.frames.tolist() for body in clip.bodies}
        assert found == {body: sorted(frames) for body, frames in blocks.items()}


@pytest.mark.oracle
def test_hostile_files(oracle):
    # Two files have sound contents: an id with leading zeros, and a name that is no clip's.
    sound = {"id_leading_zero_alias", "not_an_ntu_name"}
    wanted = read_ntu(oracle / "hostile/skeleton/ok_reference.skeleton").bodies[0]
    paths = sorted((oracle / "hostile/skeleton").glob("*.skeleton"))
    assert len(paths) == 45
    for path in paths:
        if path.stem.startswith("ok_") or path.stem in sound:
            (body,) = read_ntu(path).bodies
            assert body.id == wanted.id
            if path.stem == "id_leading_zero_alias":
                assert body.frames.tolist() == [0, 1]
            else:
                # The first joint of one file is written in other numbers.
                np.testing.assert_array_equal(body.joints[:, 1:], wanted.joints[:, 1:])
        else:
            refused(path)
