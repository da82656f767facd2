"""Stores whose rows lie in several folders."""

from __future__ import annotations

import json
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from data_helpers import STICK, array, some_clips

from pyg_skeletonmae.datasets import (
    Clip,
    ClipStore,
    SkeletonDataset,
    concat,
    join_parts,
    write_store,
)
from pyg_skeletonmae.datasets.store.stamp import STAMP
from pyg_skeletonmae.datasets.store.store import MemoryStore
from pyg_skeletonmae.errors import DataError, SkeletonFormatError
from pyg_skeletonmae.files.write import write_folder
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.transforms import Resample

CLASSES = ["a", "b", "c"]


def clips(missing: bool) -> list[Clip]:
    found = [
        replace(clip, extra={"camera": i % 2}, fps=30.0) for i, clip in enumerate(some_clips())
    ]
    if missing:
        valid = np.ones((3, 9, 4), bool)
        valid[1, 2, 3] = False
        found[3] = replace(found[3], valid=valid)
    return found


def in_parts(root: Path, cuts: list[int], missing: bool = True) -> ClipStore:
    every = clips(missing)
    for number, (first, last) in enumerate(zip([0, *cuts], [*cuts, 5], strict=True)):
        folder = root / f"part-{number:05}"
        write_store(folder, every[first:last], STICK, CLASSES, source="here", unit="m")
    return join_parts(root)


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("cuts", [[], [2], [1, 2, 3, 4]])
def test_parts_are_one_store(tmp_path: Path, cuts: list[int], missing: bool) -> None:
    one = write_store(tmp_path / "one", clips(missing), STICK, CLASSES, source="here", unit="m")
    store = in_parts(tmp_path / "parts", cuts, missing)
    assert store.content_hash == one.content_hash and store.names == one.names
    own = {"format": "pyg_skeletonmae clips 1 in parts", "parts": store.card["parts"]}
    assert store.card == {**one.card, **own, "notes": [], "policy": ""}
    assert len(store.card["parts"]) == len(cuts) + 1
    assert not (store.root / "pos.npy").exists() and (store.valid is None) == (not missing)
    assert sorted(path.name for path in store.root.iterdir() if path.is_file()) == [
        "card.json", "index.npz", "skeleton.yaml",
    ]  # fmt: skip
    for number in range(5):
        left, right = vars(store.clip(number)), vars(one.clip(number))
        for name, value in left.items():
            np.testing.assert_array_equal(value, right[name])
    batches = [
        list(SkeletonLoader(SkeletonDataset(s), 2, Resample(4), shuffle=True, seed=1))
        for s in (one, ClipStore(store.root))
    ]
    for left, right in zip(*batches, strict=True):
        assert left.keys() == right.keys()
        assert all(torch.equal(left[key], right[key]) for key in left.to_dict())
    store.verify()
    again = pickle.loads(pickle.dumps(store))
    assert again.content_hash == one.content_hash
    memory = MemoryStore(store.root)
    assert torch.equal(memory.pos, one.pos)
    assert (memory.valid is None) if one.valid is None else torch.equal(memory.valid, one.valid)


def test_parts_can_be_concatenated(tmp_path: Path) -> None:
    store = in_parts(tmp_path / "parts", [2])
    both = concat([SkeletonDataset(store), SkeletonDataset(store.root / "part-00001")])
    assert len(both) == 8
    for number, other in ((0, 0), (3, 3), (6, 3)):
        assert torch.equal(both[number].pos, SkeletonDataset(store)[other].pos)
        assert torch.equal(both[number].valid, SkeletonDataset(store)[other].valid)


def test_classes_and_texts_go_by_their_names(tmp_path: Path) -> None:
    arrays = [array(1, 4, seed=i) for i in range(4)]
    for name, labels, days in (
        ("a", ["x", "y"], ["mon", "tue"]),
        ("b", ["z", "x"], ["tue", "sun"]),
    ):
        SkeletonDataset.from_arrays(
            arrays[:2], labels, STICK, root=tmp_path / "s" / name, columns={"day": days}
        )
    store = join_parts(tmp_path / "s")
    assert store.class_names == ("x", "y", "z") and store.label.tolist() == [0, 1, 2, 0]
    assert store.column_names["day"] == ("mon", "tue", "sun")
    assert store.extra["day"].tolist() == [0, 1, 1, 2]
    again = join_parts(tmp_path / "s", ["z", "y", "x"])
    assert again.class_names == ("z", "y", "x") and again.label.tolist() == [2, 1, 0, 2]
    with pytest.raises(DataError, match="class 'z' is none of those given"):
        join_parts(tmp_path / "s", ["x", "y"])
    assert ClipStore(tmp_path / "s").class_names == ("z", "y", "x"), "the one before stays"
    assert not list((tmp_path / "s").glob(".join*"))


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        join_parts(tmp_path / "none")
    with pytest.raises(DataError, match="no store in a folder below it"):
        join_parts(tmp_path)
    write_store(tmp_path / "a", clips(False), STICK, unit="m")
    with pytest.raises(SkeletonFormatError, match="expected stores in folders, found a store with"):
        join_parts(tmp_path / "a")
    write_store(tmp_path / "b", clips(False), STICK, unit="mm")
    with pytest.raises(DataError, match="have other units"):
        join_parts(tmp_path)
    shutil.rmtree(tmp_path / "b")
    in_parts(tmp_path / "b", [2])
    with pytest.raises(DataError, match="b: is in parts itself; move these one folder up"):
        join_parts(tmp_path)


def test_a_part_that_was_changed_is_noticed(tmp_path: Path) -> None:
    store = in_parts(tmp_path / "s", [2])
    path = store.root / "part-00001" / "pos.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(SkeletonFormatError, match="the content"):
        ClipStore(store.root).verify("stamp")
    with pytest.raises(SkeletonFormatError, match="part-00001: the content"):
        join_parts(store.root)
    with write_folder(store.root / "part-00001", overwrite=True) as folder:
        shutil.copytree(store.root / "part-00000", folder, dirs_exist_ok=True)
    with pytest.raises(
        SkeletonFormatError, match=r"part-00001/pos.npy: array: expected whole clip"
    ):
        ClipStore(store.root)
    shutil.rmtree(store.root / "part-00001")
    with pytest.raises(SkeletonFormatError, match=r"part-00001/pos.npy"):
        ClipStore(store.root)


def test_a_stamp_knows_the_files_of_all_parts(tmp_path: Path, monkeypatch) -> None:
    store = in_parts(tmp_path / "s", [2])
    monkeypatch.setattr("pyg_skeletonmae.datasets.store.stamp._SETTLED", -1)
    store.verify("stamp")
    told = json.loads((store.root / STAMP).read_text())
    assert "part-00001/pos.npy" in told["files"] and "card.json" in told["files"]
    monkeypatch.setattr("pyg_skeletonmae.datasets.store.store.rows_digest", None)
    ClipStore(store.root).verify("stamp")
    (store.root / "part-00001" / "pos.npy").touch()
    with pytest.raises(TypeError):
        ClipStore(store.root).verify("stamp")


def test_a_file_that_shrinks_is_named(tmp_path: Path) -> None:
    store = in_parts(tmp_path / "s", [2])
    with (store.root / "part-00001" / "pos.npy").open("r+b") as file:
        file.truncate(200)
    with pytest.raises(SkeletonFormatError, match=r"part-00001/pos.npy: the file: expected the"):
        store.clip(0)


@pytest.mark.parametrize(
    "parts",
    [
        None, [], "part-00000", [1], [{}], [{"folder": "a"}],
        [{"folder": "..", "content_hash": "", "valid": True}],
        [{"folder": "a/b", "content_hash": "", "valid": True}],
        [{"folder": "/etc", "content_hash": "", "valid": True}],
        [{"folder": "a\\b", "content_hash": "", "valid": True}],
        [{"folder": "c:", "content_hash": "", "valid": True}],
        [{"folder": "a\n", "content_hash": "", "valid": True}],
        [{"folder": 1, "content_hash": "", "valid": True}],
        [{"folder": "a", "content_hash": "", "valid": 1}],
        [{"folder": "a", "content_hash": "", "valid": True}] * 2,
    ],
)  # fmt: skip
def test_a_card_names_folders_and_nothing_else(tmp_path: Path, parts: object) -> None:
    store = in_parts(tmp_path / "s", [2])
    path = store.root / "card.json"
    card = json.loads(path.read_text())
    path.write_text(json.dumps({**card, "parts": parts}))
    with pytest.raises(SkeletonFormatError, match=r"card.json: parts: expected folders, each once"):
        ClipStore(store.root)
    path.write_text(json.dumps({**card, "format": "pyg_skeletonmae clips 1", "parts": parts}))
    with pytest.raises(SkeletonFormatError, match=r"card.json: parts: expected folders, each once"):
        ClipStore(store.root)
