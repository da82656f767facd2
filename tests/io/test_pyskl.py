import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from oracle_helpers import oracles

from pyg_skeletonmae.errors import ConfigError, DataError, SkeletonFormatError
from pyg_skeletonmae.io.pyskl import PysklClip, read_pyskl, write_pyskl


@pytest.fixture
def oracle() -> Path:
    root = oracles()
    return root / "data"


def annotation(name: str = "a", persons: int = 1, **changes: object) -> dict:
    rng = np.random.default_rng(len(name))
    pos = rng.normal(size=(persons, 6, 4, 2)).astype(np.float16)
    content = {"frame_dir": name, "label": 0, "total_frames": 6, "keypoint": pos} | changes
    return {key: value for key, value in content.items() if value is not ...}


def save(folder: Path, content: object) -> Path:
    path = folder / "a.pkl"
    path.write_bytes(pickle.dumps(content))
    return path


def equal(first: PysklClip, second: PysklClip) -> bool:
    for key, value in vars(first).items():
        other = vars(second)[key]
        if isinstance(value, np.ndarray):
            if value.dtype != other.dtype or not np.array_equal(value, other, equal_nan=True):
                return False
        elif value != other:
            return False
    return True


def test_round_trip(tmp_path):
    rng = np.random.default_rng(0)
    clips = [
        PysklClip("a", rng.normal(size=(2, 5, 4, 3)).astype(np.float16), 3),
        PysklClip(
            "b",
            rng.normal(size=(1, 7, 4, 2)).astype(np.float32).transpose(0, 1, 2, 3),
            0,
            rng.uniform(size=(1, 7, 4)).astype(np.float16),
            (720, 1280),
            (1080, 1920),
        ),
        PysklClip("c", np.full((1, 2, 4, 3), np.nan)),
    ]
    splits = {"train": ("b", "a"), "val": ("c",), "none": ()}
    write_pyskl(tmp_path / "new/a.pkl", clips, splits)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.pkl"]
    found = read_pyskl(tmp_path / "new/a.pkl")
    assert all(map(equal, found.clips, clips)) and len(found.clips) == 3
    assert found.splits == splits and found.dropped == ()
    assert [clip.name for clip in found.split("train")] == ["b", "a"]
    assert found.notes == ("1 of 3 clips have no label",)
    with pytest.raises(DataError, match="no split 'test'; there are train, val, none"):
        found.split("test")


def test_a_failed_write_leaves_nothing(tmp_path):
    clip = PysklClip("a", np.zeros((1, 2, 3, 2), np.float32), 0)
    with pytest.raises(DataError, match="only 1 names"):
        write_pyskl(tmp_path / "a.pkl", [clip, clip], {})
    with pytest.raises(DataError, match="'x' is no clip"):
        write_pyskl(tmp_path / "a.pkl", [clip], {"train": ["x"]})
    assert not list(tmp_path.iterdir())


def test_what_is_left_out_and_noted(tmp_path):
    content = {
        "split": {"train": ["a", "gone", "nobody"], "val": []},
        "annotations": [
            annotation("a", label=np.int64(2)),
            None,
            annotation("nobody", persons=0, label=1),
            annotation("alone", label=1, box=3),
        ],
    }
    found = read_pyskl(save(tmp_path, content))
    assert [clip.name for clip in found.clips] == ["a", "alone"] and found.clips[0].label == 2
    assert found.splits == {"train": ("a",), "val": ()}
    assert found.dropped == (
        ("annotation 1", "None instead of an annotation"),
        ("nobody", "no person"),
    )
    assert found.notes == (
        "labels count from 1, not from 0",
        "split 'train': 2 of 3 names have no clip",
        "1 of 2 clips are in no split",
        "keys that are not used: box",
    )


@pytest.mark.parametrize(
    ("changes", "where", "expected"),
    [
        ({"frame_dir": ...}, "annotation 0", "a name"),
        ({"keypoint": ...}, "annotation 0 (a)", "'keypoint'"),
        ({"keypoint": np.zeros((6, 4, 2))}, "annotation 0 (a): 'keypoint'", "4 axes"),
        ({"keypoint": np.zeros((1, 6, 4, 2), bool)}, "annotation 0 (a): 'keypoint'", "floating"),
        ({"keypoint": [[[[0.0, 0.0]]]]}, "annotation 0 (a): 'keypoint'", "an array"),
        ({"keypoint": np.zeros((1, 0, 4, 2))}, "annotation 0 (a): 'keypoint'", "frames"),
        ({"keypoint_score": np.zeros((1, 4, 4))}, "annotation 0 (a): 'keypoint_score'", "score"),
        ({"total_frames": 7}, "annotation 0 (a): 'total_frames'", "the 6 of"),
        ({"label": "jump"}, "annotation 0 (a): 'label'", "integer from 0"),
        ({"label": -1}, "annotation 0 (a): 'label'", "integer from 0"),
        ({"label": 1.0}, "annotation 0 (a): 'label'", "integer from 0"),
        ({"label": 10**5000}, "annotation 0 (a): 'label'", "integer from 0"),
        ({"img_shape": (720,)}, "annotation 0 (a): 'img_shape'", "height and width"),
        ({"img_shape": (720, 0)}, "annotation 0 (a): 'img_shape'", "positive"),
    ],
)
def test_broken_annotations(tmp_path, changes, where, expected):
    path = save(tmp_path, [annotation("a", **changes), annotation("b")])
    with pytest.raises(SkeletonFormatError) as error:
        read_pyskl(path)
    assert error.value.where == where and expected in error.value.expected
    found = read_pyskl(path, broken="drop")
    assert [clip.name for clip in found.clips] == ["b"]
    assert found.dropped[0][0] == where and expected in found.dropped[0][1]


def test_pixels_may_be_integers(tmp_path):
    pos = np.arange(48, dtype=np.int16).reshape(1, 6, 4, 2)
    (found,) = read_pyskl(save(tmp_path, [annotation("a", keypoint=pos)])).clips
    np.testing.assert_array_equal(found.keypoint, pos)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize(
    "make", [tuple, np.array, lambda x: np.array(x, object), lambda x: np.array(x)[1:]]
)
def test_splits_of_other_makes(tmp_path, make, protocol):
    clips, names = [annotation(name) for name in ("a", "b", "\u00fcbung")], ["a", "b", "\u00fcbung"]
    content = {"split": {"train": make(names), "val": ()}, "annotations": tuple(clips)}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(content, protocol))
    found = read_pyskl(tmp_path / "a.pkl")
    assert found.splits == {"train": tuple(make(names)), "val": ()} and len(found.clips) == 3


@pytest.mark.parametrize("split", [np.arange(2), np.array([1, "a"], object), np.array([["a"]])])
def test_arrays_that_are_no_names(tmp_path, split):
    content = {"split": {"train": split}, "annotations": [annotation("a")]}
    with pytest.raises(SkeletonFormatError, match="split 'train': expected names"):
        read_pyskl(save(tmp_path, content))
    with pytest.raises(SkeletonFormatError, match="a whole array, found an array of"):
        read_pyskl(save(tmp_path, [annotation("a", keypoint=np.array(["text"]))]))


def test_frames_counted_from_zero(tmp_path):
    found = read_pyskl(save(tmp_path, [annotation("a", total_frames=5), annotation("b")]))
    assert len(found.clips) == 2
    assert found.notes == ("'total_frames' of 1 clips is one less than their frames",)
    with pytest.raises(SkeletonFormatError, match="'total_frames'"):
        read_pyskl(save(tmp_path, [annotation("a", total_frames=4)]))


@pytest.mark.parametrize(
    "content",
    [
        3,
        ([],),
        {"split": {}},
        {"annotations": [], "split": [1]},
        {"annotations": [], "split": {1: []}},
        {"annotations": [], "split": {"a": [1]}},
        [annotation("a"), annotation("a")],
        [[]],
    ],
)
def test_another_layout(tmp_path, content):
    with pytest.raises(SkeletonFormatError):
        read_pyskl(save(tmp_path, content))


def test_options(tmp_path):
    with pytest.raises(ConfigError, match="'error' or 'drop'"):
        read_pyskl(tmp_path / "a.pkl", broken="keep")


@pytest.mark.oracle
def test_recorded_pickles(oracle):
    refused = {
        "awk_bad_shapes", "awk_duplicate_name", "awk_label_types", "awk_no_keypoint",
        "awk_total_frames_wrong",
    }  # fmt: skip
    expected = json.loads((oracle / "pickles/expected.json").read_text())
    assert len(expected) == 21
    for file, wanted in expected.items():
        path = oracle / "pickles" / file
        if path.stem in refused:
            with pytest.raises(SkeletonFormatError):
                read_pyskl(path)
            assert read_pyskl(path, broken="drop").dropped
            continue
        found = read_pyskl(path)
        names = {clip.name: clip for clip in found.clips}
        for split, members in (wanted["split"] or {}).items():
            assert found.splits[split] == tuple(name for name in members if name in names)
        for entry in wanted["annotations"]:
            clip = names.get(entry.get("frame_dir")) if isinstance(entry, dict) else None
            if clip is not None:
                check(clip, entry)


def check(clip: PysklClip, entry: dict) -> None:
    label = entry["label"]
    assert clip.label == (label["value"] if isinstance(label, dict) else label)
    for array, key in ((clip.keypoint, "keypoint"), (clip.score, "keypoint_score")):
        if key in entry:
            wanted = entry[key]
            assert list(array.shape) == wanted["shape"] and str(array.dtype) == wanted["dtype"]
            if wanted["sum_float64"] is not None:
                np.testing.assert_allclose(array.astype(np.float64).sum(), wanted["sum_float64"])


@pytest.mark.oracle
def test_hostile_pickles(oracle, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in sorted((oracle / "hostile/pickles").glob("*.pkl")):
        with pytest.raises(SkeletonFormatError) as error:
            read_pyskl(path)
        assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.oracle
def test_pickle_of_the_converter(oracle):
    found = read_pyskl(oracle / "ntu/pyskl_ntu60_3danno.pkl")
    recorded = json.loads((oracle / "ntu/pyskl.json").read_text())["files"]["ntu60_3danno"]
    assert [clip.name for clip in found.clips] == [n for n in recorded["annotation_order"] if n]
    assert len(found.dropped) == recorded["none_annotations"] == 1
    with np.load(oracle / "ntu/pyskl_keypoints.npz") as arrays:
        for clip in found.clips:
            np.testing.assert_array_equal(clip.keypoint, arrays[clip.name])
