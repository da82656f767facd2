import hashlib
import json

import numpy as np
import pytest
from data_helpers import STICK, array

from pyg_skeletonmae.datasets.store import write_store
from pyg_skeletonmae.datasets.store.clips import Clip, checked_clip
from pyg_skeletonmae.datasets.store.writer import RowWriter, StoreWriter, common_rate, content_hash
from pyg_skeletonmae.errors import DataError


@pytest.mark.parametrize("dtype", [np.float32, np.bool_])
def test_rows(tmp_path, dtype):
    rows = (np.random.default_rng(0).random((7, 4, 2)) > 0.5).astype(dtype)
    writer = RowWriter(tmp_path / "a.npy", dtype, (4, 2))
    for start, stop in ((0, 1), (1, 5), (5, 5), (5, 7)):
        writer.write(rows[start:stop])
    writer.close()
    assert len(np.load(tmp_path / "a.npy")) == 7
    writer.close()
    assert writer.rows == 7
    found = np.load(tmp_path / "a.npy", allow_pickle=False)
    np.testing.assert_array_equal(found, rows)
    assert found.dtype == dtype
    assert writer.hash.digest() == hashlib.sha256(rows.tobytes()).digest()


def test_row_count_of_any_length_fits_into_the_header(tmp_path):
    writer = RowWriter(tmp_path / "a.npy", np.float32, (4, 3))
    start = (tmp_path / "a.npy").stat().st_size
    writer.rows = 10**12
    writer.close()
    assert (tmp_path / "a.npy").stat().st_size - start in (0, 128)


def test_no_store_without_its_card(tmp_path):
    writer = StoreWriter(tmp_path, STICK, 3)
    writer.add(checked_clip(Clip(array(2, 3), 1), STICK))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pos.npy", "valid.npy"]
    writer.finish(None, {"source": "test"})
    names = ["card.json", "index.npz", "pos.npy", "skeleton.yaml"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_rates_that_differ_by_the_rounding_of_files_are_one():
    assert common_rate([30.0, 30.02, 30.01]) == 30.01
    assert common_rate([30.0, 30.1]) is None and common_rate([30.0, np.nan]) is None


def test_labels_for_some_clips_only(tmp_path):
    writer = StoreWriter(tmp_path, STICK, 3)
    writer.add(checked_clip(Clip(array(2, 3), 1, name="a"), STICK))
    writer.add(checked_clip(Clip(array(2, 3), name="b"), STICK))
    with pytest.raises(DataError, match="b: has no label"):
        writer.finish(None, {})


def test_content_hash_sees_every_part():
    index = {"length": np.arange(3), "subject": np.arange(3)}
    parts = [STICK, ["a"], index, [b"pos", b"valid"]]
    changes = [
        {},
        {0: STICK.subset(["hip", "neck"])},
        {1: ["b"]},
        {2: index | {"subject": np.ones(3, int)}},
        {2: index | {"extra_subject": np.ones(3, int)}},
        {3: [b"pos", b"other"]},
    ]
    hashes = {
        content_hash(*[change.get(i, part) for i, part in enumerate(parts)]) for change in changes
    }
    assert len(hashes) == len(changes)


def test_other_channels(tmp_path):
    writer = StoreWriter(tmp_path, STICK, 3)
    with pytest.raises(DataError, match="a: 2 channels, but the clips before it 3"):
        writer.add(checked_clip(Clip(array(2, 3, 2), 1, name="a"), STICK))


def test_zeros_are_counted(tmp_path):
    pos, valid = array(1, 3), np.ones((1, 3, 4), bool)
    pos[0, :2, 1] = 0
    valid[0, 0, 1] = False
    writer = StoreWriter(tmp_path, STICK, 3)
    writer.add(checked_clip(Clip(pos, 1, valid=valid), STICK))
    writer.finish(None, {})
    card = json.loads((tmp_path / "card.json").read_text())
    assert (card["missing_joints"], card["zero_joints"]) == (1, 1)


def test_rates_that_are_unknown_are_counted_together(tmp_path):
    clips = [Clip(array(1, 3), fps=rate) for rate in (30.0, None, 25.0, None)]
    card = write_store(tmp_path / "store", clips, STICK).card
    assert card["fps"] is None and card["rates"] == {"25.0": 1, "30.0": 1, "unknown": 2}
    assert "2 clips of unknown rate" in repr(card)


def test_what_the_card_counts(tmp_path):
    clips = [Clip(array(1, frames), label) for frames, label in ((1, 0), (1, 2), (2, 2))]
    card = write_store(tmp_path / "a", clips, STICK).card
    assert card["frames"] == {"min": 1, "median": 1.0, "mean": 1.33, "max": 2, "total": 4}
    assert card["fps"] is None and "rates" not in card and "notes" not in card
    many = [str(number) for number in range(5000)]
    card = write_store(tmp_path / "b", clips, STICK, class_names=many).card
    assert card["notes"] == ["4998 of 5000 classes have no clip"]


def test_a_label_beyond_all_reason_is_refused(tmp_path):
    clips = [Clip(array(1, 2), label, name="a") for label in (0, 10**9)]
    with pytest.raises(DataError, match="1000000000"):
        write_store(tmp_path / "store", clips, STICK)
