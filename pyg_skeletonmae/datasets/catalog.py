"""Data sets that have official splits, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast, get_args

from pyg_skeletonmae.datasets.sets.hrnet_poses import Diving48, FineGym
from pyg_skeletonmae.datasets.sets.ntu import NTURGBD
from pyg_skeletonmae.datasets.sets.pkummd import PKUMMD, PkuPolicy
from pyg_skeletonmae.datasets.sets.pkummd_files import Part
from pyg_skeletonmae.datasets.sets.pyskl import PysklDataset
from pyg_skeletonmae.errors import ConfigError

OfficialName = Literal["ntu60", "ntu120", "pkummd1", "pkummd2", "finegym", "diving48", "pyskl"]
OfficialDataset = NTURGBD | PKUMMD | PysklDataset
UNTRIMMED = "untrimmed"
FOLDERS = {  # what users call the folder of each, inside the one of all data
    "ntu60": "ntu",
    "ntu120": "ntu",
    "pkummd1": "pkummd",
    "pkummd2": "pkummd",
    "finegym": "finegym",
    "diving48": "diving48",
}


class Settings(NamedTuple):
    """What may be said about such a data set; None = the default, or nothing.

    Args:
        path: The folder with its files, whose folder ``processed`` is for the stores; of
            ``pyskl``, the file.
        protocol: The official split.
        policy: Which bodies are persons (NTU RGB+D), how actions are cut (PKU-MMD; ``untrimmed``:
            not at all).
        incomplete: The list of incomplete clips (NTU RGB+D).
    """

    path: Path
    protocol: str | None = None
    policy: str | None = None
    incomplete: str | None = None


def open_official(name: str, settings: Settings) -> OfficialDataset:
    """Opens a data set, reading its files if that was not done before.

    Raises:
        ConfigError: There is none of this name, or a setting means nothing for it.
        SkeletonMAEError: The files are missing or damaged.
    """
    if name not in get_args(OfficialName):
        raise ConfigError(f"{name!r}: expected one of {', '.join(get_args(OfficialName))}")
    entry = _ENTRIES[name]
    told = {key: value for key in _OPTIONS if (value := getattr(settings, key)) is not None}
    for key in told.keys() - set(entry.options):
        raise ConfigError(f"data.{key}: means nothing for {name}")
    return entry.open(settings, told)


def open_pkummd(root: Path, part: Part, policy: str = "mamp", **settings: Any) -> PKUMMD:
    """:class:`PKUMMD` with one more policy, ``"untrimmed"``: actions are not cut."""
    if policy == UNTRIMMED:
        return PKUMMD(root, part, untrimmed=True, **settings)
    return PKUMMD(root, part, policy=cast(PkuPolicy, policy), **settings)  # which checks it


class _Entry(NamedTuple):
    open: Callable[[Settings, Mapping[str, Any]], OfficialDataset]
    options: tuple[str, ...]


_OPTIONS = ("protocol", "policy", "incomplete")
_ENTRIES: Mapping[str, _Entry] = {
    "ntu60": _Entry(lambda at, told: NTURGBD(at.path, 60, **told), _OPTIONS),
    "ntu120": _Entry(lambda at, told: NTURGBD(at.path, 120, **told), _OPTIONS),
    "pkummd1": _Entry(lambda at, told: open_pkummd(at.path, 1, **told), _OPTIONS[:2]),
    "pkummd2": _Entry(lambda at, told: open_pkummd(at.path, 2, **told), _OPTIONS[:2]),
    "finegym": _Entry(lambda at, told: FineGym(at.path), ()),
    "diving48": _Entry(lambda at, told: Diving48(at.path), ()),
    "pyskl": _Entry(lambda at, told: PysklDataset(at.path, at.path.parent, **told), _OPTIONS[:1]),
}
