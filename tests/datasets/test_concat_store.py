"""What the stores of a data set that is concatenated are together; the rest is in test_concat."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from data_helpers import STICK, some_clips

from pyg_skeletonmae.datasets import Clip, ClipStore, write_store
from pyg_skeletonmae.datasets.concat_store import ConcatStore
from pyg_skeletonmae.errors import DataError


@pytest.fixture
def stores(tmp_path) -> list[ClipStore]:
    other = [replace(clip, pos=clip.pos + 1) for clip in some_clips()]
    return [
        write_store(tmp_path / "x", some_clips(), STICK),
        write_store(tmp_path / "y", other, STICK),
    ]


def test_the_order_is_that_of_the_stores(stores):
    one, two = stores
    whole = ConcatStore([one, ConcatStore([two, one])])
    assert whole.stores == (one, two, one) and len(whole) == 15
    assert repr(whole) == "ConcatStore([x, y, x], clips=15, skeleton=stick)"
    told = "".join(store.content_hash for store in whole.stores)
    assert whole.content_hash == hashlib.sha256(told.encode()).hexdigest()
    assert whole.spans == [
        (first + 43 * n, tracks, frames)
        for n, store in enumerate(whole.stores)
        for first, tracks, frames in store.spans
    ]
    for number, clip in ((0, one.clip(0)), (8, two.clip(3)), (14, one.clip(4))):
        np.testing.assert_array_equal(whole.clip(number).pos, clip.pos)


def test_joints_are_the_same(stores, tmp_path):
    three = STICK.subset(["hip", "neck", "head"])
    other = write_store(tmp_path / "z", [Clip(np.ones((1, 2, 3, 3), np.float32), 0)], three)
    with pytest.raises(DataError, match="have other joints"):
        ConcatStore([*stores, other])
    with pytest.raises(DataError, match="no data set to concatenate"):
        ConcatStore([])
