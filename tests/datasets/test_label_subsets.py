from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from data_helpers import STICK, array

from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.datasets.label_subsets import (
    draw_labels,
    label_subset,
    labelled_view,
    read_labels,
    write_labels,
)
from pyg_skeletonmae.errors import ConfigError, DataError

NAMES = [f"clip {i:03}" for i in range(200)]
LABELS = [0 if i % 10 else 1 for i in range(200)]  # 180 and 20


@pytest.fixture
def dataset(tmp_path):
    clips = [array(1, 3, seed=i) for i in range(40)]
    labels = [i % 2 for i in range(40)]
    return SkeletonDataset.from_arrays(
        clips, labels, STICK, root=tmp_path / "store", names=NAMES[:40]
    )


def test_shares_are_exact_and_nested():
    for balanced in (False, True):
        drawn = [draw_labels(NAMES, LABELS, share, 3, balanced) for share in (0.01, 0.1, 0.5, 1.0)]
        assert [len(own) for own in drawn] == [3 if balanced else 2, 20, 100, 200]
        for few, many in pairwise(drawn):
            assert set(few) < set(many)
        assert drawn[2] == sorted(drawn[2])


def test_a_balanced_draw_keeps_every_class():
    of = dict(zip(NAMES, LABELS, strict=True))
    counts = Counter(of[name] for name in draw_labels(NAMES, LABELS, 0.1, 0, balanced=True))
    assert counts == {0: 18, 1: 2}
    assert {of[name] for name in draw_labels(NAMES, LABELS, 0.001, 0, balanced=True)} == {0, 1}


def test_as_many_of_each_class():
    of = dict(zip(NAMES, LABELS, strict=True))
    drawn = [draw_labels(NAMES, LABELS, draw=2, per_class=count) for count in (1, 5, 20)]
    for count, own in zip((1, 5, 20), drawn, strict=True):
        assert Counter(of[name] for name in own) == {0: count, 1: count}
    assert set(drawn[0]) < set(drawn[1]) < set(drawn[2])
    with pytest.raises(DataError, match="labels_per_class 21: class 1 has 20 clips"):
        draw_labels(NAMES, LABELS, per_class=21)
    with pytest.raises(ConfigError, match="labels_per_class 0: expected a clip or more"):
        draw_labels(NAMES, LABELS, per_class=0)
    for both in ({}, {"fraction": 0.1, "per_class": 1}):
        with pytest.raises(ConfigError, match="expected one of the two"):
            draw_labels(NAMES, LABELS, **both)


def test_a_draw_depends_on_its_number_and_on_names_alone():
    first = draw_labels(NAMES, LABELS, 0.1)
    assert first == sorted(draw_labels(NAMES[::-1], LABELS[::-1], 0.1))
    assert first != draw_labels(NAMES, LABELS, 0.1, draw=1)
    # Fixed for good: published subsets must not change.
    assert draw_labels(NAMES, LABELS, 0.02) == ["clip 009", "clip 017", "clip 023", "clip 065"]


def test_draws_are_even():
    counts = Counter(name for draw in range(200) for name in draw_labels(NAMES, LABELS, 0.1, draw))
    assert len(counts) == 200 and min(counts.values()) >= 5 and max(counts.values()) <= 40


def test_files_go_to_disk_and_back(tmp_path):
    write_labels(tmp_path / "deep/names.txt", NAMES[:3])
    assert read_labels(tmp_path / "deep/names.txt") == NAMES[:3]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["names.txt"]


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "names no clip"), ("a\nb\na\n", "names 'a' twice"), (None, "no readable file")],
)
def test_files_that_are_no_lists(tmp_path, text, said):
    path = tmp_path / "names.txt"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=said):
        read_labels(path)


def test_subsets_of_each_class_have_files_of_their_own(dataset, tmp_path):
    few = label_subset(dataset, tmp_path / "labels", draw=1, per_class=3)
    assert sorted(few.labels.tolist()) == [0] * 3 + [1] * 3
    (path,) = (tmp_path / "labels").iterdir()
    assert path.name.endswith("-3-each-draw1.txt")


def test_a_subset_is_written_once_and_then_read(dataset, tmp_path):
    train, _ = dataset.split("name", train=NAMES[:20])
    subset = label_subset(train, tmp_path / "labels", 0.2, draw=1)
    assert len(subset) == 4 and set(subset.indices()) < set(train.indices())
    (path,) = (tmp_path / "labels").iterdir()
    assert path.name.endswith("-0.2-any-draw1.txt")
    assert read_labels(path) == [dataset.store.names[i] for i in subset.indices()]
    write_labels(path, NAMES[7:8])
    assert list(label_subset(train, tmp_path / "labels", 0.2, draw=1).indices()) == [7]
    # Other training clips, shares, draws and kinds have files of their own.
    label_subset(dataset, tmp_path / "labels", 0.2, draw=1)
    label_subset(train, tmp_path / "labels", 0.2, draw=1, balanced=True)
    assert len(list((tmp_path / "labels").iterdir())) == 3


def test_names_that_are_not_there_or_not_unique(dataset, tmp_path):
    train, _ = dataset.split("name", train=NAMES[:20])
    write_labels(tmp_path / "names.txt", [NAMES[1], NAMES[30]])
    with pytest.raises(DataError, match="'clip 030' is none of the 20 training clips"):
        labelled_view(train, tmp_path / "names.txt")
    with pytest.raises(DataError, match="share names"):
        labelled_view(train.index_select([1, 1]), tmp_path / "names.txt")


@pytest.mark.parametrize("share", [0, -0.1, 1.1, float("nan")])
def test_shares_out_of_range(share):
    with pytest.raises(ConfigError, match="label_fraction"):
        draw_labels(NAMES, LABELS, share)
