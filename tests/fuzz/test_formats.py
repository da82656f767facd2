from __future__ import annotations

import gzip
import io
import json
import pickle

import numpy as np
import pytest

from fuzz import formats, seeds

EDITS = (
    formats.edit_header,
    formats.edit_member,
    formats.edit_archive,
    formats.edit_opcodes,
    formats.edit_tree,
)


def results(change, data: bytes, number: int = 30) -> list[bytes]:
    return [change(data, np.random.default_rng(seed)) for seed in range(number)]


@pytest.mark.parametrize("change", EDITS, ids=lambda change: change.__name__)
def test_files_of_another_kind_stay_as_they_are(change):
    for data in (b"", b"no such format", b"\x93NUMPY\x01\x00\xff\xff{"):
        assert set(results(change, data, 5)) == {data}


def test_headers():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    data = formats.npy(array)
    assert len(set(results(formats.edit_header, data, 100))) > 30
    same = results(formats.same_header, data)
    assert len(set(same)) > 10 and any(b"2L, 3L" in item for item in same)
    with pytest.warns(UserWarning, match="Python 2"):
        for item in same:
            np.testing.assert_array_equal(np.load(io.BytesIO(item)), array)


@pytest.mark.filterwarnings("ignore:Reading")
def test_archives():
    data = seeds.packed()[0]["a.npz"]
    assert formats.npz({"a": np.ones(2)}) == formats.npz({"a": np.ones(2)})
    assert len(set(results(formats.edit_member, data))) > 25
    assert len(set(results(formats.edit_archive, data))) > 10
    with np.load(io.BytesIO(data)) as wanted:
        for item in results(formats.same_archive, data, 10):
            with np.load(io.BytesIO(item)) as found:
                assert set(found) == set(wanted)
                for key in wanted:
                    np.testing.assert_array_equal(found[key], wanted[key])


def test_gzip():
    data = gzip.compress(b'{"a": [1.5, 2]}', mtime=0)
    changed = results(formats.inside_gzip(formats.edit_tree), data)
    assert len({gzip.decompress(item) for item in changed}) > 5
    assert formats.inside_gzip(formats.edit_tree).__name__ == "gzip_edit_tree"
    assert set(results(formats.inside_gzip(formats.edit_tree), data[:9])) == {data[:9]}


def test_pickles():
    data = seeds.pyskl()[1]["a.pkl"]
    assert len(set(results(formats.edit_opcodes, data))) > 25
    wanted = pickle.loads(data)["annotations"][0]
    same = results(formats.same_pickle, data)
    assert {item[1] for item in same if item[:1] == b"\x80"} == {2, 3, 4, 5}
    for item in same:
        found = pickle.loads(item.replace(b"numpy.core.", b"numpy._core."))["annotations"][0]
        np.testing.assert_array_equal(found["keypoint"], wanted["keypoint"])
        assert tuple(found["img_shape"]) == wanted["img_shape"]


def test_trees():
    content = {"people": [{"x": [0.5, 1]}, {"x": []}], "é": None}
    data = json.dumps(content).encode()
    assert len(set(results(formats.edit_tree, data, 60))) > 30
    same = results(formats.same_tree, data)
    assert len(set(same)) > 5 and all(json.loads(item) == content for item in same)
