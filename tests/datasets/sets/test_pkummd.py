import json
from pathlib import Path

import numpy as np
import pytest
from oracle_helpers import oracles

from pyg_skeletonmae.datasets.sets.pkummd import PKUMMD, Action
from pyg_skeletonmae.errors import ConfigError, DataError


@pytest.fixture
def oracle() -> Path:
    root = oracles()
    return root / "data/pku"


def rows(frames: int, bodies: int = 1, seed: int = 0) -> np.ndarray:
    table = np.round(np.random.default_rng(seed).normal(size=(frames, 150)), 6)
    table[:, 75 * bodies :] = 0
    return table.astype(np.float32)


def write(root: Path, name: str, table: np.ndarray, labels: str, owners: bool = False) -> None:
    folders = ("Data/PKU_Skeleton_Renew", "Label/Train_Label_PKU_final")
    for folder, text in zip(
        folders if owners else ("skeleton", "label"),
        ("\n ".join(" ".join(f"{v:.6f}" for v in row) for row in table), labels),
        strict=True,
    ):
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / f"{name}.txt").write_text(text + "\n")


@pytest.fixture
def root(tmp_path) -> Path:
    """Phase I: two bodies in the first recording, an empty second half in the second."""
    table = rows(340, 2)
    table[:5, 75:] = 0
    write(tmp_path, "0002-L", table, "10,5,25,2\n51,10,335,1\n3,330,400,2")
    table = rows(40, 1, 1)
    table[20:] = 0
    write(tmp_path, "0003-M", table, "1,0,20,2\n7,25,35,1\n8,15,25,1")
    (tmp_path / "cross-subject.txt").write_text(
        "Training videos: \n0002-L, \nValidataion videos:\n0003-M\n"
    )
    return tmp_path


def test_clips_and_columns(root):
    data = PKUMMD(root)
    assert repr(data) == "PKUMMD(5)" and (data.num_classes, data.class_names[9]) == (51, "A10")
    names = ["0002-L_0", "0002-L_1", "0002-L_2", "0003-M_0", "0003-M_2"]
    assert list(data.store.names) == names and data.labels.tolist() == [9, 50, 2, 0, 7]
    assert data.store.length.tolist() == [20, 300, 10, 20, 10]
    assert data.store.num_tracks.tolist() == [2, 2, 2, 1, 1]
    extra = {key: column.tolist() for key, column in data.store.extra.items()}
    assert extra == {
        "camera": [1, 1, 1, 2, 2],
        "start": [5, 10, 330, 0, 15],
        "end": [25, 310, 340, 20, 25],
        "train_xsub": [1, 1, 1, 0, 0],
        "train_xview": [0, 0, 0, 1, 1],
    }
    assert data.store.root == root / "processed/pkummd1-mamp" and data.subjects[0] == -1
    clip = data.store.clip(4)
    np.testing.assert_array_equal(clip.pos[0, :5].reshape(5, 75), rows(40, 1, 1)[15:20, :75])
    assert clip.valid[0, :5].all() and not clip.valid[0, 5:].any()


def test_cameras_film_one_performance(root):
    write(root, "0002-R", rows(340, 2), "10,5,25,2")
    assert PKUMMD(root).performances.tolist() == [0, 0, 0, 0, 1, 1]
    assert PKUMMD(root)[[1, 3, 5]].performances.tolist() == [0, 0, 1]


def test_policy_none_keeps_every_frame(root):
    assert PKUMMD(root).store.card["dropped"] == {"sums to zero": ["0003-M_1"]}
    data = PKUMMD(root, policy="none")
    assert data.store.card["dropped"] == {"shows nobody": ["0003-M_1"]}
    assert data.store.length.tolist() == [20, 325, 10, 20, 10]
    assert data.store.root.name == "pkummd1-none"


def test_only_a_sum_of_zero_is_left_out_by_mamp(root):
    table = np.sign(rows(10))
    table[5:] = -table[:5]
    write(root, "0004-R", table, "1,0,10,2")
    assert len(PKUMMD(root)) == 5
    assert PKUMMD(root, policy="none").store.names[-1] == "0004-R_0"


def test_official_split(root):
    train, test = PKUMMD(root).official_split()
    assert (len(train), len(test)) == (3, 2)
    train, test = PKUMMD(root, protocol="xview").official_split()
    assert (len(train), len(test)) == (2, 3)


def test_the_split_of_phase_one_needs_its_file(root):
    (root / "cross-subject.txt").unlink()
    with pytest.raises(DataError, match="needs the owners' split file"):
        PKUMMD(root).official_split()
    PKUMMD(root, protocol="xview").official_split()


def test_phase_two_knows_who_trains(tmp_path):
    base = tmp_path / "v2"
    for name in ("A01N02-L", "A01N08-R", "A26N07-M"):
        write(base, name, rows(20), "41,0,20,1", owners=True)
    data = PKUMMD(tmp_path, part=2)
    train, test = data.official_split()
    assert train.subjects.tolist() == [8] and test.subjects.tolist() == [2, 7]
    train, test = PKUMMD(tmp_path, 2, "xview").official_split()
    assert train.subjects.tolist() == [8, 7] and test.subjects.tolist() == [2]


def test_sizes_are_those_published(tmp_path, monkeypatch):
    monkeypatch.setattr("pyg_skeletonmae.datasets.sets.pkummd_files.NUM_RECORDINGS", {1: 2, 2: 3})
    for name in ("A01N02-L", "A01N08-R", "A26N07-M"):
        write(tmp_path, name, rows(20), "41,0,20,1")
    with pytest.raises(DataError, match=r"PKU-MMD 2 xsub: 1 and 2 recordings, not \(775, 234\)"):
        PKUMMD(tmp_path, 2).official_split()


def test_untrimmed(root):
    data = PKUMMD(root, untrimmed=True)
    assert list(data.store.names) == ["0002-L", "0003-M"] and data.store.label is None
    assert data[0].pos.shape == (50, 340, 3) and data.num_classes == 0
    assert data.annotations("0003-M") == [Action(0, 0, 20), Action(6, 25, 35), Action(7, 15, 25)]
    wanted = [0] * 15 + [7] * 10 + [6] * 10 + [-1] * 5
    assert data.frame_labels(1).tolist()[25:] == wanted[25:]
    assert data.frame_labels(1).tolist() == wanted
    train, test = data.official_split()
    assert (len(train), len(test)) == (1, 1)
    with pytest.raises(DataError, match="no recording '0009-L'"):
        data.annotations("0009-L")
    with pytest.raises(DataError, match="untrimmed=True"):
        PKUMMD(root).frame_labels(0)


def test_damage_is_left_out_and_said(root):
    (root / "label/0003-M.txt").write_text("52,0,20,1\n")
    (root / "skeleton/readme.txt").write_text("hello\n")
    data = PKUMMD(root)
    assert len(data) == 3
    ((reason, names),) = data.store.card["dropped"].items()
    assert "a class from 1 to 51" in reason and names == ["0003-M"]


def test_errors(root, tmp_path):
    for settings in ({"part": 3}, {"protocol": "xset"}, {"policy": "ctrgcn"}):
        with pytest.raises(ConfigError, match="expected one of"):
            PKUMMD(root, **settings)
    with pytest.raises(DataError, match="no recording of PKU-MMD 2"):
        PKUMMD(root, 2)


@pytest.mark.oracle
@pytest.mark.parametrize("part", [1, 2])
@pytest.mark.parametrize("protocol", ["xsub", "xview"])
def test_clips_and_splits_of_the_converter(oracle, tmp_path, part, protocol):
    data = PKUMMD(oracle, part, protocol, processed_root=tmp_path)
    name = f"PKUv{part}_{'XSub' if protocol == 'xsub' else 'XView'}"
    recorded = json.loads((oracle / "pku.json").read_text())[name]
    arrays = np.load(oracle / f"{name}.npz") if protocol == "xsub" else None
    for side, view in zip(("train", "test"), data.official_split(), strict=True):
        order = recorded["order"][side]
        clips = [data.store.clip(number) for number in view.indices()]
        assert [c.name for c in clips] == [o["instance"].replace(".txt", "") for o in order]
        assert [c.label for c in clips] == [o["label_zero_based"] for o in order]
        frames = [min(o["rows_before_300_cut"], 300) for o in order]
        assert [c.pos.shape[1] for c in clips] == frames
        if arrays is not None:
            x = np.zeros_like(arrays[f"x_{side}"])
            for row, clip in zip(x, clips, strict=True):
                joints = clip.pos.transpose(1, 0, 2, 3).reshape(clip.pos.shape[1], -1)
                row[: joints.shape[0], : joints.shape[1]] = joints
            np.testing.assert_array_equal(x, arrays[f"x_{side}"])
            one_hot = np.eye(51)[[clip.label for clip in clips]]
            np.testing.assert_array_equal(one_hot, arrays[f"y_{side}"])
