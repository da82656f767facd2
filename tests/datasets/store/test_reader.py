import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from data_helpers import STICK, array, some_clips

from pyg_skeletonmae.datasets import ClipStore, SkeletonDataset, write_store
from pyg_skeletonmae.datasets.store.reader import read_skeleton, rows_digest
from pyg_skeletonmae.errors import SkeletonError, SkeletonFormatError
from pyg_skeletonmae.io.npz import write_npz

FILES = ("card.json", "index.npz", "pos.npy", "skeleton.yaml", "valid.npy")


@pytest.fixture
def root(tmp_path):
    clips = some_clips()
    valid = np.ones((3, 9, 4), bool)
    valid[1, 2, 3] = False
    clips[3] = replace(clips[3], valid=valid, extra={})
    write_store(tmp_path / "s", clips, STICK)
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == sorted(FILES)
    return tmp_path / "s"


def refused(root, name):
    with pytest.raises((SkeletonFormatError, SkeletonError)) as error:
        ClipStore.open(root)
    assert name in str(error.value) and "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("name", [name for name in FILES if name != "valid.npy"])
def test_missing_file(root, name):
    (root / name).unlink()
    assert "no such file" in refused(root, name)


@pytest.mark.parametrize("name", FILES)
def test_cut_file(root, name):
    data = (root / name).read_bytes()
    sizes = (0, 10, len(data) // 2, len(data) - 30)
    for size in sizes:
        (root / name).write_bytes(data[:size])
        refused(root, name)


def test_no_store(tmp_path):
    refused(tmp_path, "card.json")
    refused(tmp_path / "nowhere", "card.json")


@pytest.mark.parametrize(
    ("key", "change", "message"),
    [
        ("length", lambda a: a[:-1], "values, found"),
        ("length", lambda a: a * 0, "at least one frame"),
        ("length", lambda a: np.r_[0, a[1:]], "at least one frame"),
        ("length", lambda a: a + 1, "tracks that lie one after the other"),
        ("length", lambda a: a.astype(np.int32), "int64"),
        ("length", lambda a: a.astype(np.float64), "integers"),
        ("length", lambda a: a[:, None], "1 axes"),
        ("label", lambda a: a + 1, "expected 0 to 2, found 1 to 3"),
        ("label", lambda a: a - 1, "expected 0 to 2, found -1 to 1"),
        ("subject", lambda a: a[:3], "5 values, found 3"),
        ("names", lambda a: a[:3], "5 values, found 3"),
        ("names", lambda a: a.astype(object), "pickled objects"),
        ("clip_track", lambda a: a[::-1].copy(), "offsets that grow"),
        ("clip_track", lambda a: a + 1, "offsets that grow"),
        ("clip_track", lambda a: np.r_[a[:1], a[:-1]], "offsets that grow"),
        ("clip_track", lambda a: a[:0], "6 values, found 0"),
        ("track_start", lambda a: a[::-1].copy(), "one after the other"),
        ("track_start", lambda a: a + 1, "one after the other"),
        ("track_start", lambda a: a[:-1], "offsets that grow"),
    ],
)
def test_index_that_contradicts_itself(root, key, change, message):
    with np.load(root / "index.npz") as file:
        index = dict(file)
    np.savez(root / "index.npz", **index | {key: change(index[key])})
    assert message in refused(root, "index.npz")


def test_rows_that_do_not_fit_the_index(root):
    pos, valid = np.load(root / "pos.npy"), np.load(root / "valid.npy")
    for bad in (pos[:-1], pos[:, :3], pos.astype(np.float64), pos[0]):
        np.save(root / "pos.npy", bad)
        assert "expected float32 [43, 4, C]" in refused(root, "pos.npy")
    np.save(root / "pos.npy", pos)
    for bad in (valid[:-1], valid[:, :3], valid.astype(np.uint8)):
        np.save(root / "valid.npy", bad)
        assert "expected bool [43, 4]" in refused(root, "valid.npy")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other 2"}, "expected pyg_skeletonmae clips 1"),
        ({"class_names": [1]}, "a list of names"),
        ({"class_names": None}, "a list of names"),
        ({"content_hash": 5}, "content_hash"),
    ],
)
def test_card_of_something_else(root, change, message):
    card = json.loads((root / "card.json").read_text())
    (root / "card.json").write_text(json.dumps(card | change))
    assert message in refused(root, "card.json")
    message = f"{root}: the content: expected {'x' * 64}, found"
    (root / "card.json").write_text("\ufeff" + json.dumps(card | {"content_hash": "x" * 9999}))
    with pytest.raises(SkeletonFormatError, match=message):
        ClipStore.open(root).verify()
    (root / "card.json").write_text("[" * 100_000)
    refused(root, "card.json")
    (root / "card.json").write_text("[]")
    refused(root, "card.json")


def test_another_skeleton(root, tmp_path):
    write_store(tmp_path / "t", some_clips(), STICK)
    STICK.subset(["hip", "neck"]).to_yaml(root / "skeleton.yaml")
    assert "[43, 2, C]" in refused(root, "pos.npy")


def test_skeletons_are_shared(root, tmp_path):
    shutil.copytree(root, tmp_path / "copy")
    assert read_skeleton(root / "skeleton.yaml") is read_skeleton(
        tmp_path / "copy" / "skeleton.yaml"
    )


def test_rows_digest_reads_in_pieces():
    rows = np.ones((10_000, 3), bool)
    assert rows_digest([rows]) == rows_digest([rows[:5000], rows[5000:]])
    assert rows_digest([rows]) == rows_digest([np.broadcast_to(np.True_, rows.shape)])
    rows[9_999, 2] = False
    assert rows_digest([rows]) != rows_digest([np.ones((10_000, 3), bool)])


def test_empty_index(root):
    empty = {key: np.zeros(0, np.int64) for key in ("length", "subject", "track_start")}
    index = empty | {"clip_track": np.zeros(1, np.int64), "names": np.zeros(0, "U1")}
    write_npz(root / "index.npz", index)
    assert "clip_track" in refused(root, "index.npz")


@pytest.mark.parametrize("texts", [["a"], "ab", [1, 2], None])
def test_texts_that_are_not_those_of_a_column(tmp_path, texts):
    SkeletonDataset.from_arrays(
        [array(1, 3), array(1, 3)], None, STICK, root=tmp_path / "s", columns={"day": ["a", "b"]}
    )
    card = json.loads((tmp_path / "s/card.json").read_text())
    for damaged in ({"day": texts}, {"night": ["a", "b"]}, texts):
        (tmp_path / "s/card.json").write_text(json.dumps(card | {"column_names": damaged}))
        with pytest.raises(SkeletonFormatError, match="column_names"):
            ClipStore(tmp_path / "s")


@pytest.mark.parametrize("changes", [{"fps": [30]}, {"fps": "30"}, {"rates": {"30": 2}}])
def test_a_rate_that_is_none(root, changes):
    card = json.loads((root / "card.json").read_text())
    (root / "card.json").write_text(json.dumps(card | changes))
    assert ClipStore(root).clip(0).fps is None
