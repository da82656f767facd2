from __future__ import annotations

import os

import numpy as np
import pytest
from data_helpers import STICK

from pyg_skeletonmae.datasets import ClipStore, SkeletonDataset, concat
from pyg_skeletonmae.datasets.store import stamp
from pyg_skeletonmae.datasets.store.reader import rows_digest
from pyg_skeletonmae.datasets.store.stamp import file_states, is_stamped, write_stamp


@pytest.fixture
def store(tmp_path):
    root = tmp_path / "s"
    SkeletonDataset.from_arrays([np.ones((9, 4, 3))] * 2, [0, 1], STICK, root=root)
    return root


def test_a_stamp_spares_the_second_time(store, monkeypatch):
    looks: list[object] = []

    def look(*args: object) -> bytes:
        looks.append(1)
        return rows_digest(*args)

    monkeypatch.setattr("pyg_skeletonmae.datasets.store.store.rows_digest", look)
    ClipStore(store).verify("stamp")
    assert not (store / "verified.json").exists()  # too young to be told from a later change
    monkeypatch.setattr(stamp, "_SETTLED", 0)
    for _ in range(3):
        ClipStore(store).verify("stamp")
    assert len(looks) == 4  # coordinates and presence, twice
    ClipStore(store).verify()
    assert len(looks) == 6
    for text in ("{", '{"content_hash": "0", "files": {}}'):
        (store / "verified.json").write_text(text)
        ClipStore(store).verify("stamp")
    assert len(looks) == 10
    os.utime(store / "pos.npy")
    ClipStore(store).verify("stamp")
    assert len(looks) == 12
    ClipStore(store).verify("off")
    concat([SkeletonDataset(store)]).store.verify("stamp")
    assert len(looks) == 12


def test_a_stamp_is_of_files_and_of_their_content(store, monkeypatch):
    monkeypatch.setattr(stamp, "_SETTLED", 0)
    states = file_states(store)
    assert set(states) == {"pos.npy", "index.npz", "skeleton.yaml", "card.json"}
    write_stamp(store, "ab", {**states, "pos.npy": [0, 0, 0, 0]})  # no longer so
    assert not is_stamped(store, "ab", states)
    write_stamp(store, "ab", states)
    assert is_stamped(store, "ab", states) and not is_stamped(store, "cd", states)
    (store / "verified.json").unlink()
    (store / "verified.json").mkdir()
    write_stamp(store, "ab", states)  # cannot be written, which is nobody's fault
    assert not is_stamped(store, "ab", states)


@pytest.mark.parametrize("newest", [1, 2])
def test_the_youngest_file_says_whether_it_is_too_early(store, monkeypatch, newest):
    """By its content's time or its own, whichever is later."""
    young = [5, 0, 0, 1]
    young[newest] = 5 * 10**9
    states = {"pos.npy": young, "card.json": [5, 0, 0, 2]}
    monkeypatch.setattr(stamp, "file_states", lambda root: states)
    for now, settled in ((6, False), (7, False), (8, True)):
        monkeypatch.setattr("time.time_ns", lambda now=now: now * 10**9)
        write_stamp(store, "ab", states)
        assert (store / "verified.json").exists() == settled
