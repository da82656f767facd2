import pytest

from pyg_skeletonmae.datasets.sets.ntu_protocols import (
    NUM_CLIPS,
    SPLIT_SIZES,
    TRAIN_SUBJECTS_60,
    TRAIN_SUBJECTS_120,
    check_protocol,
    check_split_sizes,
    is_training,
)
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.io.ntu import NtuName


def test_official_counts():
    assert (len(TRAIN_SUBJECTS_60), len(TRAIN_SUBJECTS_120)) == (20, 53)
    assert max(TRAIN_SUBJECTS_60) <= 40 and max(TRAIN_SUBJECTS_120) <= 106
    added = "45 46 47 49 50 52 53 54 55 56 57 58 59 70 74 78 80 81 82 83 84 85 86 89 91 92 93 94 95"
    wanted = [int(number) for number in f"{added} 97 98 100 103".split()]
    assert sorted(TRAIN_SUBJECTS_120 - TRAIN_SUBJECTS_60) == wanted
    for (version, _), sizes in SPLIT_SIZES.items():
        assert sum(sizes) == NUM_CLIPS[version]
    assert (56_880 - NUM_CLIPS[60], 114_480 - NUM_CLIPS[120]) == (302, 535)


def test_sides():
    name = NtuName(setup=3, camera=2, performer=46, replication=1, action=61)
    assert is_training(name, 120, "xsub") and not is_training(name, 60, "xsub")
    assert is_training(name, 60, "xview") and not is_training(name._replace(camera=1), 60, "xview")
    assert is_training(name._replace(setup=4), 120, "xset")
    assert not is_training(name, 120, "xset")
    for version, protocol in ((60, "xset"), (120, "xview"), (90, "xsub")):
        with pytest.raises(ConfigError, match="expected one of 60 xsub, 60 xview"):
            check_protocol(version, protocol)


def test_sizes_of_a_complete_data_set():
    check_split_sizes(60, "xsub", 40_091, 16_487)
    check_split_sizes(60, "xsub", 1, 2)
    with pytest.raises(DataError, match="40090 and 16488 clips"):
        check_split_sizes(60, "xsub", 40_090, 16_488)
