"""The data sets by name: ``data.name``, ``prepare``, the benchmarks and the documentation follow.

A new one is a line here. Classes are named and not imported, so that whoever only asks for the
names does not wait for them.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pyg_skeletonmae.errors import ConfigError, check_choice

if TYPE_CHECKING:
    from pyg_skeletonmae.datasets.skeleton_dataset import SkeletonDataset


class Place(NamedTuple):
    """Where a data set is, and how it is read.

    Args:
        root: The folder with its files, or its file; of ``store`` also an address.
        processed_root: The folder for its stores; None = ``processed`` beside the files.
        workers: How many processes read; 0 = this one.
        force_reload: Read the files again.
    """

    root: Path
    processed_root: Path | None = None
    workers: int = 0
    force_reload: bool = False


class Entry(NamedTuple):
    """A data set.

    Args:
        title: What tables call it.
        cls: Its class, in this package.
        folder: What users call its folder, inside the one of all data; None: nobody knows.
        options: What may be said of it, besides :class:`Place`.
        splits: Its protocols, the first by default; none where that depends on the files.
        fixed: Arguments that the name stands for.
        opener: A function that opens it, in this package: takes the place and the arguments. None:
            the class, which has the arguments of a place.
        path: What its path is: ``folder`` or ``file``; ``nothing``: it is made, not read.
        official: Do its owners say who trains? Otherwise subjects with odd numbers do.
        raw: Are there files of others to prepare?
        cache: Where in ``data.cache`` its stores are; None: beside the files.
        flat: Is it in 2-D?
        licence: Of its clips, an SPDX identifier or words; None: not stated, or anyone's clips.
    """

    title: str
    cls: str
    folder: str | None = None
    options: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    fixed: Mapping[str, Any] = {}
    opener: str | None = None
    path: Literal["folder", "file", "nothing"] = "folder"
    official: bool = False
    raw: bool = True
    cache: str | None = None
    flat: bool = False
    licence: str | None = None

    def open(self, place: Place, **options: Any) -> SkeletonDataset:
        """Opens it, reading its files if that was not done before.

        Raises:
            ConfigError: It has no such option.
            SkeletonMAEError: The files are missing or damaged, or an option is wrong.
        """
        for key in options.keys() - set(self.options):
            raise ConfigError(f"{key}: means nothing for {self.title}")
        module, _, name = (self.opener or self.cls).rpartition(".")
        opener = getattr(importlib.import_module(f"{__package__}.{module}"), name)
        if self.opener is not None:
            dataset: SkeletonDataset = opener(place, **self.fixed, **options)
        else:
            dataset = opener(**place._asdict(), **self.fixed, **options)
        return dataset


_NTU, _PKUMMD, _UNTRIMMED = "sets.ntu.NTURGBD", "sets.pkummd.PKUMMD", "openers.open_pkummd"
_POLICIES = ("protocol", "policy")
_RESEARCH = "academic research only, by the terms of its owners"
_POSES = (
    "format", "skeleton", "labels", "zeros", "axes", "min_score", "image_size", "fps", "unit",
    "positions", "key", "label_column", "columns", "ignore", "first_index", "strict",
)  # fmt: skip
CATALOG: dict[str, Entry] = {
    "ntu60": Entry(
        "NTU RGB+D 60", _NTU, "ntu", (*_POLICIES, "incomplete"), ("xsub", "xview"),
        {"version": 60}, official=True, licence=_RESEARCH,
    ),
    "ntu120": Entry(
        "NTU RGB+D 120", _NTU, "ntu", (*_POLICIES, "incomplete"), ("xsub", "xset"),
        {"version": 120}, official=True, licence=_RESEARCH,
    ),
    "pkummd1": Entry(
        "PKU-MMD I", _PKUMMD, "pkummd", _POLICIES, ("xsub", "xview"),
        fixed={"part": 1}, opener=_UNTRIMMED, official=True, licence=_RESEARCH,
    ),
    "pkummd2": Entry(
        "PKU-MMD II", _PKUMMD, "pkummd", _POLICIES, ("xsub", "xview"),
        fixed={"part": 2}, opener=_UNTRIMMED, official=True, licence=_RESEARCH,
    ),
    "finegym": Entry(
        "FineGym", "sets.hrnet_poses.FineGym", "finegym", ("scores",), ("official",),
        opener="openers.open_finegym", official=True, flat=True, licence="CC-BY-NC-4.0",
    ),
    "diving48": Entry(
        "Diving48", "sets.hrnet_poses.Diving48", "diving48", ("scores",), ("official",),
        opener="openers.open_diving48", official=True, flat=True,
    ),
    "pyskl": Entry(
        "pickles of pyskl", "sets.pyskl.PysklDataset",
        options=("protocol", "scores", "third", "unit", "size_order"), opener="openers.open_pyskl",
        path="file", official=True,
    ),
    "stgcn": Entry(
        "arrays of ST-GCN", "sets.stgcn.StgcnDataset", options=("skeleton",),
        opener="openers.open_stgcn", official=True,
    ),
    "uiprmd": Entry(
        "UI-PRMD", "sets.uiprmd.UIPRMD", "uiprmd", ("target",), ("odd/even",),
        opener="openers.open_uiprmd", cache="uiprmd", licence="PDDL-1.0",
    ),
    "synthetic": Entry(
        "SyntheticActions", "sets.synthetic.SyntheticActions",
        options=("num_clips", "num_classes", "num_subjects", "seed"), splits=("odd/even",),
        opener="openers.open_synthetic", path="nothing", raw=False, licence="MIT",
    ),
    "poses": Entry(
        "folders of poses", "sets.pose_folder.PoseFolder", options=_POSES,
        opener="openers.open_poses",
    ),
    "npz": Entry(
        "packed files", "skeleton_dataset.SkeletonDataset", options=("nan",),
        opener="openers.open_npz", path="file", raw=False, cache=".",
    ),
    "store": Entry(
        "stores", "skeleton_dataset.SkeletonDataset", options=("store_cache", "store_cache_gb"),
        opener="openers.open_store", raw=False,
    ),
}  # fmt: skip

if TYPE_CHECKING:
    DataName = str
else:
    DataName = Literal[tuple(CATALOG)]


def entry(name: str) -> Entry:
    """A data set by its name.

    Raises:
        ConfigError: There is none of this name.
    """
    check_choice("data.name", name, CATALOG)
    return CATALOG[name]
