"""The data section of a configuration: which clips, how they are split, what is done to them."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, cast, get_args

import torch
from torch_geometric.transforms import Compose

from pyg_skeletonmae.configurable.arguments import CheckedMeta
from pyg_skeletonmae.datasets import UIPRMD, ClipStore, SkeletonDataset
from pyg_skeletonmae.datasets.catalog import (
    FOLDERS,
    OfficialDataset,
    OfficialName,
    Settings,
    open_official,
)
from pyg_skeletonmae.datasets.label_subsets import label_subset, labelled_view
from pyg_skeletonmae.datasets.map_store import with_joints
from pyg_skeletonmae.datasets.sets.pose_folder import PoseFolder
from pyg_skeletonmae.datasets.sets.pose_formats import PoseFormatName
from pyg_skeletonmae.datasets.sets.pose_plan import LABELS
from pyg_skeletonmae.datasets.sets.synthetic import SyntheticActions
from pyg_skeletonmae.datasets.sets.uiprmd import LabelTarget
from pyg_skeletonmae.datasets.store.clips import NanPolicy
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.skeleton.layouts import get_layout
from pyg_skeletonmae.transforms.recipe import standard_transform
from pyg_skeletonmae.transforms.spatial import CenterMode, ScaleBy
from pyg_skeletonmae.transforms.streams import Stream

DATA_VARIABLE = "SKELETONMAE_DATA"


@dataclass
class DataConfig(metaclass=CheckedMeta):
    """The clips of a run.

    Args:
        name: ``uiprmd``; ``npz``, a packed file; ``store``, a folder that ``SkeletonDataset``
            wrote; ``poses``, a folder of pose files; ``synthetic``, the built-in actions; or a data
            set with official splits:
            ``ntu60``, ``ntu120``, ``pkummd1``, ``pkummd2``, ``finegym``, ``diving48``, and
            ``pyskl``, any pickle of pyskl.
        path: The file or folder (not for ``synthetic``). Default: the folder ``uiprmd``, ``ntu``,
            ``pkummd``, ``finegym`` or ``diving48`` in ``$SKELETONMAE_DATA``.
        format: The format of ``poses``, see :class:`~pyg_skeletonmae.datasets.PoseFolder`; default:
            ``mediapipe``.
        skeleton: The skeleton of ``poses``, a layout or a file; default: that of the format.
        protocol: The official split, ``xsub`` for example; default: the first. It holds unless
            subjects are named.
        policy: Which bodies are persons (NTU RGB+D), how actions are cut (PKU-MMD); default: as
            CTR-GCN and MAMP do. ``untrimmed``: whole recordings of PKU-MMD.
        incomplete: The owners' list of incomplete clips of NTU RGB+D, to leave them out; ``fetch``
            fetches it.
        cache: The folder in which converted data are kept for the next run.
        target: The classes of ``uiprmd``.
        nan: What to do with a clip whose coordinates are not finite (``npz``).
        train_subjects: Who is trained on; default: everyone with an odd number.
        test_subjects: Who is tested on; default: everyone else.
        split_by: What divides the clips instead of subjects and official splits: ``label``,
            ``name``, or a further column of the store, ``camera`` for example.
        train_values: Which of its values are trained on; labels by number or name.
        test_values: Which are tested on; default: all others.
        label_subjects: Whose labels may be used in training; default: those of all training
            subjects.
        label_fraction: The share of labelled clips whose labels are kept; default: all.
        label_draw: Which draw of them: another number, other clips.
        balanced: Keep that share of each class, instead of all clips.
        label_file: The labelled clips by their names, one per line, instead of a draw.
        val_subjects: Training subjects to leave out and evaluate on while training, so that
            nothing is ever chosen on test clips.
        num_clips: The number of ``synthetic`` clips.
        num_classes: The number of ``synthetic`` classes.
        num_subjects: The number of ``synthetic`` subjects.
        frames: The number of frames every clip is resampled to.
        crop: Smallest and largest share of a training clip's random window; null: whole clips.
        center: What becomes the origin, see ``CenterRoot``; null: leave clips where they are.
        scale: What becomes the unit, see ``ScaleBody``; null: leave clips as large as they are.
        view: Largest random turn of any clip about the vertical, tested clips too, in degrees; 180:
            cameras stand anywhere.
        rotate: Largest random rotation of a training clip in degrees, for all axes or for each.
        flip: Probability that a training clip is mirrored.
        shape: Offset of each joint of a training clip, the same in all frames: other proportions.
        jitter: Noise on the joints of training clips, in body sizes if scaled.
        drop_frames: Probability that a frame of a training clip goes missing.
        joints: Another layout, whose joints the clips get, matched by name; null: their own.
        stream: ``joint`` positions, or the ``bone`` or ``motion`` vectors derived from them.
        batch_size: Clips per batch and process.
    """

    name: Literal["uiprmd", "npz", "store", "poses", "synthetic"] | OfficialName = "uiprmd"
    path: str | None = None
    format: str | None = None
    skeleton: str | None = None
    protocol: str | None = None
    policy: str | None = None
    incomplete: str | None = None
    cache: str = "data"
    target: LabelTarget = "movement+correctness"
    nan: NanPolicy = "error"
    train_subjects: list[int] | None = None
    test_subjects: list[int] | None = None
    split_by: str | None = None
    train_values: list[int | str] | None = None
    test_values: list[int | str] | None = None
    label_subjects: list[int] | None = None
    label_fraction: float | None = None
    label_draw: int = 0
    balanced: bool = False
    label_file: str | None = None
    val_subjects: list[int] = field(default_factory=list)
    num_clips: int = 600
    num_classes: int = 12
    num_subjects: int = 10
    frames: int = 64
    crop: tuple[float, float] | None = (0.5, 1.0)
    center: CenterMode | None = "mean"
    scale: ScaleBy | None = "std"
    view: float = 0.0
    rotate: float | list[float] = 0.0
    flip: float = 0.0
    shape: float = 0.0
    jitter: float = 0.0
    drop_frames: float = 0.0
    joints: str | None = None
    stream: Stream = "joint"
    batch_size: int = 32

    def transform(self, dataset: SkeletonDataset, train: bool) -> Compose:
        """From raw clips of a data set to what models read."""
        crop = None if self.crop is None else (self.crop[0], self.crop[1])
        return standard_transform(
            dataset.skeleton, self.frames, train=train, crop=crop, center=self.center,
            scale=self.scale, view=self.view, rotate=self.rotate, flip=self.flip, shape=self.shape,
            jitter=self.jitter, drop_frames=self.drop_frames, stream=self.stream,
        )  # fmt: skip

    def train_loader(
        self,
        dataset: SkeletonDataset,
        seed: int,
        device: torch.device | str = "cpu",
        rank: int = 0,
        world_size: int = 1,
        drop_small: bool = False,
    ) -> SkeletonLoader:
        """Shuffled, augmented batches; with ``drop_small``, no last one that is much smaller.

        A BatchNorm cannot be trained on a single clip, and the statistics of a few keep a network
        from fitting: a last batch of fewer clips than a quarter of the others (our choice) is left
        out, other clips in each epoch.

        Raises:
            ConfigError: All batches would be of a single clip.
            DataError: There is a single clip.
        """
        size = self.batch_size * world_size
        if drop_small and self.batch_size == 1:
            raise ConfigError("data.batch_size 1: classifiers are trained on two clips at a time")
        if drop_small and len(dataset) < 2 * world_size:
            raise DataError(f"{len(dataset)} labelled clip(s): classifiers take two per process")
        small = len(dataset) % size < max(2 * world_size, size / 4)
        drop_last = drop_small and len(dataset) > size and small
        transform = self.transform(dataset, train=True)
        return SkeletonLoader(
            dataset, self.batch_size, transform, shuffle=True, seed=seed, rank=rank,
            world_size=world_size, device=device, drop_last=drop_last,
        )  # fmt: skip

    def eval_loader(
        self, dataset: SkeletonDataset, device: torch.device | str = "cpu"
    ) -> SkeletonLoader:
        """Batches in order, with nothing random about them."""
        transform = self.transform(dataset, train=False)
        return SkeletonLoader(dataset, 2 * self.batch_size, transform, device=device)


class Splits(NamedTuple):
    """Views of one data set."""

    train: SkeletonDataset  # clips whose labels are not looked at
    labelled: SkeletonDataset  # those of them whose labels may be used
    val: SkeletonDataset | None  # training subjects that are left out of both
    test: SkeletonDataset


def open_dataset(config: DataConfig, seed: int = 0) -> SkeletonDataset:
    """The clips that a configuration names, with the joints it names, converted on first use.

    Raises:
        ConfigError: Settings that do not fit together.
        SkeletonMAEError: The data are missing or damaged.
    """
    dataset = _open(config, seed)
    if config.joints is None:
        return dataset
    return with_joints(dataset, get_layout(config.joints), Path(config.cache) / "joints")


def _open(config: DataConfig, seed: int) -> SkeletonDataset:
    for key in ("format", "skeleton"):
        if config.name != "poses" and getattr(config, key) is not None:
            raise ConfigError(f"data.{key}: means nothing for {config.name}")
    if config.name in get_args(OfficialName):
        return _official(config)
    for key in ("protocol", "policy", "incomplete"):
        if getattr(config, key) is not None:
            raise ConfigError(f"data.{key}: means nothing for {config.name}")
    if config.name == "synthetic":
        return SyntheticActions(
            config.num_clips,
            num_classes=config.num_classes,
            num_subjects=config.num_subjects,
            seed=seed,
        )
    if config.name == "uiprmd":
        return UIPRMD(
            _uiprmd_root(config), config.target, processed_root=Path(config.cache) / "uiprmd"
        )
    if config.path is None:
        raise ConfigError(f"data.path: expected the path of the {config.name} data, found nothing")
    if config.name == "store":
        return SkeletonDataset(config.path)
    if config.name == "poses":
        labels = LABELS if (Path(config.path) / LABELS).is_file() else None
        form = cast(PoseFormatName, config.format or "mediapipe")
        return PoseFolder(config.path, labels, config.skeleton, form)
    return _packed(Path(config.path), config)


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
    return Splits(train, _with_labels(labelled, config), val, test)


def same_sides(dataset: SkeletonDataset, one: DataConfig, other: DataConfig) -> bool:
    """Whether two configurations train on the same clips of a data set, and test on the same.

    However they say so: by a default or its name, by nobody or everybody.
    """
    sides = (_sides(dataset, config) for config in (one, other))
    names = [[{v.store.names[i] for i in v.indices()} for v in pair] for pair in sides]
    return names[0] == names[1]


def _sides(dataset: SkeletonDataset, config: DataConfig) -> tuple[SkeletonDataset, SkeletonDataset]:
    wanted = config.train_subjects
    named = wanted is not None or config.test_subjects is not None
    if config.split_by is not None or config.train_values or config.test_values:
        return _by_values(dataset, config, named)
    if config.name in get_args(OfficialName) and not named:
        # By name, as the clips may have been given other joints.
        sides = _official(config).official_split()
        train, test = ([view.store.names[i] for i in view.indices()] for view in sides)
        return dataset.split("name", train=train, test=test)
    subjects = sorted(set(dataset.subjects.tolist()))
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


def _official(config: DataConfig) -> OfficialDataset:
    root, folder = os.environ.get(DATA_VARIABLE), FOLDERS.get(config.name)
    if config.path is not None:
        path = Path(config.path)
    elif folder is None:
        raise ConfigError(f"data.path: expected the file of the {config.name} data, found nothing")
    elif root:
        path = Path(root) / folder
    else:
        raise DataError(
            f"{config.name} was not found: set {DATA_VARIABLE} to the folder that holds {folder}/, "
            "or --data.path to the folder with its files"
        )
    settings = Settings(path, config.protocol, config.policy, config.incomplete)
    return open_official(config.name, settings)


def _with_labels(dataset: SkeletonDataset, config: DataConfig) -> SkeletonDataset:
    """The clips whose labels a semi-supervised run may use."""
    if config.label_file is not None:
        if config.label_fraction is not None:
            raise ConfigError("data.label_file, data.label_fraction: give one of the two")
        return labelled_view(dataset, config.label_file)
    if config.label_fraction is None:
        return dataset
    folder = Path(config.cache) / "labels"
    draw = config.label_fraction, config.label_draw, config.balanced
    return label_subset(dataset, folder, *draw)


def _uiprmd_root(config: DataConfig) -> Path:
    if config.path is not None:
        root = Path(config.path)
        if not root.is_dir():
            raise DataError(f"{root}: no such folder; data.path names the one with UI-PRMD's files")
        return root
    folder = os.environ.get(DATA_VARIABLE)
    if not folder:
        raise DataError(
            f"UI-PRMD was not found: set {DATA_VARIABLE} to the folder that holds uiprmd/, or "
            "--data.path to the folder with its files, or try --data.name synthetic"
        )
    return Path(folder) / "uiprmd"


def _packed(path: Path, config: DataConfig) -> SkeletonDataset:
    """A packed file as a store, kept under a name that changes with the file and the policy."""
    stat = path.stat() if path.is_file() else None
    told = (str(path.resolve()), stat and (stat.st_size, stat.st_mtime_ns), config.nan)
    name = f"{path.stem}-{hashlib.sha256(repr(told).encode()).hexdigest()[:10]}"
    root = Path(config.cache) / name
    if ClipStore.exists(root):
        return SkeletonDataset(root)
    return SkeletonDataset.from_npz(path, root, nan=config.nan)
