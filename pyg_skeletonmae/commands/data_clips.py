"""Which clips a configuration names, and the side of its split that each is on."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import NamedTuple

from pyg_skeletonmae.commands.data_section import DataConfig, PoseSettings
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.datasets.catalog import CATALOG, Place, entry
from pyg_skeletonmae.datasets.label_subsets import label_subset, labelled_view
from pyg_skeletonmae.datasets.map_store import with_joints, with_transform
from pyg_skeletonmae.datasets.store.stamp import Verify
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.files.remote import remote_url
from pyg_skeletonmae.skeleton.layouts import get_layout
from pyg_skeletonmae.transforms.pipelines import PUBLIC

DATA_VARIABLE = "SKELETONMAE_DATA"
_log = logging.getLogger("pyg_skeletonmae")


class Splits(NamedTuple):
    """Views of one data set."""

    train: SkeletonDataset  # clips whose labels are not looked at
    labelled: SkeletonDataset  # those of them whose labels may be used
    val: SkeletonDataset | None  # training subjects that are left out of both
    test: SkeletonDataset


def open_dataset(config: DataConfig, seed: int = 0, verify: Verify = "stamp") -> SkeletonDataset:
    """The clips that a configuration names, with the joints it names, converted on first use.

    What its pipeline does to every clip once is done; not to whole recordings, whose windows are
    clips, see :meth:`DataConfig.once`.

    Args:
        config: The configuration.
        seed: Of synthetic clips.
        verify: How stores are compared with their hashes, see
            :meth:`~pyg_skeletonmae.datasets.ClipStore.verify`.

    Raises:
        ConfigError: Settings that do not fit together.
        SkeletonMAEError: The data are missing or damaged, or not what their hash says.
    """
    dataset, once = _open(config, seed), None
    dataset.store.verify(verify)
    if config.joints is not None:
        dataset = with_joints(dataset, get_layout(config.joints), Path(config.cache) / "joints")
    if config.policy != "untrimmed":
        once = config.once(dataset)
    if once is not None:
        dataset = with_transform(dataset, once, Path(config.cache) / "pipelines")
    if not dataset.store.verified:  # one that was made of the other
        dataset.store.verify(verify)
    return dataset


def _open(config: DataConfig, seed: int) -> SkeletonDataset:
    data = entry(config.name)
    settings = {**vars(config.poses), **vars(config), "seed": seed}
    if config.policy is None and config.pipeline in PUBLIC and config.name in ("ntu60", "ntu120"):
        settings["policy"] = PUBLIC[config.pipeline].policy
    if config.scores is None and config.pipeline == "pyskl2d" and "scores" in data.options:
        settings["scores"] = "channel"
    told = {key: settings.get(key) for key in data.options}
    others = {key for other in CATALOG.values() for key in other.options} - set(data.options)
    for key in sorted(others):
        # Whoever gives what is nothing by default means it.
        section = PoseSettings if hasattr(PoseSettings, key) else DataConfig
        if getattr(section, key, 0) is None and settings[key] is not None:
            place = "data.poses" if section is PoseSettings else "data"
            raise ConfigError(f"{place}.{key}: means nothing for {config.name}")
    options = {key: told[key] for key in data.options if told[key] is not None}
    cache = None if data.cache is None else Path(config.cache) / data.cache
    return data.open(Place(_path(config), cache), **options)


def _path(config: DataConfig) -> Path:
    """Where the data are: the path that is given, or the data set's folder in the one of all."""
    data, root = entry(config.name), os.environ.get(DATA_VARIABLE)
    if data.path == "nothing":
        return Path()
    if config.path is not None:
        remote = remote_url(config.path) is not None
        if remote and config.name != "store":
            raise ConfigError(
                f"data.path {config.path}: stores alone are read from an address; prepare one of "
                f"the {config.name} data, and give --data.name store"
            )
        if data.path == "folder" and not remote and not Path(config.path).is_dir():
            raise DataError(
                f"{config.path}: no such folder; data.path names the one of the {config.name} data"
            )
        return Path(config.path)
    if data.folder is None:
        raise ConfigError(
            f"data.path: expected the {data.path} of the {config.name} data, found nothing"
        )
    if not root:
        raise DataError(
            f"{config.name} was not found: set {DATA_VARIABLE} to the folder that holds "
            f"{data.folder}/, or --data.path to the folder with its files, or try --data.name "
            "synthetic"
        )
    return Path(root) / data.folder


def split(dataset: SkeletonDataset, config: DataConfig) -> Splits:
    """Cuts a data set by its official protocol, or by subjects if it has none or some are named.

    Raises:
        DataError: A side is empty, or a subject is not in the data or on two sides.
    """
    train, test = _sides(dataset, config)
    val = None
    if config.val_subjects:
        val, train = train.split(train=config.val_subjects)
    labelled, known = train, set(train.subjects.tolist())
    if config.label_subjects is not None and set(config.label_subjects) != known:
        labelled, _ = train.split(train=config.label_subjects)
    ways = ("label_file", "label_fraction", "labels_per_class")
    given = [f"data.{way}" for way in ways if getattr(config, way) is not None]
    if len(given) > 1:
        raise ConfigError(f"{given[0]}, {given[1]}: give one of the two")
    if config.label_file is not None:
        labelled = labelled_view(labelled, config.label_file)
    elif given:
        labelled = label_subset(
            labelled, Path(config.cache) / "labels", config.label_fraction, config.label_draw,
            config.balanced, per_class=config.labels_per_class,
        )  # fmt: skip
    return Splits(train, labelled, val, test)


def same_sides(one: DataConfig, other: DataConfig, seed: int = 0) -> bool:
    """Whether two configurations train on the same clips of a data set, and test on the same.

    However they say so: by a default or its name, by nobody or everybody.
    """
    sides = (_sides(open_dataset(config, seed), config) for config in (one, other))
    names = [[{v.store.names[i] for i in v.indices()} for v in pair] for pair in sides]
    return names[0] == names[1]


def _sides(dataset: SkeletonDataset, config: DataConfig) -> tuple[SkeletonDataset, SkeletonDataset]:
    wanted = config.train_subjects
    named = wanted is not None or config.test_subjects is not None
    if config.split_by is not None or config.train_values or config.test_values:
        return _by_values(dataset, config, named)
    if CATALOG[config.name].official and not named:
        return dataset.official_split()
    subjects = sorted(set(dataset.subjects.tolist()))
    if subjects == [-1] and not dataset.num_classes and not named:  # nothing could be tested
        _log.info("no performers, no classes: all %d clips train, none is held out", len(dataset))
        nobody = dataset.index_select([])
        assert isinstance(nobody, SkeletonDataset)
        return dataset, nobody
    if subjects == [-1]:
        raise DataError(
            f"{dataset.store.root}: names no performers, by whom the command line divides clips; "
            "divide them by data.split_by (name, label, or a column) and data.train_values"
        )
    chosen = [s for s in subjects if s % 2] if wanted is None else wanted
    return dataset.split(train=chosen, test=config.test_subjects)


def _by_values(
    dataset: SkeletonDataset, config: DataConfig, named: bool
) -> tuple[SkeletonDataset, SkeletonDataset]:
    if config.split_by is None or not config.train_values:
        raise ConfigError("data.split_by, data.train_values: give both, or neither")
    if named:
        raise ConfigError("data.split_by, data.train_subjects: give one of the two")
    text = config.split_by == "name"
    train, test = (
        None if side is None else [str(value) if text else value for value in side]
        for side in (config.train_values, config.test_values)
    )
    return dataset.split(config.split_by, train or (), test)
