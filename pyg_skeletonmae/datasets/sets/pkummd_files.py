"""Where the files of PKU-MMD lie, and on which side of the official splits a recording is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.io.pku import read_pku_split
from pyg_skeletonmae.io.scan import list_files

Part = Literal[1, 2]
PkuProtocol = Literal["xsub", "xview"]

SKELETON_FOLDERS = ("skeleton", "Skeleton", "PKU_Skeleton_Renew", "Data/PKU_Skeleton_Renew")
LABEL_FOLDERS = ("label", "Label", "Train_Label_PKU_final", "Label/Train_Label_PKU_final")
SPLIT_FOLDERS = ("", "Split", "split")
SPLIT_FILES: dict[tuple[int, str], tuple[str, ...]] = {
    (1, "xsub"): ("cross-subject.txt", "cross_subject.txt"),
    (1, "xview"): ("cross-view.txt", "cross_view.txt"),
    (2, "xsub"): ("cross_subject_v2.txt", "cross-subject_v2.txt", "cross-subject-v2.txt"),
    (2, "xview"): ("cross_view_v2.txt", "cross-view_v2.txt", "cross-view-v2.txt"),
}
TEST_CAMERA = "L"
TEST_PERFORMERS = frozenset((2, 3, 7))  # of phase II

NUM_RECORDINGS: dict[int, int] = {1: 1076, 2: 1009}
# Recordings that train and that test. Those of phase II across views are published nowhere.
SPLIT_SIZES: dict[tuple[int, str], tuple[int, int]] = {
    (1, "xsub"): (944, 132),
    (1, "xview"): (717, 359),
    (2, "xsub"): (775, 234),
}
_NAMES = {1: re.compile(r"\d{4}-([LMR])()"), 2: re.compile(r"A\d{2}N(?=\d{2}-([LMR]))(\d{2})-.")}


class PkuName(NamedTuple):
    """What the name of a recording says.

    Args:
        camera: ``"L"``, ``"M"`` or ``"R"``.
        performer: The performer, -1 in phase I, whose names do not say it.
    """

    camera: str
    performer: int


class PkuRecording(NamedTuple):
    """The files of a recording.

    Args:
        skeleton: Its skeleton file.
        label: Its label file.
        sides: Whether it trains (1) or tests (0), by protocol, as far as that is known.
    """

    skeleton: Path
    label: Path
    sides: tuple[tuple[str, int], ...]

    @property
    def name(self) -> str:
        """The name of the recording."""
        return self.skeleton.stem


def parse_pku_name(name: str, part: Part) -> PkuName | None:
    """Camera and performer of a recording, None if its name is none of that phase."""
    match = _NAMES[part].fullmatch(name)
    return None if match is None else PkuName(match[1], int(match[2] or -1))


def find_recordings(root: Path, part: Part) -> tuple[list[PkuRecording], list[Path]]:
    """The recordings of a phase in order of name, and the split files that were found.

    Looked at are ``root`` and the folders ``v1`` or ``v2``, ``PKUMMD`` and ``raw`` in it.

    Raises:
        DataError: There is no recording.
        SkeletonFormatError: A split file is damaged.
    """
    for base in (root, root / f"v{part}", root / "PKUMMD", root / "raw"):
        skeletons, labels = _folder(base, SKELETON_FOLDERS), _folder(base, LABEL_FOLDERS)
        if skeletons is None or labels is None:
            continue
        if paths := [p for p in list_files(skeletons, "*.txt") if parse_pku_name(p.stem, part)]:
            files = _split_files(base, part)
            train = {key: frozenset(read_pku_split(path).train) for key, path in files.items()}
            recordings = [
                PkuRecording(path, labels / path.name, tuple(_sides(path.stem, part, train)))
                for path in paths
            ]
            return recordings, list(files.values())
    raise DataError(
        f"{root}: no recording of PKU-MMD {part} (NNNN-L.txt in phase I, AxxNyy-L.txt in phase II) "
        f"in {' or '.join(SKELETON_FOLDERS)}, with labels in {' or '.join(LABEL_FOLDERS)}"
    )


def check_split_sizes(part: Part, protocol: str, train: int, test: int) -> None:
    """Compares a split, counted in recordings, with the published one if all are there.

    Raises:
        DataError: There are as many recordings as there should be, but not on the right sides.
    """
    sizes = SPLIT_SIZES.get((part, protocol))
    if sizes is not None and train + test == NUM_RECORDINGS[part] and (train, test) != sizes:
        raise DataError(f"PKU-MMD {part} {protocol}: {train} and {test} recordings, not {sizes}")


def _sides(name: str, part: Part, train: Mapping[str, frozenset[str]]) -> Iterable[tuple[str, int]]:
    """By the owners' file where there is one, else by the rule behind it."""
    fields = parse_pku_name(name, part)
    assert fields is not None
    rules = {"xview": fields.camera != TEST_CAMERA}
    if part == 2:
        rules["xsub"] = fields.performer not in TEST_PERFORMERS
    for protocol in ("xsub", "xview"):
        if protocol in train:
            yield protocol, int(name in train[protocol])
        elif protocol in rules:
            yield protocol, int(rules[protocol])


def _folder(base: Path, names: Iterable[str]) -> Path | None:
    return next((base / name for name in names if list_files(base / name, "*.txt")), None)


def _split_files(base: Path, part: Part) -> dict[str, Path]:
    files = {}
    for (number, protocol), names in SPLIT_FILES.items():
        places = [base / folder / name for folder in SPLIT_FOLDERS for name in names]
        path = next((place for place in places if place.is_file()), None)
        if number == part and path is not None:
            files[protocol] = path
    return files
