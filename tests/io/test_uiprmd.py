import gzip
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from oracle_helpers import real_data

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.packed import read_packed
from pyg_skeletonmae.io.uiprmd import (
    euler_matrices,
    find_recordings,
    forward_kinematics,
    read_positions,
    read_recordings,
    read_table,
)
from pyg_skeletonmae.io.uiprmd_files import MOVEMENTS, relative_paths
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.skeleton import Skeleton

ARM = Skeleton.from_parents("arm", ["hand", "elbow", "shoulder"], [1, 2, -1])


def table(frames: int, seed: int = 0, scale: float = 30.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(frames, 66)) * scale


def write(path: Path, values: np.ndarray, newline: str = "\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = newline.join(",".join(f"{value:.6f}" for value in row) for row in values) + newline
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def test_euler_matrices():
    def about(axis: int, degrees: float) -> np.ndarray:
        c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        matrix, (i, j) = np.eye(3), [(1, 2), (2, 0), (0, 1)][axis]
        matrix[i, i], matrix[i, j], matrix[j, i], matrix[j, j] = c, -s, s, c
        return matrix

    for angles in ([90.0, 0, 0], [0, 90.0, 0], [0, 0, 90.0], [20.0, -130.0, 75.0]):
        wanted = about(2, angles[2]) @ about(1, angles[1]) @ about(0, angles[0])
        np.testing.assert_allclose(euler_matrices(np.array(angles)), wanted, atol=1e-12)


def test_forward_kinematics_of_a_bent_arm():
    offset = np.array([[[1.0, 0, 0], [2.0, 0, 0], [5.0, 5, 5]]])
    angle = np.zeros((1, 3, 3))
    angle[0, 2, 2], angle[0, 1, 2] = 90.0, 90.0
    position = forward_kinematics(offset, angle, ARM)
    np.testing.assert_allclose(position[0], [[4, 7, 5], [5, 7, 5], [5, 5, 5]], atol=1e-12)


def test_bone_lengths_are_those_of_the_offsets():
    offset, angle = table(7).reshape(7, 22, 3), table(7, 1, 90.0).reshape(7, 22, 3)
    position = forward_kinematics(offset, angle, UIPRMD22)
    child, parent = UIPRMD22.bone_index.numpy()
    lengths = np.linalg.norm(position[:, child] - position[:, parent], axis=-1)
    np.testing.assert_allclose(lengths, np.linalg.norm(offset[:, child], axis=-1))
    np.testing.assert_array_equal(position[:, 0], offset[:, 0])


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_table(tmp_path, name, newline):
    found = read_table(write(tmp_path / name, table(4), newline))
    np.testing.assert_allclose(found, table(4).reshape(4, 22, 3), atol=1e-6)


@pytest.mark.parametrize(
    ("line", "where", "message"),
    [
        ("1,2,3", "line 3", "expected 66 numbers, found 3"),
        ("", "line 3", "expected 66 numbers, found 1"),
        (",".join(["1"] * 65 + ["x"]), "line 3", "expected numbers"),
        (",".join(["1"] * 65 + ["nan"]), "line 3", "expected finite numbers"),
        (",".join(["1"] * 65 + ["1e999"]), "line 3", "expected finite numbers"),
        (",".join(["1"] * 65 + ["\N{GREEK SMALL LETTER PI}"]), "the file", "damage"),
    ],
)
def test_bad_line(tmp_path, line, where, message):
    path = write(tmp_path / "a.txt", table(4))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], line, *lines[2:]]))
    with pytest.raises(SkeletonFormatError, match=message) as error:
        read_table(path)
    assert str(error.value).startswith(f"{path}: {where}: ") and "\n" not in str(error.value)


def test_bad_file(tmp_path):
    (tmp_path / "a.txt").write_text("\n")
    with pytest.raises(SkeletonFormatError, match="line 1: expected a frame, found an empty file"):
        read_table(tmp_path / "a.txt")
    with pytest.raises(SkeletonFormatError, match="no such file"):
        read_table(tmp_path / "b.txt")
    whole = write(tmp_path / "a.txt.gz", table(20)).read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    bomb = gzip.compress(bytes(65 * 2**20), 1)
    for data in (b"", whole[:20], whole[:-9], bytes(flipped), b"1,2,3", bomb):
        (tmp_path / "a.txt.gz").write_bytes(data)
        with pytest.raises(SkeletonFormatError):
            read_table(tmp_path / "a.txt.gz")


def test_frames_must_agree(tmp_path):
    first, second = write(tmp_path / "p.txt", table(5)), write(tmp_path / "a.txt", table(4))
    with pytest.raises(SkeletonFormatError, match=r"a\.txt: line 4: expected 5 frames"):
        read_positions(first, second)
    assert read_positions(second, second).shape == (4, 22, 3)
    assert read_positions(second, second).dtype == np.float32


def test_find(tmp_path):
    for numbers in [(2, 1, 1, True), (1, 10, 1, True), (1, 2, 3, False)]:
        for path in relative_paths(*numbers):
            write(tmp_path / path, table(3))
    for path in relative_paths(1, 10, 1, True):
        write(tmp_path / f"{path}.gz", table(3))
    folder = tmp_path / "Segmented Movements" / "Kinect" / "Positions"
    (folder / "m02_s01_e01_positions_inc.txt").write_text("in the wrong folder")
    (folder / "notes.txt").write_text("")
    found = find_recordings(tmp_path)
    assert [recording.name for recording in found] == [
        "m01_s10_e01",
        "m02_s01_e01",
        "m01_s02_e03_inc",
    ]
    assert [recording[:4] for recording in found][2] == (1, 2, 3, False)
    assert [pos.shape for _, pos in read_recordings(tmp_path)] == [(3, 22, 3)] * 3
    found[1].angles.unlink()
    with pytest.raises(SkeletonFormatError, match=r"m02_s01_e01_positions\.txt: .* its angles in"):
        find_recordings(tmp_path)
    write(found[1].angles, table(3))
    write(folder / "m11_s01_e01_positions.txt", table(3))
    with pytest.raises(SkeletonFormatError, match="movement 01 to 10"):
        find_recordings(tmp_path)


def test_agrees_with_the_packed_file():
    root = real_data() / "uiprmd"
    packed = read_packed(root / "uiprmd_kinect.npz")
    number = {name: i for i, name in enumerate(packed.names)}
    assert packed.class_names == MOVEMENTS
    worst, count = 0.0, 0
    for recording, pos in read_recordings(root / "raw"):
        i, count = number[recording.name], count + 1
        worst = max(worst, float(np.abs(pos - packed.pos(i)[0]).max()))
        assert recording.movement == packed.label[i] + 1 and recording.subject == packed.subject[i]
        assert recording.repetition == packed.extra["repetition"][i]
        assert recording.correct == packed.extra["correct"][i]
    assert count == 40
    print(f"largest difference over 80 files: {1000 * worst:.3f} mm")
    assert worst < 0.0002


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_byte_order_mark(tmp_path, name):
    path = write(tmp_path / name, table(2))
    wanted, data = read_table(path), table(2)
    text = "\ufeff" + "\n".join(",".join(f"{value:.6f}" for value in row) for row in data)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    np.testing.assert_array_equal(read_table(path), wanted)


def test_positions_that_float32_cannot_hold(tmp_path):
    first, second = write(tmp_path / "p.txt", table(3)), write(tmp_path / "a.txt", table(3))
    lines = first.read_text().splitlines()
    lines[1] = "1e300" + lines[1][lines[1].index(",") :]
    first.write_text("\n".join(lines))
    with (
        warnings.catch_warnings(),
        pytest.raises(SkeletonFormatError, match=r"p\.txt: line 2: .*32"),
    ):
        warnings.simplefilter("error")
        read_positions(first, second)
