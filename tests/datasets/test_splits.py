import pytest

from pyg_skeletonmae.datasets.prepare import ClipInfo
from pyg_skeletonmae.datasets.splits import in_column, split_positions
from pyg_skeletonmae.errors import DataError


def test_split():
    assert split_positions([1, 2, 1, 3], [1]) == ([0, 2], [1, 3])
    assert split_positions("abca", ["b"], ["c"]) == ([1], [2])


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        ([1, 2, 3], None, "the test side is empty"),
        ([], None, "the train side is empty"),
        ([1], [], "the test side is empty"),
        ([1, 7], None, "no clip has 7; there are 1, 2, 3"),
        ([1], [4], "no clip has 4"),
        ([1, 2], [2, 3], "2 is in both"),
    ],
)
def test_refused(train, test, message):
    with pytest.raises(DataError, match=f"split by x: {message}"):
        split_positions([1, 2, 1, 3], train, test, "split by x")


def test_a_side_is_a_value_of_a_column():
    clips = [ClipInfo(f"{value}", None, -1, {"train_xsub": value}) for value in (0, 1, 1)]
    assert [in_column("train_xsub", 1)(clip) for clip in clips] == [False, True, True]
