import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from oracle_helpers import oracles
from pyskl_helpers import annotation, save_athletes, save_pyskl

from pyg_skeletonmae.datasets.sets.pyskl import PysklDataset
from pyg_skeletonmae.datasets.sets.pyskl_clips import PysklOptions
from pyg_skeletonmae.errors import DataError, SkeletonError, SkeletonFormatError


@pytest.fixture
def oracle() -> Path:
    root = oracles()
    return root / "data"


def names(view: PysklDataset) -> list[str]:
    return [view.store.names[number] for number in view.indices()]


def test_clips_and_splits(tmp_path):
    path = save_athletes(tmp_path / "a.pkl", num_classes=5)
    data = PysklDataset(path, tmp_path)
    assert repr(data) == "PysklDataset(6)" and data.num_classes == 5
    assert data.labels.tolist() == [4, 3, 2, 4, 3, 2] and data.skeleton.name == "coco17"
    assert data[1].pos.shape == (34, 9, 2) and float(data[1].pos.abs().max()) <= 1
    assert data.split_names == ("train", "val")
    assert names(PysklDataset(path, tmp_path, "val")) == ["V3", "V4", "V5"]
    train, test = data.official_split()
    assert names(train) == ["V0", "V1", "V2"] and names(test) == ["V3", "V4", "V5"]
    assert (tmp_path / "processed").is_dir() and data.store.card["source"].startswith(
        "pyskl, a.pkl"
    )
    path.unlink()
    assert len(PysklDataset(path, tmp_path)) == 6


def test_a_part_of_a_split(tmp_path):
    data = PysklDataset(save_athletes(tmp_path / "a.pkl"), tmp_path)[1:5]
    train, test = data.official_split()
    assert names(train) == ["V1", "V2"] and names(test) == ["V3", "V4"]
    with pytest.raises(DataError, match="no clip on a side"):
        data[:2].official_split()


def test_settings_make_stores_of_their_own(tmp_path):
    path = save_athletes(tmp_path / "a.pkl")
    mask = PysklDataset(path, tmp_path)
    both = PysklDataset(path, tmp_path, options=PysklOptions("both"))
    assert mask.store.root != both.store.root and both[0].pos.shape[-1] == 3
    assert mask.store.card["missing_joints"] == both.store.card["missing_joints"] > 0
    again = PysklDataset(path, tmp_path, force_reload=True)
    assert again.store.content_hash == mask.store.content_hash


def test_protocols(tmp_path):
    splits = {"xsub_train": ["a"], "xsub_val": ["b"], "train1": ["b"], "test1": ["a"], "none": []}
    path = save_pyskl(tmp_path / "a.pkl", [annotation("a"), annotation("b", 1)], splits)
    for protocol, wanted in (("xsub", ["a"]), ("1", ["b"])):
        train, _ = PysklDataset(path, tmp_path, protocol=protocol).official_split()
        assert names(train) == wanted
    data = PysklDataset(path, tmp_path)
    with pytest.raises(DataError, match="no splits train and val; there are xsub_train"):
        data.official_split()
    with pytest.raises(DataError, match="no split 'val'; there are"):
        PysklDataset(path, tmp_path, "val")
    with pytest.raises(DataError, match="the split 'none' is empty"):
        PysklDataset(path, tmp_path, "none")


def test_complete_data_must_divide_as_published(tmp_path, monkeypatch):
    data = PysklDataset(save_athletes(tmp_path / "a.pkl"), tmp_path)
    monkeypatch.setattr(PysklDataset, "sizes", (3, 3))
    data.official_split()
    monkeypatch.setattr(PysklDataset, "sizes", (4, 2))
    with pytest.raises(DataError, match=r"\(3, 3\) clips on the two sides, not \(4, 2\)"):
        data.official_split()


def test_what_is_left_out(tmp_path):
    nan = annotation("nan", 1)
    nan["keypoint"][0, 3, 2] = np.nan
    clips = [
        annotation("a"),
        None,
        nan,
        annotation("bare", 1, img_shape=...),
        annotation("unlabelled", label=...),
        annotation("short", total_frames=3),
        annotation("b", 2),
    ]
    data = PysklDataset(save_pyskl(tmp_path / "a.pkl", clips, {"train": ["a"]}), tmp_path)
    assert names(data) == ["a", "b"] and data.labels.tolist() == [0, 2]
    left_out = {name for some in data.store.card["dropped"].values() for name in some}
    assert {"annotation 1", "nan", "bare", "unlabelled"} <= left_out and len(left_out) == 5


def test_unlabelled(tmp_path):
    clips = [annotation("a", label=...), annotation("b", label=...)]
    clips = [clip | {"label": None} for clip in clips]
    data = PysklDataset(save_pyskl(tmp_path / "a.pkl", clips, {}), tmp_path)
    assert len(data) == 2 and data.store.label is None and data.num_classes == 0


def test_skeletons(tmp_path):
    pos = np.ones((1, 8, 5, 3), np.float32)
    clips = [{"frame_dir": "a", "label": 0, "keypoint": pos}]
    path = save_pyskl(tmp_path / "a.pkl", clips, {})
    with pytest.raises(DataError, match="5 joints: give their skeleton"):
        PysklDataset(path, tmp_path)
    with pytest.raises(SkeletonError):
        PysklDataset(path, tmp_path, skeleton="five")
    data = PysklDataset(save_athletes(tmp_path / "b.pkl"), tmp_path, skeleton="coco17_body")
    assert data.skeleton.name == "coco17_body"


def test_errors(tmp_path):
    with pytest.raises(SkeletonFormatError, match="no such file"):
        PysklDataset(tmp_path / "a.pkl", tmp_path)
    path = save_pyskl(tmp_path / "a.pkl", [annotation("a")], {"../x": ["a"]})
    with pytest.raises(SkeletonFormatError, match="names of letters"):
        PysklDataset(path, tmp_path)
    with pytest.raises(DataError, match="no clip is left"):
        PysklDataset(save_pyskl(tmp_path / "b.pkl", [None], {}), tmp_path)
    assert not list((tmp_path / "processed").glob("*")) if (tmp_path / "processed").exists() else 1


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["ntu3d_small", "gymlike_small", "divinglike_small"])
def test_recorded_pickles(oracle, tmp_path, name):
    recorded = json.loads((oracle / "pickles/expected.json").read_text())[f"{name}.pkl"]
    options = PysklOptions("channel", pixels="keep")
    data = PysklDataset(oracle / f"pickles/{name}.pkl", tmp_path, options=options)
    assert len(data) == len(recorded["annotations"])
    for number, wanted in enumerate(recorded["annotations"]):
        clip = data.store.clip(number)
        sums = [
            wanted[key]["sum_float64"] for key in ("keypoint", "keypoint_score") if key in wanted
        ]
        assert (clip.name, clip.label) == (wanted["frame_dir"], wanted["label"])
        assert list(clip.pos.shape[:3]) == wanted["keypoint"]["shape"][:3]
        channels = wanted["keypoint"]["shape"][3]
        parts = (clip.pos[..., :channels], clip.pos[..., channels:])
        found = [part.sum(dtype=np.float64) for part in parts[: len(sums)]]
        np.testing.assert_allclose(found, sums, rtol=1e-12)
    for split, members in recorded["split"].items():
        view = PysklDataset(oracle / f"pickles/{name}.pkl", tmp_path, split, options=options)
        assert names(view) == sorted(members)


@pytest.mark.oracle
def test_awkward_pickles(oracle, tmp_path):
    """Every one gives a data set or one line that says why not."""
    left = {"duplicate_name": 3, "no_keypoint": 2, "total_frames_wrong": 2, "no_person": 3}
    left |= {"nan": 2, "label_types": 2, "bad_shapes": 1, "split_mismatch": 5, "none_annotation": 2}
    left |= {"old_numpy_path_protocol2": 2, "old_numpy_path_protocol4": 2, "protocol5": 2}
    for path in sorted((oracle / "pickles").glob("awk_*.pkl")):
        name = path.stem.removeprefix("awk_")
        assert len(PysklDataset(path, tmp_path)) == left.get(name, 4), name


@pytest.mark.oracle
def test_the_converters_own_pickle(oracle, tmp_path):
    shutil.copy(oracle / "ntu/pyskl_ntu60_3danno.pkl", tmp_path / "ntu60_3danno.pkl")
    recorded = json.loads((oracle / "ntu/pyskl.json").read_text())["files"]["ntu60_3danno"]
    for protocol in ("xsub", "xview"):
        data = PysklDataset(tmp_path / "ntu60_3danno.pkl", tmp_path, protocol=protocol)
        assert len(data) == 20
        with np.load(oracle / "ntu/pyskl_keypoints.npz") as arrays:
            for view, side in zip(data.official_split(), ("train", "val"), strict=True):
                known = [n for n in recorded["split"][f"{protocol}_{side}"] if n in arrays]
                assert names(view) == known
                for number in view.indices():
                    clip = data.store.clip(number)
                    np.testing.assert_array_equal(clip.pos, arrays[clip.name].astype(np.float32))


def third(tmp_path, kind, **changes):
    """Four clips whose keypoints have three channels, and no scores beside them."""
    rng = np.random.default_rng(0)
    low, high = {
        "score": ((1, 1, 0), (600, 300, 1)),
        "metres": ((-1, -1, 2), (1, 1, 4)),
        "unit": ((0, 0, 0), (1, 1, 1)),
        "depth": ((1, 1, -9), (600, 300, 9)),
    }[kind]
    clips = [
        annotation(f"v{i}", i % 2, keypoint_score=...,
                   keypoint=rng.uniform(low, high, (1, 8, 17, 3)), **changes)
        for i in range(4)
    ]  # fmt: skip
    return save_pyskl(tmp_path / "a.pkl", clips, {}), clips


def notes(data: PysklDataset) -> str:
    return "; ".join(note for note in data.card["notes"] if not note.startswith("keys"))


@pytest.mark.parametrize("kind", ["metres", "depth"])
def test_a_third_channel_that_is_no_score(tmp_path, kind):
    path, clips = third(tmp_path, kind)
    data = PysklDataset(path, tmp_path)
    assert "read as z" in notes(data) and "third='score'" in notes(data)
    np.testing.assert_allclose(data.store.clip(2).pos, clips[2]["keypoint"], rtol=1e-6)
    said = PysklDataset(path, tmp_path, options=PysklOptions(third="z"))
    assert not notes(said) and said[0].pos.shape[-1] == 3
    as_score = PysklDataset(path, tmp_path, options=PysklOptions(third="score", unit="pixel"))
    assert as_score[0].pos.shape[-1] == 2 and not notes(as_score)


def test_a_third_channel_that_may_be_either(tmp_path):
    path, _ = third(tmp_path, "unit")
    data = PysklDataset(path, tmp_path)
    assert data[0].pos.shape[-1] == 2 and "read as score" in notes(data)
    assert not notes(PysklDataset(path, tmp_path, options=PysklOptions(third="z")))
    path, _ = third(tmp_path / "b", "score", img_shape=...)
    data = PysklDataset(path, tmp_path / "b")
    assert data[0].pos.shape[-1] == 3 and "within 0 to 1 beside pixels" in notes(data)
    options = PysklOptions(third="score", img_shape=(360, 640))
    data = PysklDataset(path, tmp_path / "b", options=options)
    assert data[0].pos.shape[-1] == 2 and not notes(data)


def test_a_third_channel_of_scores_is_read_in_silence(tmp_path):
    path, _ = third(tmp_path, "score")
    data = PysklDataset(path, tmp_path)
    assert data[0].pos.shape[-1] == 2 and not notes(data)


@pytest.mark.parametrize("low", [0, -1])
def test_coordinates_that_are_no_pixels(tmp_path, low):
    pos = np.random.default_rng(0).uniform(low, 1, (1, 8, 17, 2)).astype(np.float16)
    clips = [annotation(f"v{i}", keypoint=pos) for i in range(3)]
    path = save_pyskl(tmp_path / "a.pkl", clips, {})
    data = PysklDataset(path, tmp_path)
    assert "unit='pixel' or unit='normalised' settles it (3: v0, v1, v2)" in notes(data)
    np.testing.assert_array_equal(data.store.clip(0).pos[0, 2], pos[0, 2])
    kept = PysklDataset(path, tmp_path, options=PysklOptions(unit="normalised"))
    divided = PysklDataset(path, tmp_path, options=PysklOptions(unit="pixel"))
    assert not notes(kept) and not notes(divided)
    assert torch.equal(kept[0].pos, data[0].pos) and divided.store.clip(0).pos[0, 2].max() < -0.9


def test_an_image_size_the_other_way_round(tmp_path):
    clips = [annotation(f"v{i}", img_shape=(640, 360)) for i in range(3)]
    path = save_pyskl(tmp_path / "a.pkl", clips, {})
    assert "size_order='hw' or size_order='wh'" in notes(PysklDataset(path, tmp_path))
    data = PysklDataset(path, tmp_path, options=PysklOptions(size_order="wh"))
    right = [annotation(f"v{i}") for i in range(3)]
    wanted = PysklDataset(save_pyskl(tmp_path / "b.pkl", right, {}), tmp_path)
    assert not notes(data) and not notes(wanted)
    assert torch.equal(data[0].pos, wanted[0].pos)


def test_persons_who_are_nowhere_are_no_tracks(tmp_path):
    for number, channels in enumerate((2, 3)):
        pos = np.random.default_rng(0).uniform(2, 300, (3, 8, 17, channels))
        pos[1] = 0
        clip = annotation("a", keypoint=pos, keypoint_score=...)
        path = save_pyskl(tmp_path / f"{number}.pkl", [clip], {})
        assert PysklDataset(path, tmp_path).card["persons"] == {"2": 1}
        clips = [annotation("b"), annotation("a", keypoint=pos * 0, keypoint_score=...)]
        data = PysklDataset(save_pyskl(tmp_path / f"{number}b.pkl", clips, {}), tmp_path)
        assert names(data) == ["b"]
        (reason,) = data.card["dropped"]
        assert "no joint is present" in reason


def test_labels_that_are_no_classes(tmp_path):
    clips = [annotation("a", 0), annotation("b", 20_240_101)]
    path = save_pyskl(tmp_path / "a.pkl", clips, {})
    with pytest.raises(DataError, match=r"label 20240101: .*only 2 clips; pass class_names"):
        PysklDataset(path, tmp_path)
    data = PysklDataset(path, tmp_path, class_names=["sit", "walk"])
    assert names(data) == ["a"]
    (reason,) = data.card["dropped"]
    assert "label 20240101, but there are 2 classes" in reason
