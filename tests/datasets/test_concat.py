import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from data_helpers import STICK, array, some_clips
from torch_geometric.loader import DataLoader
from torch_geometric.transforms import Compose

from pyg_skeletonmae.datasets import Clip, SkeletonDataset, concat, write_store
from pyg_skeletonmae.errors import DataError, SkeletonFormatError
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.transforms import CropTime, JitterJoints, Resample


@pytest.fixture
def parts(tmp_path) -> list[SkeletonDataset]:
    """Five clips in each; classes a, b, c and c, d, a; in the second joints are missing."""
    clips, valid = some_clips(), np.ones((2, 3, 4), bool)
    valid[1, 2, 0] = False
    more = [replace(c, pos=c.pos + 1, name=f"more-{i}") for i, c in enumerate(some_clips())]
    more[1] = replace(more[1], valid=valid)
    more = [replace(clip, extra={"camera": i}) for i, clip in enumerate(more)]
    write_store(tmp_path / "x", clips, STICK, ["a", "b", "c"], fps=30.0, source="X")
    write_store(tmp_path / "y", more, STICK, ["c", "d", "a"], fps=30.0, unit="m", source="Y",
                dropped=[("lost", "too short")])  # fmt: skip
    return [SkeletonDataset(tmp_path / name) for name in "xy"]


def test_clips(parts):
    whole = concat(parts)
    assert repr(whole) == "SkeletonDataset(10)" and whole.class_names == ("a", "b", "c", "d")
    assert whole.labels.tolist() == [0, 1, 2, 0, 1, 2, 3, 0, 2, 3]
    assert repr(whole.store) == "ConcatStore([x, y], clips=10, skeleton=stick)"
    for number in range(10):
        part, place = parts[number // 5], number % 5
        found, wanted = whole[number], part[place]
        for key in ("pos", "valid", "edge_index", "num_tracks", "subject"):
            assert torch.equal(found[key], wanted[key]), key
        assert int(found.clip_id) == number
        clip = whole.store.clip(number)
        np.testing.assert_array_equal(clip.pos, part.store.clip(place).pos)
        np.testing.assert_array_equal(clip.valid, part.store.clip(place).valid)
        assert clip.name == part.store.names[place] and clip.extra == {"store": number // 5}
    whole.store.verify()


def test_nothing_is_copied(parts):
    whole = concat(parts)
    for part, rows in zip(parts, whole.store.pos.parts, strict=True):
        assert rows.data_ptr() == part.store.pos.data_ptr()
    assert whole.store.valid.parts[0].untyped_storage().nbytes() == 1, "all True takes no room"
    again = pickle.loads(pickle.dumps(whole.store))
    assert len(pickle.dumps(whole.store)) < 500 and again.content_hash == whole.store.content_hash
    assert again.names == whole.store.names


@pytest.mark.parametrize("steps", [[Resample(4)], [CropTime(0.5, 1.0), Resample(4)]])
def test_loader_equals_single_clips(parts, steps):
    transform = Compose([*steps, JitterJoints(0.1)])
    whole = concat(parts, transform)
    whole.set_epoch(2, seed=3)
    loader = SkeletonLoader(concat(parts), 4, transform, shuffle=True, seed=3)
    loader.set_epoch(2)
    for batch in loader:
        (wanted,) = DataLoader([whole[int(number)] for number in batch.clip_id], 4)
        for key in ("pos", "valid", "y", "edge_index", "num_tracks", "batch", "ptr"):
            torch.testing.assert_close(batch[key], wanted[key], rtol=0, atol=0)
    plain = next(iter(SkeletonLoader(concat(parts), 10, Resample(4))))
    apart = [next(iter(SkeletonLoader(part, 5, Resample(4)))) for part in parts]
    for key in ("pos", "valid"):
        torch.testing.assert_close(plain[key], torch.cat([b[key] for b in apart]), rtol=0, atol=0)


def test_views_and_splits(parts):
    first = parts[0].split(train=[1])[0]
    whole = concat([first, parts[1][:2], first])
    assert [whole.store.names[i] for i in whole.indices()] == [
        "clip-0", "clip-2", "clip-4", "more-0", "more-1", "clip-0", "clip-2", "clip-4",
    ]  # fmt: skip
    train, test = whole.split("store", train=[0])
    assert (len(train), len(test)) == (6, 2) and set(test.store.extra) == {"store"}
    nested = concat([concat(parts), parts[0]])
    assert repr(nested.store).startswith("ConcatStore([x, y, x], clips=15") and len(nested) == 15


def test_stores_of_the_whole(parts, tmp_path):
    whole = concat(parts)
    whole.to_npz(tmp_path / "packed.npz", scale=None)
    again = SkeletonDataset.from_npz(tmp_path / "packed.npz", tmp_path / "again", skeleton=STICK)
    for number in range(10):
        assert torch.equal(whole[number].pos, again[number].pos)
        assert torch.equal(whole[number].valid, again[number].valid)
    few = SkeletonDataset(whole.store, pre_filter=lambda data: int(data.num_tracks) > 1)
    assert few.store.names == ("clip-1", "clip-3", "more-1", "more-3")


def test_card(parts):
    card = concat(parts).card
    assert (card["clips"], card["missing_joints"], card["source"]) == (10, 1, "X; Y")
    assert card["clips_per_class"] == {"a": 3, "b": 2, "c": 3, "d": 2}
    assert (card["fps"], card["unit"], card["dropped"]) == (30.0, "m", {"too short": ["lost"]})
    assert card["frames"] == {"min": 1, "median": 4.0, "mean": 4.4, "max": 9, "total": 44}
    assert card["persons"] == {"1": 6, "2": 2, "3": 2} and "10 of 4 classes" in repr(card)


def test_unlabelled(parts, tmp_path):
    write_store(tmp_path / "z", [Clip(array(1, 2), name="z")], STICK)
    whole = concat([*parts, SkeletonDataset(tmp_path / "z")])
    assert whole.store.label is None and whole.num_classes == 0 and len(whole) == 11


def test_refused(parts, tmp_path):
    with pytest.raises(DataError, match="no data set"):
        concat([])
    write_store(tmp_path / "flat", [Clip(array(1, 2, 2), 0)], STICK)
    with pytest.raises(DataError, match=r"x and .*flat have other channels"):
        concat([parts[0], SkeletonDataset(tmp_path / "flat")])
    write_store(tmp_path / "mm", [Clip(array(1, 2), 0)], STICK, unit="mm")
    with pytest.raises(DataError, match=r"y and .*mm have other units"):
        concat([parts[1], SkeletonDataset(tmp_path / "mm")])
    data = bytearray((tmp_path / "y/pos.npy").read_bytes())
    data[-1] ^= 1
    (tmp_path / "y/pos.npy").write_bytes(data)
    with pytest.raises(SkeletonFormatError, match="the content"):
        concat([SkeletonDataset(tmp_path / name) for name in "xy"]).store.verify()


def test_columns_of_texts(tmp_path):
    sets = [
        SkeletonDataset.from_arrays(
            [array(1, 3, seed=i) for i in range(2)], None, STICK, root=tmp_path / root,
            columns={"day": days, "mixed": mixed},
        )
        for root, days, mixed in (("a", ["mon", "tue"], ["x", "y"]), ("b", ["fri", "tue"], [0, 1]))
    ]  # fmt: skip
    both = concat(sets)
    assert list(both.split("day", train=["tue"])[0].indices()) == [1, 3]
    assert list(both.split("day", train=["fri"])[0].indices()) == [2]
    with pytest.raises(DataError, match="has only"):
        both.split("mixed", train=["x"])
