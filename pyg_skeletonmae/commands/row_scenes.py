"""The clips behind rows of features, to be played: what maps and films show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch

from pyg_skeletonmae.commands.recordings import reading
from pyg_skeletonmae.inference import Embedder
from pyg_skeletonmae.inference.inputs import recordings
from pyg_skeletonmae.inference.windows import Piece, cut
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.visualize.page import Scene
from pyg_skeletonmae.visualize.panel import Panel

FPS = 30.0  # where nobody says the rate


class Row(NamedTuple):
    """What a row of features is of.

    Args:
        label: What the recording shows; empty: not known.
        piece: Its persons, with the joints of the model.
        fps: Frames per second.
        skeleton: The joints.
    """

    label: str
    piece: Piece
    fps: float
    skeleton: Skeleton

    @property
    def title(self) -> str:
        """The recording, the person if it is one alone, the frames, and what is shown."""
        piece = self.piece
        person = "" if piece.person is None else f" person {piece.person}"
        label = f": {self.label}" if self.label else ""
        return f"{piece.name}{person} {piece.start}-{piece.stop}{label}"

    def panel(self, title: str = "") -> Panel:
        """Its persons."""
        pos, valid = (torch.from_numpy(x.copy()) for x in (self.piece.pos, self.piece.valid))
        return Panel(pos.transpose(1, 2), self.skeleton, valid=valid.transpose(1, 2), title=title)

    def scene(self, frames: int) -> Scene:
        """Its persons in so many frames at most, evenly spaced, over the same time."""
        there = self.piece.pos.shape[1]
        times = np.unique(np.linspace(0, there - 1, min(frames, there)).round().astype(int))
        some = self.piece._replace(pos=self.piece.pos[:, times], valid=self.piece.valid[:, times])
        fps = self.fps * len(times) / there
        return Scene([self._replace(piece=some).panel()], self.title, fps)


def rows_of(embedder: Embedder, chosen: Mapping[str, Any]) -> Iterator[Row]:
    """One for each row of features that the same command line gives, in their order.

    The recordings are read once more, one at a time: features are computed without keeping clips.
    """
    how = reading(chosen, embedder.preprocessing.pipeline)
    window, stride = chosen["windows"] or (None, None)
    pieces = cut(chosen["by"], window, stride, embedder.preprocessing.frames)
    for recording in recordings(list(chosen["files"]), embedder.skeleton, how):
        fps = recording.tracks.fps or FPS
        for piece in pieces(recording.name, *embedder.fitted(recording, how.partial)):
            if len(piece.pos):
                yield Row(recording.label, piece, fps, embedder.skeleton)
