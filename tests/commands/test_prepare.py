import json
from pathlib import Path

import numpy as np
import pytest
from ntu_helpers import person, write_skeleton
from pose_helpers import write_recordings
from pyskl_helpers import save_athletes

from pyg_skeletonmae.commands.cli import main
from pyg_skeletonmae.commands.prepare import NAMES, prepare
from pyg_skeletonmae.datasets import ClipStore
from pyg_skeletonmae.errors import ConfigError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for seed, name in enumerate(("S001C001P001R001A001", "S002C002P003R002A050")):
        write_skeleton(tmp_path, {5: (0, person(12, seed))}, 12, name)
    (tmp_path / "S002C002P004R002A050.skeleton").write_text("2\n")
    return tmp_path


def test_card(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["prepare", "ntu60", "--root", str(root), "--workers", "0", "--policy", "none"]
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "clips        2 of 60 classes (0 to 1 each), 2 subjects"
    assert "xview train  1 clips (0 to 1 of each class)" in lines
    assert "dropped      1" in lines and "S002C002P004R002A050" in out
    assert lines[-1] == str(root / "processed/ntu60-none") and not err, "quiet without a terminal"
    assert main([*arguments, "--out", str(root / "o")]) == 0
    stores = [ClipStore(root / folder / "ntu60-none") for folder in ("processed", "o")]
    assert stores[0].content_hash == stores[1].content_hash


def test_list_of_incomplete_clips(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "list.txt").write_text("S001C001P001R001A001\n")
    dataset = prepare("ntu60", root, workers=0, incomplete=str(root / "list.txt"))
    assert dataset.subjects.tolist() == [3]


def test_poses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_recordings(tmp_path / "mine", 1, 1)
    arguments = ["prepare", "poses", "--root", str(tmp_path / "mine"), "--workers", "0"]
    assert main([*arguments, "--format", "mediapipe"]) == 0
    assert "2 of 2 classes" in capsys.readouterr().out
    (tmp_path / "mine/labels.csv").unlink()
    dataset = prepare("poses", tmp_path / "mine", workers=0, skeleton="mediapipe33")
    assert dataset.store.label is None
    (tmp_path / "mine/who.csv").write_text("file,label\nperson_1/wave_0.csv,wave\n")
    assert main([*arguments, "--labels", "who.csv", "--out", str(tmp_path / "out")]) == 0
    assert "1: not in the table of labels" in capsys.readouterr().out


def test_zeros_of_poses(tmp_path: Path) -> None:
    pos = np.random.default_rng(0).normal(size=(8, 17, 2))
    pos[3:5] = 0
    np.save(tmp_path / "a.npy", pos)
    settings = {"workers": 0, "format": "arrays", "skeleton": "coco17"}
    assert len(prepare("poses", tmp_path, **settings).card["notes"]) == 1
    card = prepare("poses", tmp_path, zeros="missing", **settings).card
    assert card["missing_joints"] == 2 * 17 and not card["notes"]
    with pytest.raises(ConfigError, match="--zeros: uiprmd has no such option"):
        prepare("uiprmd", tmp_path, zeros="keep")


def test_tables_of_landmarks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ",".join(f"{a}{j}" for j in range(1, 18) for a in ("x", "y", "score"))
    row = ",".join(f"{10 * i}.5,{20 * i}.5,0.{i % 10}" for i in range(17))
    text = f"bild,art,{names},welt\n" + "".join(f"{i},sitzen,{row},1\n" for i in (2, 3, 5))
    (tmp_path / "a.csv").write_text(text)
    told = (
        f"prepare poses --root {tmp_path} --workers 0 --skeleton coco17 --format table "
        "--min_score 0.25 --image_size [640,480] --fps 25 --label_column art --first_index 1"
    ).split()
    told += ["--columns", "{bild: frame}", "--ignore", "[w*]", "--strict"]
    assert main([*told, "--dry-run"]) == 0
    out, _ = capsys.readouterr()
    assert "classes     1: sitzen" in out and "frames from bild" in out
    assert "a.csv: 1 person(s), 4 frames, 2 channels, 25 a second, 51.5% missing" in out
    assert not (tmp_path / "processed").exists()
    assert main(told) == 0
    out, _ = capsys.readouterr()
    assert "1 of 1 classes" in out and "25 a second" in out and "ignored: welt" in out
    assert out.splitlines()[-1] == str(tmp_path / "processed/table")
    clip = ClipStore(tmp_path / "processed/table").clip(0)
    assert clip.pos[0, 0, 3].tolist() == pytest.approx([30.5 / 320 - 1, 60.5 / 240 - 1])


def test_what_position_channels_and_sets_of_landmarks_are(tmp_path: Path) -> None:
    for folder in ("bvh", "json"):
        (tmp_path / folder).mkdir()
    (tmp_path / "bvh/a.bvh").write_text(
        "HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\nCHANNELS 0\nJOINT b\n{\nOFFSET 2 0 0\n"
        "CHANNELS 1 Xposition\n}\n}\nMOTION\nFrames: 1\nFrame Time: 0.02\n3\n"
    )
    for positions, x in (("replace", 3), ("add", 5)):
        data = prepare("poses", tmp_path / "bvh", tmp_path / positions, 0, format="bvh",
                       positions=positions)  # fmt: skip
        assert data.store.clip(0).pos[0, 0, 1].tolist() == [x, 0, 0]
    sets = {
        key: [[{"x": x + j, "y": 1, "z": 2} for j in range(33)]]
        for key, x in (("pose_landmarks", 0.5), ("pose_world_landmarks", 9))
    }
    (tmp_path / "json/a.json").write_text(json.dumps([sets]))
    told = f"prepare poses --root {tmp_path / 'json'} --workers 0 --format mediapipe_json"
    assert main([*told.split(), "--key", "pose_world_landmarks"]) == 0
    clip = ClipStore(tmp_path / "json/processed/mediapipe_json").clip(0)
    assert clip.pos[0, 0, 0].tolist() == [9, 1, 2]


def test_pickles(tmp_path: Path) -> None:
    path = save_athletes(tmp_path / "gym_hrnet.pkl")
    stores = [
        prepare(name, root, tmp_path / "out", workers=0).store.root
        for name, root in (("pyskl", path), ("finegym", tmp_path))
    ]
    assert {store.parent for store in stores} == {tmp_path / "out"} and len(set(stores)) == 2
    assert prepare("pyskl", path, workers=0).store.root.parent == tmp_path / "processed"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("ntu61 --root .", "expected one of ntu60, ntu120"),
        ("ntu60", "root"),
        ("ntu60 --root nowhere", "nowhere: no such folder"),
        ("ntu60 --root . --policy mamp", "policy 'mamp': expected one of ctrgcn, pyskl, none"),
        ("uiprmd --root . --policy none", "--policy: uiprmd has no such option"),
        ("ntu60 --root . --workers many", "workers: expected a whole number, found 'many'"),
        ("ntu60 --root . --wrkers 2", "wrkers: no such key; did you mean workers?"),
        ("pyskl --root nothing.pkl", "nothing.pkl"),
        ("pkummd1 --root . --policy untrimmed", "no recording of PKU-MMD 1"),
        ("pkummd1 --root . --policy all", "policy 'all': expected one of mamp, none"),
        ("finegym --root . --format bvh", "--format: finegym has no such option"),
        ("poses --root . --format kinect", "format 'kinect': expected one of mediapipe"),
        ("poses --root . --format mediapip", "did you mean 'mediapipe'?"),
        ("poses --root nowhere", "nowhere: no such folder"),
        ("poses --root . --image_size 640", "image_size"),
        ("poses --root . --first_index 2", "first_index=2: expected 0 or 1"),
        ("poses --root . --format bvh --strict", "of tables only, not of the format 'bvh'"),
        ("ntu60 --root . --dry-run", "--dry_run: ntu60 has no such option"),
        ("poses --root . --labels no.csv", "no.csv"),
        ("poses --root . --format bvh --positions both", "expected 'replace', 'add' or None"),
        ("poses --root . --format coco --key a", "key='a' means nothing for coco"),
    ],
)
def test_bad_input_is_one_line(
    arguments: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["prepare", *arguments.split()]) == 2
    err = capsys.readouterr().err
    assert line in err and len(err.splitlines()) == 1 and err.startswith("skeletonmae: error: ")
    assert not list(tmp_path.iterdir())


def test_negative_workers(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", "ntu60", "--root", str(root), "--workers=-1"]) == 2
    assert "workers -1: expected 0 or more" in capsys.readouterr().err


def test_unknown_name() -> None:
    with pytest.raises(ConfigError, match="prepare 'kinetics': expected one of ntu60"):
        prepare("kinetics", ".")
    assert {"ntu60", "ntu120", "pkummd1", "pkummd2", "finegym", "diving48"} <= set(NAMES)


def test_axes_of_a_folder_of_arrays(tmp_path):
    rng, folder = np.random.default_rng(0), tmp_path / "poses"
    folder.mkdir()
    for number in range(3):
        np.save(folder / f"{number}.npy", rng.normal(size=(2, 9, 17, 2)))
    given = {"format": "arrays", "skeleton": "coco17", "workers": 0}
    with pytest.warns(UserWarning, match="the shape also fits CTVM"):
        data = prepare("poses", folder, tmp_path / "a", **given)
    assert "axes='CTVM' settles it (3: 0.npy, 1.npy, 2.npy)" in data.card["notes"][0]
    for axes in ("MTVC", "CTVM"):
        data = prepare("poses", folder, tmp_path / axes, axes=axes, **given)
        assert not data.card["notes"] and data[0].pos.shape == (34, 9, 2)
    with pytest.raises(ConfigError, match="expected the order of M"):
        prepare("poses", folder, tmp_path / "b", axes="persons", **given)
    with pytest.raises(ConfigError, match="axes='CTVM' means nothing for openpose"):
        prepare("poses", folder, tmp_path / "b", axes="CTVM", format="openpose")
    absent = rng.normal(size=(2, 9, 17, 2))
    absent[..., 1] = 0
    np.save(folder / "2.npy", absent)
    with (
        pytest.raises(ConfigError, match=r"2\.npy: .*absent; pass axes='CTVM'"),
        pytest.warns(UserWarning, match="the shape also fits"),
    ):
        prepare("poses", folder, tmp_path / "c", **given)
    assert not list((tmp_path / "c").glob("arrays*"))


def test_jobs_whose_stores_stay_apart(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["prepare", "ntu60", "--root", str(root), "--workers", "0", "--policy", "none"]
    assert main([*arguments, "--out", str(root / "one")]) == 0
    apart = [*arguments, "--out", str(root / "parts"), "--shards", "2", "--parts"]
    capsys.readouterr()
    assert main([*apart, "--shard", "1"]) == 0
    assert "shard 1 of 2 is done; 1 of 2 are there" in capsys.readouterr().out
    assert main([*apart, "--shard", "0"]) == 0
    out = capsys.readouterr().out
    assert "clips        2 of 60 classes" in out and "dropped      1" in out
    stores = [ClipStore(root / name / "ntu60-none") for name in ("one", "parts")]
    assert stores[0].content_hash == stores[1].content_hash
    assert [part["folder"] for part in stores[1].card["parts"]] == ["part-00000", "part-00001"]
    assert stores[1].card["splits"] == stores[0].card["splits"]
    assert main([*arguments, "--parts"]) == 2
    assert "--parts: into how many? Give --shards" in capsys.readouterr().err
