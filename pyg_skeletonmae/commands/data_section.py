"""The data section of a configuration: which clips, how they are split, what is done to them.

How clips are prepared follows from it here; which they are, see
:mod:`~pyg_skeletonmae.commands.data_clips`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch_geometric.data import Data
from torch_geometric.transforms import Compose

from pyg_skeletonmae.configurable.arguments import CheckedMeta
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.datasets.catalog import DataName
from pyg_skeletonmae.datasets.map_store import has_empty_frames
from pyg_skeletonmae.datasets.sets.uiprmd import LabelTarget
from pyg_skeletonmae.datasets.store.clips import NanPolicy
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.evaluation.shares import InTurn
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.models import Preprocessing
from pyg_skeletonmae.skeleton.upright import up_axis
from pyg_skeletonmae.transforms.pipelines import (
    PUBLIC,
    PipelineName,
    once_per_clip,
    public_transform,
)
from pyg_skeletonmae.transforms.prenormalize import AlignMode
from pyg_skeletonmae.transforms.recipe import standard_transform
from pyg_skeletonmae.transforms.spatial import CenterMode, ScaleBy
from pyg_skeletonmae.transforms.streams import Stream
from pyg_skeletonmae.transforms.tracks import Fill

_LOOKED_AT = 64  # clips that say which axis is vertical
_log = logging.getLogger("pyg_skeletonmae")


@dataclass
class PoseSettings(metaclass=CheckedMeta):
    """How a folder of poses is read: what ``skeletonmae prepare poses`` takes, of the same names.

    None is always what the reader does by itself, see :class:`~pyg_skeletonmae.io.PoseOptions` and
    :class:`~pyg_skeletonmae.datasets.PoseFolder`.

    Args:
        labels: The table of labels in the folder; None: ``labels.csv`` if it is there.
        zeros: What joints at 0 in some frames are: ``missing``, or ``keep`` them.
        axes: The order of the axes of plain arrays, ``MTVC`` or ``CTVM``.
        min_score: A joint is missing unless its score is above this.
        image_size: Width and height, to normalise pixels by.
        fps: Frames per second.
        positions: What position channels of BVH do with the OFFSET, ``replace`` or ``add``.
        key: Which landmarks of MediaPipe's JSON.
        label_column: The column of a table of landmarks that says what is shown.
        columns: What columns mean.
        ignore: Columns to leave out.
        first_index: Whether landmarks are numbered from 0 or 1.
        strict: Whether tables with columns of which nothing is used are refused.
    """

    labels: str | None = None
    zeros: str | None = None
    axes: str | None = None
    min_score: float | None = None
    image_size: tuple[float, float] | None = None
    fps: float | None = None
    positions: str | None = None
    key: str | None = None
    label_column: str | None = None
    columns: dict[str, str] | list[str] | None = None
    ignore: list[str] | None = None
    first_index: int | None = None
    strict: bool | None = None


@dataclass
class DataConfig(metaclass=CheckedMeta):
    """The clips of a run.

    Args:
        name: A data set by its name; or ``pyskl``, any pickle of pyskl; ``stgcn``, a folder of
            the arrays of ST-GCN; ``poses``, a folder of pose files; ``npz``, a packed file;
            ``store``, a folder that ``SkeletonDataset`` wrote; ``synthetic``, the built-in actions.
        path: The file or folder (not for ``synthetic``); of ``store`` also an address in object
            storage, ``s3://bucket/store`` or ``https://host/store``. Default: the data set's own
            folder in ``$SKELETONMAE_DATA``, ``ntu`` for example.
        format: The format of ``poses``, see :class:`~pyg_skeletonmae.datasets.PoseFolder`; default:
            ``mediapipe``.
        skeleton: The skeleton of ``poses``, a layout or a file; default: that of the format.
        protocol: The official split, ``xsub`` for example; default: the first. It holds unless
            subjects are named.
        policy: Which bodies are persons (NTU RGB+D), how actions are cut (PKU-MMD); default: as
            CTR-GCN and MAMP do. ``untrimmed``: whole recordings of PKU-MMD.
        incomplete: The owners' list of incomplete clips of NTU RGB+D, to leave them out; ``fetch``
            fetches it.
        third: What the third channel of ``pyskl`` is, ``score`` or ``z``; default: as the numbers
            are.
        unit: What x and y of ``pyskl`` are, ``pixel`` or ``normalised``; default: as they are.
        scores: What the scores of 2-D poses of pyskl are: a ``mask``, a third ``channel``, or
            ``both``; default: ``mask``, in the pipeline ``pyskl2d`` ``channel``.
        size_order: In which order ``pyskl`` gives image sizes, ``hw`` or ``wh``; default: ``hw``.
        licence: The licence of the clips, an SPDX identifier (``CC-BY-4.0``) or words, for the page
            of a release; default: that of a public data set, else it is not stated.
        cache: The folder in which converted data are kept for the next run.
        store_cache: The folder on the local disk for copies of a ``store`` in object storage;
            default: ``$SKELETONMAE_STORE_CACHE``, else one in the home folder.
        store_cache_gb: What such copies may take together, those opened longest ago go first;
            default: ``$SKELETONMAE_STORE_CACHE_GB``, else 100.
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
        labels_per_class: How many clips of each class keep their labels, instead of a share.
        label_file: The labelled clips by their names, one per line, instead of a draw.
        val_subjects: Training subjects to leave out and evaluate on while training, so that
            nothing is ever chosen on test clips.
        num_clips: The number of ``synthetic`` clips.
        num_classes: The number of ``synthetic`` classes.
        num_subjects: The number of ``synthetic`` subjects.
        pipeline: Whose steps bring clips to what models read: ``ours``, by the settings below; or
            those of a public code, ``mamp``, ``skeleton2vec``, ``pyskl2d``, ``pyskl3d``, see
            :mod:`~pyg_skeletonmae.transforms.pipelines`. Which bodies are persons follows it, too,
            unless ``policy`` says it.
        views: How often public pipelines sample a clip in testing; default: as the public code.
        align: How ``skeleton2vec`` and ``pyskl3d`` turn clips upright; default: as the public code,
            which does so for the cross-view split of NTU RGB+D 60, and pyskl always.
        fill: What stands for absent persons in public pipelines; default: ``zeros``, with ``mamp``
            on NTU RGB+D 120 ``loop``.
        frames: The number of frames every clip is resampled to.
        crop: Smallest and largest share of a training clip's random window; null: whole clips.
            Those that sample frames (``skeleton2vec``, ``pyskl2d``, ``pyskl3d``) have whole clips.
        center: What becomes the origin, see ``CenterRoot``; null: leave clips where they are. Of
            the pipelines, ``ours`` alone has this and the following.
        scale: What becomes the unit, see ``ScaleBody``; null: leave clips as large as they are.
        view: Largest random turn of any clip about the vertical, tested clips too, in degrees; 180:
            cameras stand anywhere.
        rotate: Largest random rotation of a training clip in degrees, for all axes or for each. In
            a public pipeline 0 is what that code does (0.3 rad for ``mamp`` and ``skeleton2vec``),
            and [0, 0, 0] none. Clips of two coordinates are not turned.
        flip: Probability that a training clip is mirrored.
        shape: Offset of each joint of a training clip, the same in all frames: other proportions.
        jitter: Noise on the joints of training clips, in body sizes if scaled.
        drop_frames: Probability that a frame of a training clip goes missing.
        joints: Another layout, whose joints the clips get, matched by name; null: their own.
        stream: ``joint`` positions, or the ``bone`` or ``motion`` vectors derived from them.
        batch_size: Clips per batch and process.
        global_batch_size: Clips per batch of all processes together in training, instead: a run
            then goes on with another number of processes.
        poses: How the files of ``poses`` are read, see :class:`PoseSettings`.
    """

    name: DataName = "uiprmd"
    path: str | None = None
    format: str | None = None
    skeleton: str | None = None
    protocol: str | None = None
    policy: str | None = None
    incomplete: str | None = None
    third: str | None = None
    unit: str | None = None
    scores: str | None = None
    size_order: str | None = None
    licence: str | None = None
    cache: str = "data"
    store_cache: str | None = None
    store_cache_gb: float | None = None
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
    labels_per_class: int | None = None
    label_file: str | None = None
    val_subjects: list[int] = field(default_factory=list)
    num_clips: int = 600
    num_classes: int = 12
    num_subjects: int = 10
    pipeline: PipelineName = "ours"
    views: int | None = None
    align: AlignMode | None = None
    fill: Fill | None = None
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
    global_batch_size: int | None = None
    poses: PoseSettings = field(default_factory=PoseSettings)

    def transform(self, dataset: SkeletonDataset, train: bool) -> Compose:
        """From clips of a data set, as :func:`open_dataset` opens it, to what models read.

        Raises:
            ConfigError: The pipeline does not have a setting that is given.
        """
        crop, fed = None if self.crop is None else (self.crop[0], self.crop[1]), self.fed()
        random: dict[str, Any] = {
            key: getattr(self, key) for key in ("view", "flip", "shape", "jitter", "drop_frames")
        }
        if fed.pipeline == "ours":
            flat = dataset.store.num_channels == 2
            if flat and train and self.rotate != 0:
                _log.info("data.rotate: clips of two coordinates are not turned")
            return standard_transform(
                dataset.skeleton, fed.frames, train=train, crop=crop, center=fed.center,
                scale=fed.scale, rotate=0.0 if flat else self.rotate, stream=fed.stream, **random,
            )  # fmt: skip
        rotate = None if self.rotate == 0 else self.rotate
        return public_transform(
            fed.pipeline, dataset.skeleton, fed.frames, train=train, crop=crop, views=fed.views,
            fill=fed.fill, rotate=rotate, stream=fed.stream, **random,
        )  # fmt: skip

    def fed(self) -> Preprocessing:
        """How models are fed in testing, as far as this section says it.

        Raises:
            ConfigError: The pipeline does not have a setting that is given.
        """
        own = {key: getattr(self, key) for key in ("frames", "stream", "views", "align", "fill")}
        if self.pipeline == "ours":
            return Preprocessing(center=self.center, scale=self.scale, **own)
        whole = PUBLIC[self.pipeline].origin is not None
        crop = None if self.crop is None or not whole else tuple(self.crop)
        for key, value in (("center", self.center), ("scale", self.scale), ("crop", crop)):
            # What is given by default is not meant.
            if value not in (None, getattr(DataConfig, key)):
                raise ConfigError(
                    f"data.{key}: the pipeline {self.pipeline} has none; set it to null"
                )
        if self.pipeline == "mamp" and self.name == "ntu120":
            own["fill"] = self.fill or "loop"
        if self.pipeline == "skeleton2vec" and (self.name, self.protocol) == ("ntu60", "xview"):
            own["align"] = self.align or "pyskl"
        return Preprocessing(pipeline=self.pipeline, center=None, scale=None, **own)

    def once(self, dataset: SkeletonDataset) -> Compose | None:
        """What the pipeline does to every clip once; None if it changes none."""
        fed = self.fed()
        if fed.pipeline == "mamp" and not has_empty_frames(dataset.store):
            return None  # which it would cut
        return once_per_clip(fed.pipeline, dataset.skeleton, align=fed.align, stream=fed.stream)

    def preprocessing(self, dataset: SkeletonDataset) -> Preprocessing:
        """What a model has to be told that reads clips of a data set as this section says."""
        fed, store, axes = self.fed(), dataset.store, None
        if fed.align in (None, "none") and fed.pipeline != "pyskl3d":  # they turn what is stored
            spans = list(store.spans)[:: max(len(store) // _LOOKED_AT, 1)]
            rows = [slice(start, start + tracks * frames) for start, tracks, frames in spans]
            pos, valid = (
                None if x is None else torch.cat([x[part] for part in rows])
                for x in (store.pos, store.valid)
            )
            assert pos is not None
            axes = up_axis(store.skeleton, pos, valid)
        return replace(
            fed, skeleton=dataset.skeleton.name, channels=store.num_channels,
            unit=dataset.card.get("unit") or None, rate=dataset.card.get("fps"), axes=axes,
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
        size = self.global_batch_size or self.batch_size * world_size
        if size % world_size:
            raise ConfigError(
                f"data.global_batch_size {size}: expected a multiple of {world_size} processes"
            )
        if drop_small and size == 1:
            raise ConfigError("data.batch_size 1: classifiers are trained on two clips at a time")
        if drop_small and len(dataset) < 2:
            raise DataError(f"{len(dataset)} labelled clip(s): classifiers take two at a time")
        small = len(dataset) % size < max(2, size / 4)
        drop_last = drop_small and len(dataset) > size and small
        transform = self.transform(dataset, train=True)
        return SkeletonLoader(
            dataset, size // world_size, transform, shuffle=True, seed=seed, rank=rank,
            world_size=world_size, device=device, drop_last=drop_last,
        )  # fmt: skip

    def eval_loader(
        self,
        dataset: SkeletonDataset,
        device: torch.device | str = "cpu",
        rank: int = 0,
        world_size: int = 1,
    ) -> Iterable[Data]:
        """Batches in order, with nothing random about them; of fewer clips where each has views.

        Of several processes each has whole ones, see
        :class:`~pyg_skeletonmae.evaluation.shares.InTurn`.
        """
        transform, fed = self.transform(dataset, train=False), self.fed()
        public = PUBLIC.get(fed.pipeline)
        views = fed.views or (1 if public is None else public.views)
        size = max(2 * self.batch_size // views, 1)
        if world_size == 1:
            return SkeletonLoader(dataset, size, transform, device=device)
        own = [n for n in range(len(dataset)) if n // size % world_size == rank]
        view = dataset.index_select(own)
        assert isinstance(view, SkeletonDataset)
        loader = SkeletonLoader(view, size, transform, device=device)
        return InTurn(loader, rank, world_size, divided=True)
