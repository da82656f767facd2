"""Classes of clips, from a trained classifier."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch_geometric.data import Data

from pyg_skeletonmae.datasets.sets.pose_formats import PoseFormatName
from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.inference.files import Reading
from pyg_skeletonmae.inference.inputs import Clips
from pyg_skeletonmae.inference.released import Released
from pyg_skeletonmae.inference.stream import Frame, Stream
from pyg_skeletonmae.inference.windows import By, Piece, cut
from pyg_skeletonmae.io.landmark_columns import NOTHING_SAID, TableOptions
from pyg_skeletonmae.io.npz import Array
from pyg_skeletonmae.io.poses import AS_IS, PoseOptions
from pyg_skeletonmae.models import Preprocessing
from pyg_skeletonmae.skeleton import Skeleton


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a classifier says of a clip, a person, or a window.

    Args:
        name: What the recording is called.
        start: The first frame that was looked at.
        stop: The frame after the last.
        class_names: The classes.
        scores: The probability of each class ``[K]``, float32; None where nobody is seen.
        person: The person who was looked at alone: the number in the recording, or the id in a
            stream; None: all of them.
    """

    name: str
    start: int
    stop: int
    class_names: tuple[str, ...]
    scores: Array | None
    person: Hashable | None = None

    @property
    def label(self) -> str | None:
        """The most likely class; None where nobody is seen."""
        return None if self.scores is None else self.class_names[int(self.scores.argmax())]

    @property
    def score(self) -> float | None:
        """The probability of the most likely class; None where nobody is seen."""
        return None if self.scores is None else float(self.scores.max())

    def top(self, k: int = 5) -> list[tuple[str, float]]:
        """The most likely classes with their probabilities, best first; none of nobody."""
        if self.scores is None:
            return []
        best = np.argsort(-self.scores, kind="stable")[:k].tolist()
        return [(self.class_names[i], float(self.scores[i])) for i in best]

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON can hold it; ``scores`` by class."""
        scores = None
        if self.scores is not None:
            scores = dict(zip(self.class_names, map(float, self.scores), strict=True))
        person = {} if self.person is None else {"person": self.person}
        return {
            "name": self.name, **person, "start": self.start, "stop": self.stop,
            "label": self.label, "score": self.score, "scores": scores,
        }  # fmt: skip

    def __repr__(self) -> str:
        person = "" if self.person is None else f", person={self.person!r}"
        said = "nobody" if self.scores is None else f"{self.label}, {self.score:.3f}"
        return f"{type(self).__name__}({self.name}, {self.start}-{self.stop}{person}: {said})"


class Recognizer(Released):
    """A trained classifier with all that it has to be told: clips in, classes out.

    What is done to clips before the model reads them, and the joints that it reads, come from the
    release. Clips of other layouts get its joints by their names.

    Args:
        model: A classifier, as :func:`~pyg_skeletonmae.training.load_release` gives it.
        preprocessing: What is done to clips; None: as the model says.
        device: Where it runs.
        class_names: The classes; None: as the model says, else their numbers.

    Raises:
        ConfigError: Nobody says how clips are prepared.
        CheckpointError: The model is no classifier, or has another number of classes.

    Example:
        >>> recognizer = Recognizer.from_pretrained("runs/finetune")       # doctest: +SKIP
        >>> for prediction in recognizer.predict("wave.csv"):              # doctest: +SKIP
        ...     print(prediction.label, prediction.score)
    """

    def __init__(
        self,
        model: nn.Module,
        preprocessing: Preprocessing | None = None,
        device: torch.device | str = "cpu",
        class_names: Sequence[str] | None = None,
    ) -> None:
        number = getattr(model, "num_classes", None)
        if not isinstance(number, int):
            raise CheckpointError(
                f"expected a classifier, found {type(model).__name__}: fine-tune it "
                "(skeletonmae finetune), or take its features (Embedder, skeletonmae embed)"
            )
        super().__init__(model, preprocessing, device)
        names = class_names or getattr(model, "class_names", None) or map(str, range(number))
        self.class_names = tuple(names)
        if len(self.class_names) != number:
            raise CheckpointError(
                f"{len(self.class_names)} names for the {number} classes of {type(model).__name__}"
            )

    def predict(
        self,
        clips: Clips,
        *,
        by: By = "clip",
        window: int | None = None,
        stride: int | None = None,
        format: PoseFormatName | str | None = None,
        skeleton: Skeleton | str | Path | None = None,
        options: PoseOptions = AS_IS,
        table: TableOptions = NOTHING_SAID,
        partial: bool = False,
        batch_size: int = 32,
    ) -> list[Prediction]:
        """The classes of clips.

        Args:
            clips: An array or tensor ``[T, V, C]`` or ``[M, T, V, C]`` (NaN: a missing joint), a
                ``Data`` as :mod:`pyg_skeletonmae.batch` describes it, a
                :class:`~pyg_skeletonmae.datasets.SkeletonDataset`, tracks of a reader, a file, a
                folder of files or a store; or a list of such. None of them prepared yet.
            by: Of whole clips, of each ``person`` alone, or of each ``window``.
            window: The frames of a window (also of each person); None: whole clips, and with
                ``by="window"`` as many as the model reads.
            stride: From one window to the next; None: a quarter of a window.
            format: The format of files, see :class:`~pyg_skeletonmae.datasets.PoseFolder`; None: as
                their names end, where that says it.
            skeleton: The joints of arrays, clips and files that do not say them; None: those of the
                format, else those of the model.
            options: What to do with scores and pixels of files.
            table: What tables do not say themselves.
            partial: Accept clips that lack some of the joints of the model.
            batch_size: How many clips or windows are computed at once.

        Returns:
            One for each clip, person or window, in order; a window in which nobody is seen has
            neither class nor scores.

        Raises:
            SkeletonError: Joints lack; they are named.
            SkeletonMAEError: A file is damaged or could mean several things, or clips do not fit.
        """
        reading = Reading(format, skeleton, options, table, partial, self.preprocessing.pipeline)
        return list(self.each(clips, reading, by, window, stride, batch_size=batch_size))

    def each(
        self,
        clips: Clips,
        reading: Reading,
        by: By = "clip",
        window: int | None = None,
        stride: int | None = None,
        batch_size: int = 32,
    ) -> Iterator[Prediction]:
        """:meth:`predict` one by one, as they are computed; ``reading`` says how files are read."""
        how = cut(by, window, stride, self.preprocessing.frames)
        for piece, scores in self.run(clips, how, reading, self._scores, batch_size):
            yield self._prediction(piece, scores)

    def stream(
        self,
        frames: Iterable[Frame],
        window: int | None = None,
        stride: int | None = None,
        *,
        by: By = "clip",
        skeleton: Skeleton | str | Path | None = None,
        partial: bool = False,
        name: str = "stream",
    ) -> Stream[Prediction]:
        """Classes of a stream of frames, as they come.

        The scores are those of :meth:`predict` for the same window. Memory is that of one window,
        however long the stream is. A person who is in none of the frames of a window is no part of
        it, one who comes back under the same id goes on.

        **Latency.** The first scores come with frame ``window``, and then some with every
        ``stride``-th: what is seen in a frame tells in the scores at most ``stride`` frames later,
        plus the time of one call of the model (:attr:`Stream.seconds`). At the end of the stream
        the last frames get a window of their own.

        Args:
            frames: For each frame an array ``[V, C]`` or, of several persons in a constant order,
                ``[M, V, C]``; a mapping from ids of persons to ``[V, C]``; or None: nobody is seen.
                NaN: a missing joint.
            window: The frames of a window; None: as many as the model reads.
            stride: From one window to the next; None: a quarter of a window.
            by: ``"clip"``: all persons together; ``"person"``: each of them alone.
            skeleton: The joints of the frames; None: those of the model.
            partial: Accept frames that lack some of the joints of the model.
            name: What predictions call it.

        Raises:
            SkeletonError: Joints lack; they are named.
            DataError: While it runs: a frame has another shape or a coordinate that is infinite.
        """
        size = self.preprocessing.frames
        how = cut(by, size if window is None else window, stride, size)
        return Stream(
            self.checked(frames, skeleton, partial, name),
            how,
            lambda pieces: [
                self._prediction(piece, scores)
                for piece, scores in self.run_pieces(pieces, self._scores)
            ],
            name,
        )

    def _scores(self, batch: Data) -> Array:
        logits: Mapping[str, torch.Tensor] = self.fast(batch)
        scores: Array = logits["logits"].float().softmax(-1).cpu().numpy()
        return scores

    def _prediction(self, piece: Piece, scores: Array | None) -> Prediction:
        return Prediction(
            piece.name, piece.start, piece.stop, self.class_names, scores, piece.person
        )

    def __repr__(self) -> str:
        name, told = type(self).__name__, self.preprocessing
        return (
            f"{name}({type(self.model).__name__}, {self.skeleton.name}, frames={told.frames}, "
            f"classes={len(self.class_names)})"
        )
