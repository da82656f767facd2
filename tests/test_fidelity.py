"""Presets feed models what the public feeders do, from the owners' files to the tensor.

What was compared, and by how much it differs at most, is said in ``docs/fidelity.md``: each of its
rows is held by a test here.
"""

from __future__ import annotations

import json
import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from fidelity_helpers import (
    CONFIGS,
    centred,
    crop,
    decode_test,
    difference,
    feed,
    is_degrees,
    mamp_feeder,
    padded,
    preset,
    rotation,
    sample,
    turn,
    with_draws,
)
from miniature_helpers import write_pku
from ntu_helpers import person, write_skeleton
from oracle_helpers import oracles
from pyskl_helpers import save_pyskl

from pyg_skeletonmae.commands.cli import main
from pyg_skeletonmae.commands.data_clips import open_dataset
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.evaluation.windows import WindowLoader
from pyg_skeletonmae.layouts import NTU25
from pyg_skeletonmae.training import release_preprocessing

MOST = 1e-6
PAGE = Path(__file__).parents[1] / "docs/fidelity.md"
STREAMS = ("joint", "bone", "motion", "bone_motion")


@cache
def recorded(name: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    feeders = oracles() / "data" / "feeders"
    records: dict[str, Any] = json.loads((feeders / f"{name}.json").read_text())
    return records, dict(np.load(feeders / f"{name}.npz"))


@cache
def stated() -> dict[str, float]:
    """The largest difference of each row of the page."""
    row = re.compile(r"^\| (`[^|]+`[^|]*) \|.*\| ([0-9.e-]+) \|$", re.MULTILINE)
    rows = row.findall(PAGE.read_text(encoding="utf-8"))
    return {name: float(value) for name, value in rows}


def holds(row: str, *differences: float) -> None:
    """The page does not say too little, and it says at most 1e-6."""
    assert max(differences) <= stated()[row] <= MOST, (row, max(differences))


@pytest.fixture
def ntu(tmp_path: Path) -> Path:
    """The written files of NTU RGB+D, in a folder that may get a store."""
    folder = tmp_path / "ntu"
    shutil.copytree(oracles() / "data/ntu/skeleton", folder)
    return folder


@pytest.fixture
def pku(tmp_path: Path) -> Path:
    for name in ("v1", "v2"):
        shutil.copytree(oracles() / "data/pku" / name, tmp_path / "pku" / name)
    return tmp_path / "pku"


# MAMP and CTR-GCN -----------------------------------------------------------------------------


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["mamp", "st_mae_vit", "st_mae_sttformer"])
def test_testing_of_mamp_equals_its_loader(ntu, tmp_path, name):
    records, arrays = recorded("mamp_feeder")
    found = []
    for stream in STREAMS:
        config = preset(f"pretrain/{name}", tmp_path, path=str(ntu), frames=16, stream=stream)
        clips = feed(config, train=False)
        for clip in records["feeder_samples"]:
            wanted = arrays[f"feeder_{stream}/{clip}"].transpose(3, 1, 2, 0)[None]
            found.append(difference(clips[clip], wanted))
    holds("`mamp`, testing, four streams", *found)


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("file", "settings"),
    [
        ("NTU60_CS", {"name": "ntu60"}),
        ("NTU120_CSet", {"name": "ntu120", "protocol": "xset"}),  # lone persons twice
    ],
)
def test_testing_of_mamp_equals_its_arrays_and_steps(ntu, tmp_path, file, settings):
    splits = json.loads((oracles() / "data/ntu/ctrgcn_mamp.json").read_text())["splits"]
    clips = feed(preset("pretrain/mamp", tmp_path, path=str(ntu), **settings), train=False)
    with np.load(oracles() / f"data/ntu/{file}.npz") as arrays:
        found = [
            difference(clips[name], mamp_feeder(x, 120))
            for side in ("train", "test")
            for name, x in zip(splits[file][side], arrays[f"x_{side}"], strict=True)
        ]
    assert len(found) > 20
    holds("`mamp`, testing, converted arrays", *found)


@pytest.mark.oracle
@pytest.mark.parametrize(("part", "file"), [(1, "PKUv1_XSub"), (2, "PKUv2_XSub")])
def test_testing_of_mamp_on_pku_mmd(pku, tmp_path, part, file):
    """Some of these clips have frames that show nobody: the feeder then loses the last ones."""
    config = preset("pretrain/mamp", tmp_path, name=f"pkummd{part}", path=str(pku))
    clips = feed(config, train=False)
    order = json.loads((oracles() / "data/pku/pku.json").read_text())[file]["order"]
    found = []
    with np.load(oracles() / f"data/pku/{file}.npz") as arrays:
        for side in ("train", "test"):
            for told, x in zip(order[side], arrays[f"x_{side}"], strict=True):
                wanted = mamp_feeder(x, 120)
                if not wanted[:, 0].any():  # persons trade places where the first is absent
                    wanted = wanted[:, ::-1].copy()
                found.append(difference(clips[told["instance"].replace(".txt", "")], wanted))
    holds("`mamp`, testing, PKU-MMD", *found)


@pytest.mark.oracle
@pytest.mark.parametrize("number", [4, 5, 6, 7, 8])
def test_training_of_mamp_with_its_draws(tmp_path, monkeypatch, number):
    records, arrays = recorded("mamp_feeder")
    record, angles = records[f"crop{number:02}"], arrays["rot_mix/angles"].tolist()
    x = arrays[f"{record['clip']}/input"].reshape(-1, 2, 25, 3).transpose(1, 0, 2, 3)
    # Padding at the end is no frame; an empty frame inside is none that shows anybody.
    x = x[:, : int(np.flatnonzero(x.any((0, 2, 3)))[-1]) + 1]
    valid = np.repeat(x.any((2, 3))[..., None], 25, -1)
    root = tmp_path / "clips"
    SkeletonDataset.from_arrays([x], [0], NTU25, root=root, valid=[valid], zeros="keep")
    changes = {"name": "store", "path": str(root), "frames": record["window"]}
    config = preset("pretrain/mamp", tmp_path, **changes)
    assert is_degrees(config.rotate) and config.crop == [0.5, 1.0]
    rand, start = (draw["result"] for draw in record["draws"])
    draws = crop(rand[0], start, record["valid_frame_num"], record["crop_length"]), turn(angles)
    with_draws(monkeypatch, draws)
    (found,) = feed(config, train=True).values()
    wanted = arrays[f"crop{number:02}/output"].transpose(3, 1, 2, 0)[None]
    wanted = padded(wanted.astype(np.float64) @ rotation(angles).T)
    holds("`mamp`, training", difference(found, wanted))


# Skeleton2vec and pyskl -----------------------------------------------------------------------

CASES = ("one", "two_first_shorter")


def pickled(path: Path, case: str) -> str:
    """A pickle of pyskl with a recorded clip in half precision."""
    _, arrays = recorded("pyskl_skeleton2vec")
    keypoint = arrays[f"prenorm3d/{case}/float16/input"]
    clip = {"frame_dir": "clip", "label": 0, "total_frames": keypoint.shape[1]}
    splits = {"train": ["clip"], "val": ["clip"]}
    return str(save_pyskl(path / "clips.pkl", [{**clip, "keypoint": keypoint}], splits))


@pytest.mark.oracle
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("align", "how"), [("none", "center"), ("pyskl", "align")])
@pytest.mark.parametrize(("stream", "field"), [("joint", "keypoint"), ("motion", "motion")])
def test_training_of_skeleton2vec_with_its_draws(
    tmp_path, monkeypatch, case, align, how, stream, field
):
    records, arrays = recorded("pyskl_skeleton2vec")
    changes = {"name": "pyskl", "path": pickled(tmp_path, case), "align": align}
    config = preset("pretrain/skeleton2vec", tmp_path, frames=18, stream=stream, **changes)
    assert is_degrees(config.rotate)
    record = records[f"skeleton2vec_train/{case}/{how}"]
    (length,) = open_dataset(config).store.length.tolist()
    angles, *frames = record["draws"]
    with_draws(monkeypatch, [*sample(frames, length, 18), turn(angles["result"])])
    (found,) = feed(config, train=True).values()
    wanted = arrays[f"skeleton2vec_train/{case}/{how}/{field}"]
    holds("`skeleton2vec`, training", difference(found, wanted))


@pytest.mark.oracle
def test_testing_of_skeleton2vec_equals_its_steps_on_the_owners_files(ntu, tmp_path):
    """Ten views of the keypoints that pyskl's converter writes, in half precision."""
    config = preset("pretrain/skeleton2vec", tmp_path, path=str(ntu), frames=24)
    clips = feed(config, train=False)
    annotations = json.loads((oracles() / "data/ntu/pyskl.json").read_text())["per_file"]
    found = []
    with np.load(oracles() / "data/ntu/pyskl_keypoints.npz") as arrays:
        for name in sorted(set(clips) & set(arrays.files)):
            keypoint = centred(arrays[name])
            frames = decode_test(keypoint.shape[1], 24, 10)
            wanted = padded(keypoint[:, frames].swapaxes(0, 1))
            found.append(difference(clips[name], wanted))
    assert len(found) == len(clips) > 15 and len(annotations) > len(found)
    holds("`skeleton2vec`, testing", *found)


@pytest.mark.oracle
@pytest.mark.parametrize("case", CASES)
def test_training_and_testing_of_pyskl_in_3d(tmp_path, monkeypatch, case):
    records, arrays = recorded("pyskl_skeleton2vec")
    changes = {"name": "pyskl", "path": pickled(tmp_path, case), "pipeline": "pyskl3d"}
    changes |= {"rotate": 0.0}
    config = preset("pretrain/skeleton2vec", tmp_path, frames=10, views=3, **changes)
    (test,) = feed(config, train=False).values()
    differences = [difference(test, arrays[f"pyskl_stgcnpp_joint_test/{case}"])]
    config = preset("pretrain/skeleton2vec", tmp_path, frames=18, stream="bone", **changes)
    (length,) = open_dataset(config).store.length.tolist()
    draws = records[f"pyskl_stgcnpp_bone_train/{case}"]["draws"]
    with_draws(monkeypatch, sample(draws, length, 18))
    (train,) = feed(config, train=True).values()
    differences.append(difference(train, arrays[f"pyskl_stgcnpp_bone_train/{case}"]))
    holds("`pyskl3d`, training and testing", *differences)


@pytest.mark.oracle
@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("scores", [True, False])
def test_testing_of_pyskl_in_2d(tmp_path, stream, scores):
    """Pixels and scores in half precision, normalised by the image, streams before sampling."""
    _, arrays = recorded("pyskl_skeleton2vec")
    keypoint, score = arrays["prenorm2d/keypoint"], arrays["prenorm2d/score"]
    clip = {"frame_dir": "V0", "label": 0, "total_frames": keypoint.shape[1]}
    clip |= {"keypoint": keypoint, "img_shape": (720, 1280), "original_shape": (720, 1280)}
    other = {**clip, "frame_dir": "V1", "label": 1}
    both = [{**one, "keypoint_score": score} if scores else one for one in (clip, other)]
    path = save_pyskl(tmp_path / "gym_hrnet.pkl", both, {"train": ["V0"], "val": ["V1"]})
    changes = {"name": "finegym", "path": str(path.parent), "pipeline": "pyskl2d", "rotate": 0.0}
    config = preset("pretrain/mamp", tmp_path, frames=5, stream=stream, **changes)
    found = feed(config, train=False)["V0"]
    x = arrays["prenorm2d/fix_imgshape_720_1280" if scores else "prenorm2d/fix_noscore"]
    pairs = recorded("pyskl_skeleton2vec")[0]["pairs_zero_based_child_parent"]["coco"]
    if stream.startswith("bone"):
        bone = np.zeros_like(x)
        for child, parent in pairs:
            bone[:, :, child] = x[:, :, child] - x[:, :, parent]
            bone[:, :, child, 2:] = (x[:, :, child, 2:] + x[:, :, parent, 2:]) / 2
        x = bone
    if stream.endswith("motion"):
        motion = np.zeros_like(x)
        motion[:, :-1] = x[:, 1:] - x[:, :-1]
        motion[:, :-1, :, 2:] = (x[:, 1:, :, 2:] + x[:, :-1, :, 2:]) / 2
        x = motion
    frames = decode_test(x.shape[1], 5, 10, starts=False)
    holds("`pyskl2d`, testing, four streams", difference(found, x[:, frames].swapaxes(0, 1)))


# Written files: nobody, one, two, and two who trade places ------------------------------------


NAMES = [f"S001C001P001R001A00{action}" for action in (1, 2, 3, 4)]


def write_persons(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Files of nobody, one, two, and two of whom the second is there longer and moves more."""
    one, two = person(30, 1), person(30, 2, scale=0.2)
    everybody = ({}, {5: (0, one)}, {5: (0, two), 6: (0, one)}, {5: (0, one[:20]), 6: (0, two)})
    for name, tracks in zip(NAMES, everybody, strict=True):
        write_skeleton(folder, tracks, 30, name)
    return one, two


def test_persons_of_written_files(tmp_path):
    """What becomes of them in each pipeline: two slots, zeros where nobody is."""
    _, two = write_persons(tmp_path)
    names = NAMES[1:]
    mamp = feed(preset("pretrain/mamp", tmp_path, path=str(tmp_path), frames=30), train=False)
    s2v = preset("pretrain/skeleton2vec", tmp_path, path=str(tmp_path), frames=30, views=1)
    s2v_clips = feed(s2v, train=False)
    for clips in (mamp, s2v_clips):
        assert sorted(clips) == names  # a file of nobody is left out
        assert not clips[names[0]][0, 1].any() and clips[names[0]][0, 0].any()
        assert all(clips[name][0, slot].any() for name in names[1:] for slot in (0, 1))
    looped = preset("pretrain/mamp", tmp_path, path=str(tmp_path), frames=30, name="ntu120")
    twice = feed(looped, train=False)[names[0]]
    assert twice[0, 0].equal(twice[0, 1]) and twice[0, 0].equal(mamp[names[0]][0, 0])
    half = two.astype(np.float16) - two.astype(np.float16)[0, 1]
    frames = decode_test(30, 30, 1)[0]
    assert s2v_clips[names[2]][0, 0].equal(torch.from_numpy(half[frames].astype(np.float32)))
    # The first person is gone after 20 frames: zeros, as the public code has it.
    gone = s2v_clips[names[2]][0, 1, frames >= 20]
    assert not gone.any()


def test_persons_of_written_files_are_as_many_as_there_are_in_ours(tmp_path):
    """No slot is filled, and nobody is a person of zeros."""
    write_persons(tmp_path)
    config = DataConfig("ntu60", str(tmp_path), cache=str(tmp_path / "cache"), frames=30)
    dataset = open_dataset(config)
    assert list(dataset.store.names) == NAMES[1:]  # a file of nobody is left out
    (batch,) = config.eval_loader(dataset)
    assert batch.num_tracks.tolist() == [1, 2, 2]
    tracks = batch.pos.view(5, 25, 30, 3)
    valid = batch.valid.view(5, 25, 30)
    assert valid.any((1, 2)).all() and all(track.any() for track in tracks)
    gone = valid.all(1)[4]  # who was there for 20 frames stands second
    assert gone[:19].all() and not gone[21:].any() and valid.all(1)[3].all()


def test_persons_of_written_files_in_pyskl_3d(tmp_path):
    """Who is there longer stands first, about the spine and turned by the shoulders."""
    write_persons(tmp_path)
    changes = {"path": str(tmp_path), "pipeline": "pyskl3d", "frames": 30, "views": 1}
    clips = feed(preset("pretrain/skeleton2vec", tmp_path, **changes), train=False)
    assert sorted(clips) == NAMES[1:]
    shown = [[bool(clips[name][0, slot].any()) for slot in (0, 1)] for name in NAMES[1:]]
    assert shown == [[True, False], [True, True], [True, True]]
    first, second = clips[NAMES[3]][0]
    assert all(frame.any() for frame in first)
    assert sum(bool(frame.any()) for frame in second) == 20
    for clip in clips.values():
        start = clip[0, 0, :, 1].norm(dim=-1).argmin()  # of whatever frames were sampled
        shoulders = clip[0, 0, start, 4] - clip[0, 0, start, 8]
        assert not clip[0, 0, start, 1].any() and shoulders[1:].abs().max() < 1e-6


def test_persons_of_written_poses_in_pyskl_2d(tmp_path):
    """A second person of zeros; two stay in the order of the file."""
    random = np.random.default_rng(0)
    poses = random.uniform(100, 600, (2, 12, 17, 2)).astype(np.float16)
    people = {"one": poses[:1], "two": poses, "swapped": poses[::-1], "nobody": poses[:1] * 0}
    size = {"img_shape": (720, 1280), "original_shape": (720, 1280), "total_frames": 12}
    clips = [
        {"frame_dir": name, "label": i % 2, "keypoint": keypoint.copy(), **size,
         "keypoint_score": np.ones(keypoint.shape[:3], np.float16) * bool(keypoint.any())}
        for i, (name, keypoint) in enumerate(people.items())
    ]  # fmt: skip
    path = save_pyskl(tmp_path / "gym_hrnet.pkl", clips, {"train": list(people), "val": []})
    changes = {"name": "finegym", "path": str(path.parent), "pipeline": "pyskl2d", "rotate": 0.0}
    found = feed(preset("pretrain/mamp", tmp_path, frames=12, views=1, **changes), train=False)
    frames = decode_test(12, 12, 1, starts=False)[0]
    centre = np.array([640, 360], np.float32)
    wanted = {name: (x.astype(np.float32) - centre) / centre for name, x in people.items()}
    for name in ("one", "two", "swapped"):
        for slot, person_ in enumerate(wanted[name]):
            assert difference(found[name][0, slot, ..., :2], person_[frames]) < MOST
    assert not found["one"][0, 1].any()
    assert found["two"][0, 0].equal(found["swapped"][0, 1])
    assert sorted(found) == ["one", "swapped", "two"]  # a clip of nobody is left out


def test_the_page_has_no_other_rows():
    text = Path(__file__).read_text(encoding="utf-8")
    assert set(stated()) == set(re.findall(r'holds\("([^"]+)"', text))


# From a preset to a release, and back ----------------------------------------------------------

SMALL = (
    "--model.init_args.backbone.init_args.hidden_channels=16",
    "--model.init_args.backbone.init_args.depth=1",
    "--model.init_args.backbone.init_args.heads=2",
    "--model.init_args.backbone.init_args.decoder_channels=16",
    "--model.init_args.backbone.init_args.decoder_depth=1",
    "--trainer.max_steps=1",
    "--trainer.precision=32-true",
    "--keep_memory=false",
    "--quiet",
)


@pytest.mark.parametrize(("name", "frames"), [("mamp", 12), ("skeleton2vec", 15)])
def test_a_release_of_a_preset_feeds_itself(tmp_path, monkeypatch, capsys, name, frames):
    """And says so where it is given other clips."""
    monkeypatch.chdir(tmp_path)
    for action in (1, 2):
        for subject in (1, 2, 3, 4):
            file = f"S001C001P{subject:03}R001A{action:03}"
            write_skeleton(tmp_path, {5: (0, person(20, 4 * action + subject))}, 20, file)
    clips = ("--data.path=.", "--data.batch_size=4", "--data.cache=cache")
    config = f"--config={CONFIGS / 'pretrain' / name}.yaml"
    length = f"--data.frames={frames}"
    assert main(["pretrain", config, *clips, length, *SMALL, "--out=run"]) == 0
    assert release_preprocessing("run").pipeline == name
    capsys.readouterr()
    evaluate = ["evaluate", "--data.name=ntu60", *clips, "--pretrained=run", "--keep_memory=false"]
    assert main([*evaluate, "--out=measured"]) == 0
    said = capsys.readouterr()
    assert "note: data." not in said.err and "notes" not in json.loads(said.out)
    told = yaml.safe_load(Path("measured/config.yaml").read_text())["data"]
    wanted = {"pipeline": name, "frames": frames, "center": None, "scale": None}
    assert {key: told[key] for key in wanted} == wanted
    ours = ("--data.pipeline=ours", "--data.center=mean", "--data.scale=std")
    assert main([*evaluate, *ours]) == 0
    said = capsys.readouterr()
    assert f"note: data.pipeline is 'ours', was '{name}' in run" in said.err
    (note,) = json.loads(said.out)["notes"]
    assert note.startswith(f"other clips than run was trained on: pipeline is 'ours', was '{name}'")
    again = ["evaluate", "--data.name=ntu60", *clips, "--pretrained=run", "--keep_memory=false"]
    for protocol in ("linear-sgd", "finetune"):
        assert main([*again, f"--protocol={protocol}", "--tune.epochs=1"]) == 0
        said = f"{protocol}: as published ({name}, ntu60-xsub), "
        assert said in capsys.readouterr().err


@pytest.mark.parametrize("name", ["mamp", "skeleton2vec"])
def test_windows_of_recordings_come_through_the_pipeline(tmp_path, name):
    """Each is normalised on its own: a window is a clip."""
    write_pku(tmp_path, 1)
    config = DataConfig(
        "pkummd1", str(tmp_path), cache=str(tmp_path / "cache"), policy="untrimmed", frames=12,
        pipeline=name,
    )  # fmt: skip
    dataset = open_dataset(config)
    once, truth = config.once(dataset), [[] for _ in range(len(dataset))]
    often = config.transform(dataset, train=False)
    windows = WindowLoader(dataset, truth, 8, 4, 0, often, once=once)
    (first, *_) = windows
    views = 10 if name == "skeleton2vec" else 1
    assert set(first.num_tracks.tolist()) == {2 * views} and first.valid.all()
    start = first.pos.view(len(first.y), views, 2, 25, 12, 3)[:, 0, 0, 1, 0]
    if name == "skeleton2vec":  # the first view begins anywhere, the spine is the origin there
        assert start.norm(dim=-1).max() < 0.5
    assert sum(len(batch.y) for batch in windows) == sum(map(len, windows.starts))
