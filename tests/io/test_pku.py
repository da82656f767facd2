import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from oracle_helpers import oracles

from pyg_skeletonmae.errors import ConfigError, SkeletonFormatError
from pyg_skeletonmae.io.pku import PkuAction, read_pku, read_pku_labels, read_pku_split


@pytest.fixture
def oracle() -> Path:
    root = oracles()
    return root / "data"


def rows(frames: int = 6) -> list[str]:
    values = np.random.default_rng(0).normal(size=(frames, 150))
    return [" ".join(f"{value:.6f}" for value in row) for row in values]


def write(folder: Path, text: str) -> Path:
    path = folder / "0001-L.txt"
    path.write_bytes(text.encode())
    return path


def refused(read, path: Path, **options) -> SkeletonFormatError:
    with pytest.raises(SkeletonFormatError) as error:
        read(path, **options)
    message = str(error.value)
    assert message.startswith(f"{path}: ") and "\n" not in message and len(message) < 400
    return error.value


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", " \t\n "])
def test_skeleton(tmp_path, end):
    lines = rows()
    pos = read_pku(write(tmp_path, end.join(lines) + end))
    assert pos.shape == (2, 6, 25, 3) and pos.dtype == np.float32 and pos.flags.c_contiguous
    wanted = np.array([line.split() for line in lines], np.float64).astype(np.float32)
    np.testing.assert_array_equal(pos[0].reshape(6, 75), wanted[:, :75])
    np.testing.assert_array_equal(pos[1].reshape(6, 75), wanted[:, 75:])
    assert read_pku(write(tmp_path, lines[0])).shape == (2, 1, 25, 3)


@pytest.mark.parametrize(
    ("change", "where", "expected"),
    [
        (lambda lines: [], "line 1", "150 numbers"),
        (lambda lines: [*lines[:2], "", *lines[2:]], "line 3", "150 numbers"),
        (lambda lines: [lines[0], lines[1] + " 1", lines[2][:-9]], "line 2", "150 numbers"),
        (lambda lines: [line.replace(" ", ",") for line in lines], "line 1", "numbers"),
        (lambda lines: [lines[0], "1.2.3" + lines[1][lines[1].index(" ") :]], "line 2", "numbers"),
        (lambda lines: [lines[0], "1e39" + lines[1][lines[1].index(" ") :]], "line 2", "float32"),
        (lambda lines: [lines[0], "nan" + lines[1][lines[1].index(" ") :]], "line 2", "numbers"),
    ],
)
def test_damaged_skeletons(tmp_path, change, where, expected):
    error = refused(read_pku, write(tmp_path, "\n".join(change(rows(3)))))
    assert error.where == where and expected in error.expected


def test_labels(tmp_path):
    path = write(tmp_path, "1,0,20,2\r\n\n51, 20 ,30,1\r\n7,3,4\n")
    wanted = (PkuAction(1, 0, 20, 2), PkuAction(51, 20, 30, 1), PkuAction(7, 3, 4, None))
    assert read_pku_labels(path) == read_pku_labels(path, 30) == wanted
    assert refused(read_pku_labels, path, num_frames=29).where == "line 3"
    assert read_pku_labels(path, 29, ranges="keep") == wanted
    assert read_pku_labels(write(tmp_path, "\n")) == ()
    with pytest.raises(ConfigError, match="'error' or 'keep'"):
        read_pku_labels(path, ranges="drop")


@pytest.mark.parametrize(
    "line",
    [
        *("0,1,2,1", "52,1,2,1", "1,-1,2,1", "1,2", "1,2,3,4,5", "1,2,3,", "a,1,2,1", "1,2.5,3,1"),
        *("1,2,3,1e999", f"1,2,{2**70},1", "1,2," + "9" * 400),
    ],
)
def test_damaged_labels(tmp_path, line):
    path = write(tmp_path, f"1,0,2,1\n{line}\n")
    assert refused(read_pku_labels, path).where == "line 2"
    assert refused(read_pku_labels, path, ranges="keep").where == "line 2"


@pytest.mark.parametrize("line", ["1,5,5,1", "1,6,5,1"])
def test_ranges(tmp_path, line):
    path = write(tmp_path, line)
    assert "start before" in refused(read_pku_labels, path).expected
    assert len(read_pku_labels(path, ranges="keep")) == 1


def test_split(tmp_path):
    text = "Training videos: \r\n0002-L, 0002-M, \r\nValidataion videos:\r\n0003-L\r\n"
    split = read_pku_split(write(tmp_path, text))
    assert split == (("0002-L", "0002-M"), ("0003-L",))
    assert read_pku_split(write(tmp_path, text.replace("0003-L", ""))).validation == ()


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "line 1"),
        ("0002-L, 0002-M", "line 1"),
        ("Training videos:\n\nValidation videos:\na", "line 2"),
        ("Training videos:\na, b", "line 3"),
        ("Training videos:\na, b\nValidation videos:\nc\nd", "line 5"),
        ("Training videos:\na, b\nValidation videos:\nb", "the names"),
        ("Training videos:\nä\nValidation videos:\nb", "line 2"),
    ],
)
def test_damaged_splits(tmp_path, text, where):
    assert refused(read_pku_split, write(tmp_path, text)).where == where


@pytest.mark.oracle
def test_hostile_files(oracle):
    accepted = {"label_single_line", "label_empty", "label_three_columns", "label_blank_lines_crlf"}
    accepted |= {"skeleton_one_line"}
    for case in json.loads((oracle / "hostile/pku/cases.json").read_text()):
        skeleton = oracle / f"hostile/pku/{case}.skeleton.txt"
        label = oracle / f"hostile/pku/{case}.label.txt"
        if case.startswith("skeleton") and case not in accepted:
            refused(read_pku, skeleton)
            continue
        frames = read_pku(skeleton).shape[1]
        assert frames == (1 if case == "skeleton_one_line" else 6)
        if case in accepted:
            read_pku_labels(label, frames)
        else:
            refused(read_pku_labels, label, num_frames=frames)


@pytest.mark.oracle
@pytest.mark.parametrize("part", [1, 2])
@pytest.mark.parametrize("protocol", ["XSub", "XView"])
def test_clips_of_the_converter(oracle, part, protocol):
    """MAMP: rows[start:end], what is beyond the end is cut, what sums to zero is left out."""
    folder = oracle / f"pku/v{part}"
    word = "subject" if protocol == "XSub" else "view"
    file = f"cross-{word}.txt" if part == 1 else f"cross_{word}_v2.txt"
    split = read_pku_split(folder / file)
    wanted = json.loads((oracle / "pku/pku.json").read_text())[f"PKUv{part}_{protocol}"]
    found = {"train": ([], [], []), "test": ([], [], [])}
    for path in sorted((folder / "skeleton").iterdir()):
        pos = read_pku(path)
        table = pos.transpose(1, 0, 2, 3).reshape(pos.shape[1], 150)
        names, x, y = found["train" if path.stem in split.train else "test"]
        labels = read_pku_labels(folder / "label" / path.name, len(table), ranges="keep")
        for number, action in enumerate(labels):
            clip = table[action.start : action.end][:300]
            if clip.sum() != 0:
                names.append(f"{path.name}_{number}")
                x.append(np.concatenate([clip, np.zeros((300 - len(clip), 150), np.float32)]))
                y.append(action.action - 1)
    for side, (names, x, y) in found.items():
        assert names == [entry["instance"] for entry in wanted["order"][side]]
        for key, array in ((f"x_{side}", np.stack(x)), (f"y_{side}", np.eye(51)[y])):
            digest = hashlib.sha256(array.tobytes()).hexdigest()
            assert digest == wanted["arrays"][key]["sha256_of_bytes"]
