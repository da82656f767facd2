"""The official evaluation protocols of NTU RGB+D 60 and 120: who trains, and how many that are."""

from __future__ import annotations

from typing import Literal

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.io.ntu import NtuName

Version = Literal[60, 120]
Protocol = Literal["xsub", "xview", "xset"]

TRAIN_SUBJECTS_60 = frozenset(
    (1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38)
)
TRAIN_SUBJECTS_120 = TRAIN_SUBJECTS_60.union(
    (45, 46, 47, 49, 50), range(52, 60), (70, 74, 78), range(80, 87), (89,), range(91, 96),
    (97, 98, 100, 103),
)  # fmt: skip
TRAIN_CAMERAS = frozenset((2, 3))

# Clips of the data set without those on the owners' list of incomplete ones, of train and of test.
NUM_CLIPS: dict[int, int] = {60: 56_578, 120: 113_945}
SPLIT_SIZES: dict[tuple[int, str], tuple[int, int]] = {
    (60, "xsub"): (40_091, 16_487),
    (60, "xview"): (37_646, 18_932),
    (120, "xsub"): (63_026, 50_919),
    (120, "xset"): (54_468, 59_477),
}


def check_protocol(version: int, protocol: str) -> None:
    """Raises :class:`ConfigError` unless the owners define this protocol for this version."""
    if (version, protocol) not in SPLIT_SIZES:
        pairs = ", ".join(f"{v} {p}" for v, p in SPLIT_SIZES)
        raise ConfigError(f"NTU RGB+D {version} {protocol}: expected one of {pairs}")


def is_training(name: NtuName, version: int, protocol: str) -> bool:
    """Whether a clip is on the training side.

    ``xsub`` goes by the performer, ``xview`` (60) by the camera, ``xset`` (120) by the setup, of
    which the even ones train.
    """
    check_protocol(version, protocol)
    if protocol == "xview":
        return name.camera in TRAIN_CAMERAS
    if protocol == "xset":
        return name.setup % 2 == 0
    return name.performer in (TRAIN_SUBJECTS_60 if version == 60 else TRAIN_SUBJECTS_120)


def check_split_sizes(version: int, protocol: str, train: int, test: int) -> None:
    """Compares a split with the official counts, if the data set is complete.

    Raises:
        DataError: There are as many clips as there should be, but not on the right sides.
    """
    expected = SPLIT_SIZES[version, protocol]
    if train + test == NUM_CLIPS[version] and (train, test) != expected:
        raise DataError(f"NTU RGB+D {version} {protocol}: {train} and {test} clips, not {expected}")
