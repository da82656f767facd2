"""What TensorBoard shows of a pre-training beside its curves: pictures, and a map of features."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn
from torch_geometric.data import Data

from pyg_skeletonmae.commands.data_clips import Splits
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.evaluation import extract_features
from pyg_skeletonmae.evaluation.restoration import Restored, restore
from pyg_skeletonmae.training import Trainer
from pyg_skeletonmae.training.random_state import undisturbed
from pyg_skeletonmae.training.trainer import Evaluate
from pyg_skeletonmae.visualize import draw_reconstruction

FOLDER = "board"  # in the run folder: TensorBoard reads one file of events at a time in each
_OTHERS = 64  # clips that a read-out is fitted on
_POINTS = 2000  # clips on the map


class Board:
    """Draws how a clip is restored, and where the encoder places clips, on the first process.

    The clips are those of the validation subjects, where there are any, else training clips; their
    classes are read to name the points of the map, and for nothing else.

    Args:
        trainer: The trainer.
        data: How clips are prepared.
        splits: The clips.
        folder: The run folder.
        every: Epochs from picture to picture.
        measure: What else is evaluated meanwhile; None: nothing.

    Raises:
        ConfigError: No evaluation takes place then, or the model reads vectors without a place.
    """

    def __init__(
        self,
        trainer: Trainer,
        data: DataConfig,
        splits: Splits,
        folder: Path,
        every: int,
        measure: Evaluate | None = None,
    ) -> None:
        if every < 1 or not trainer.evaluate_every or every % trainer.evaluate_every:
            raise ConfigError(
                f"pictures {every}: expected a multiple of trainer.evaluate_every "
                f"({trainer.evaluate_every}), or 0 for none"
            )
        if data.fed().stream != "joint":
            raise ConfigError(
                f"pictures: {data.fed().stream} vectors have no place; expected data.stream joint"
            )
        self.trainer, self.data, self.every, self.measure = trainer, data, every, measure
        self.folder, self.step = folder / FOLDER, -1
        clips = splits.labelled if splits.val is None else splits.val
        chosen = torch.linspace(0, len(clips) - 1, min(len(clips), _POINTS)).round().long()
        self.clips = cast(SkeletonDataset, clips[chosen])
        self.train = splits.train

    def __call__(self, net: nn.Module) -> dict[str, float]:
        """Measures, and draws if it is time to: an evaluation of the trainer."""
        place = self.trainer.evaluated_at
        if place["epoch"] % self.every == 0:
            self.draw(net, int(place["step"]))
        return {} if self.measure is None else self.measure(net)

    def restored(self, net: nn.Module) -> Restored:
        """The first of the clips, as the model restores it."""
        clips = self._fed()
        with undisturbed(net):
            return restore(net, next(clips), clips)

    def _fed(self) -> Iterator[Data]:
        """The clip to restore, and then training clips, as the model reads them."""
        transform = self.data.transform(self.train, train=False)
        others = ((self.train, number) for number in range(min(_OTHERS, len(self.train))))
        for dataset, number in chain([(self.clips, 0)], others):
            clip: Data = transform(cast(Data, dataset[number]))
            clip["key"] = torch.tensor([number])
            yield clip

    def draw(self, net: nn.Module, step: int) -> None:
        """Writes a picture, and the map in place of the one before; once at a step."""
        if self.trainer.rank != 0 or step == self.step:
            return
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from torch.utils.tensorboard import SummaryWriter  # Slow to import: only where used.

        self.step, clip = step, self.restored(net)
        figure = draw_reconstruction(
            clip.pos, clip.restored, clip.mask, self.train.skeleton,
            valid=clip.valid, caption=clip.caption,
        )  # fmt: skip
        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()
        loader = self.data.eval_loader(self.clips)
        features = extract_features(net.get_submodule("encoder"), loader)
        names: Any = [*self.clips.class_names, "no class"]  # the class -1 is the last
        # Where add_embedding writes without a step, which it does not do over what is there.
        shutil.rmtree(self.folder / "00000", ignore_errors=True)
        # A run that was resumed before this step draws it again: the former picture is dropped.
        with SummaryWriter(str(self.folder), purge_step=step) as board:
            pixels = np.asarray(canvas.buffer_rgba())[..., :3]
            board.add_image("reconstruction", pixels, step, dataformats="HWC")
            board.add_embedding(features.x, [names[y] for y in features.y.tolist()], tag="clips")
