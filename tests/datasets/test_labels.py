import numpy as np
import pytest
import torch

from pyg_skeletonmae.datasets.labels import (
    check_labels,
    extra_columns,
    max_label,
    named_labels,
    nearest,
)
from pyg_skeletonmae.errors import DataError


def test_labels_that_are_none():
    check_labels([0, 99])
    check_labels(list(range(5)))
    check_labels([])
    assert max_label(1000) == 10_000 and max_label(2) == 100
    for label in (101, 20_240_101, 2**62):
        with pytest.raises(DataError, match=rf"label {label}: .*2 clips; pass class_names"):
            check_labels([0, label])
    check_labels([0, 500], largest=1000)


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        (["walk", "sit", "walk"], ([1, 0, 1], ["sit", "walk"])),
        (np.array(["10", "9", "10"]), ([1, 0, 1], ["9", "10"])),
        (np.array(["b", "a"], object), ([1, 0], ["a", "b"])),
        (["u\u0308bung", "\u00fcbung"], ([0, 0], ["\u00fcbung"])),
    ],
)
def test_names(labels, wanted):
    assert named_labels(labels) == wanted


def test_names_in_an_order():
    assert named_labels(["sit", "walk"], ["walk", "sit", "fall"])[0] == [1, 0]
    with pytest.raises(DataError, match="clip 1: label 'wlak' is no class; did you mean 'walk'"):
        named_labels(["sit", "wlak"], ["walk", "sit"])


@pytest.mark.parametrize("bad", [1, None, "", " ", 1.5, b"walk", float("nan")])
def test_no_names(bad):
    with pytest.raises(DataError, match=r"clip 1: label .*other labels are names"):
        named_labels(["walk", bad])


def test_columns():
    found = extra_columns({"camera": [1, 2], "day": np.array([3, 4]), "x": torch.tensor([0.5, 1])})
    assert found == ({"camera": [1, 2], "day": [3, 4], "x": [0.5, 1]}, {})
    found = extra_columns({"day": np.array(["mon", "fri", "mon"])})
    assert found == ({"day": [1, 0, 1]}, {"day": ["fri", "mon"]})
    for name, values in {
        "label": [1],
        "a b": [1],
        "nan": [float("nan")],
        "two": [[1, 2]],
        "mixed": ["a", 1],
    }.items():
        with pytest.raises(DataError, match=f"column '{name}'"):
            extra_columns({name: values})


def test_nearest():
    assert nearest("trun", ["turn", "walk"]) == "; did you mean 'turn'?"
    assert nearest(9, [1, 2, 1]) == "; there are 1, 2"
