"""Features of clips, from any encoder."""

from __future__ import annotations

import csv
import io
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from torch_geometric.data import Data

from pyg_skeletonmae.datasets.sets.pose_formats import PoseFormatName
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.evaluation.features import batch_features
from pyg_skeletonmae.evaluation.shares import in_turn
from pyg_skeletonmae.files.write import write_text
from pyg_skeletonmae.inference.files import Reading
from pyg_skeletonmae.inference.inputs import Clips
from pyg_skeletonmae.inference.released import Released
from pyg_skeletonmae.inference.stream import Frame, Stream
from pyg_skeletonmae.inference.windows import By, cut
from pyg_skeletonmae.io.landmark_columns import NOTHING_SAID, TableOptions
from pyg_skeletonmae.io.npz import Array, write_npz
from pyg_skeletonmae.io.poses import AS_IS, PoseOptions
from pyg_skeletonmae.models.base import encoder_of
from pyg_skeletonmae.skeleton import Skeleton

Joints = Literal["mean", "concat"]


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Features with what they are of.

    Args:
        x: The features ``[n, D]``, float32.
        names: What the recordings are called, ``n`` texts.
        start: The first frame of each, ``[n]``.
        stop: The frame after the last, ``[n]``.
        person: The persons, ``n`` of them; None where all of a clip are meant.
    """

    x: Array
    names: tuple[str, ...]
    start: Array
    stop: Array
    person: tuple[Hashable | None, ...]

    def __len__(self) -> int:
        return len(self.x)

    def save(self, path: str | Path) -> Path:
        """Writes them as ``.npz`` (``x``, ``names``, ``start``, ``stop``, and ``person`` if they
        are of single ones) or as ``.csv``, a row for each; by the name of the file.

        Raises:
            ConfigError: The name ends in neither.
        """
        path = Path(path)
        persons = [str(person) for person in self.person if person is not None]
        if path.suffix.lower() == ".npz":
            columns = {"x": self.x, "names": np.array(self.names, str)}
            columns |= {"start": self.start, "stop": self.stop}
            write_npz(path, columns | ({"person": np.array(persons)} if persons else {}))
        elif path.suffix.lower() == ".csv":
            text = io.StringIO()
            table = csv.writer(text, lineterminator="\n")
            head = ["name", *(["person"] if persons else []), "start", "stop"]
            table.writerow([*head, *(f"x{i}" for i in range(self.x.shape[1]))])
            for number, name in enumerate(self.names):
                said = [name, *([self.person[number]] if persons else [])]
                where = [int(self.start[number]), int(self.stop[number])]
                table.writerow([*said, *where, *self.x[number].tolist()])
            write_text(path, text.getvalue())
        else:
            raise ConfigError(f"{path}: expected a name that ends in .npz or .csv")
        return path

    def __repr__(self) -> str:
        return f"{type(self).__name__}(rows={len(self)}, dim={self.x.shape[1]})"


class Embedder(Released):
    """A trained encoder with all that it has to be told: clips in, rows of features out.

    The encoder is that of a pre-training, of a classifier, or one alone. What is done to clips
    before it reads them, and the joints that it reads, come from the release; clips of other
    layouts get its joints by their names.

    Args:
        model: A model with an encoder, as :func:`~pyg_skeletonmae.training.load_release` gives it.
        preprocessing: What is done to clips; None: as the model says.
        device: Where it runs.

    Raises:
        ConfigError: Nobody says how clips are prepared.
        ArgumentError: The model has no encoder.

    Example:
        >>> embedder = Embedder.from_pretrained("runs/pretrain")           # doctest: +SKIP
        >>> embedder.embed("recordings").save("features.csv")              # doctest: +SKIP
    """

    def embed(
        self,
        clips: Clips,
        *,
        by: By = "clip",
        window: int | None = None,
        stride: int | None = None,
        joints: Joints = "mean",
        segments: int = 1,
        format: PoseFormatName | str | None = None,
        skeleton: Skeleton | str | Path | None = None,
        options: PoseOptions = AS_IS,
        table: TableOptions = NOTHING_SAID,
        partial: bool = False,
        batch_size: int = 32,
        rank: int = 0,
        world_size: int = 1,
    ) -> Embeddings:
        """Features of clips, pooled over persons, joints and frames.

        Clips, persons and windows that show nobody have no row.

        Args:
            clips: As of :meth:`Recognizer.predict`, as all that is not said here.
            by: Of whole clips, of each ``person`` alone, or of each ``window``.
            window: The frames of a window; None: whole clips, or as many as the model reads.
            stride: From one window to the next; None: a quarter of a window.
            joints: Averaged over the joints, or ``concat``: one vector for each.
            segments: Averaged over time (1), or over this many equal segments, concatenated.
            format: The format of files.
            skeleton: The joints of arrays, clips and files that do not say them.
            options: What to do with scores and pixels of files.
            table: What tables do not say themselves.
            partial: Accept clips that lack some of the joints of the model.
            batch_size: How many clips or windows are computed at once.
            rank: The number of this process, where several of one process group call this at the
                same time: each computes whole batches in turn, and all get the rows of all.
            world_size: How many there are.

        Raises:
            SkeletonError: Joints lack; they are named.
            DataError: Nobody is seen anywhere, or clips do not fit.
            SkeletonMAEError: A file is damaged or could mean several things.
        """
        reading = Reading(format, skeleton, options, table, partial, self.preprocessing.pipeline)
        how = cut(by, window, stride, self.preprocessing.frames)
        own = [
            [
                piece._replace(pos=row, valid=row)  # its coordinates are not needed any more
                for piece, row in self.run_pieces(
                    group, lambda batch: self._rows(batch, joints, segments)
                )
                if row is not None
            ]
            for group in islice(
                self.groups(clips, how, reading, batch_size), rank, None, world_size
            )
        ]
        pieces = [piece for group in in_turn(own, world_size) for piece in group]
        if not pieces:
            raise DataError("nobody is seen in any of the clips")
        return Embeddings(
            np.stack([piece.pos for piece in pieces]),
            tuple(piece.name for piece in pieces),
            np.array([piece.start for piece in pieces]),
            np.array([piece.stop for piece in pieces]),
            tuple(piece.person for piece in pieces),
        )

    def stream(
        self,
        frames: Iterable[Frame],
        window: int | None = None,
        stride: int | None = None,
        *,
        joints: Joints = "mean",
        segments: int = 1,
        skeleton: Skeleton | str | Path | None = None,
        partial: bool = False,
        name: str = "stream",
    ) -> Stream[Array | None]:
        """A row ``[D]`` for each window of a stream of frames, None where nobody is seen.

        For the arguments and the latency see :meth:`Recognizer.stream`, for pooling :meth:`embed`.
        """
        size = self.preprocessing.frames
        how = cut("window", size if window is None else window, stride, size)
        return Stream(
            self.checked(frames, skeleton, partial, name),
            how,
            lambda pieces: [
                row
                for _, row in self.run_pieces(
                    pieces, lambda batch: self._rows(batch, joints, segments)
                )
            ],
            name,
        )

    def _rows(self, batch: Data, joints: Joints, segments: int) -> Array:
        time: Literal["mean"] | int = "mean" if segments == 1 else segments
        encoder = encoder_of(self.fast)
        rows: Array = batch_features(encoder, batch, joints, time).float().cpu().numpy()
        return rows

    def __repr__(self) -> str:
        told, name = self.preprocessing, type(self).__name__
        encoder = type(self.encoder).__name__
        return f"{name}({encoder}, {self.skeleton.name}, frames={told.frames})"
