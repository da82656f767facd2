"""A model and what it has to be given: the part that recognising and embedding share."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import torch
from torch import nn
from torch_geometric.data import Batch, Data

from pyg_skeletonmae.batch import tracks_edge_index
from pyg_skeletonmae.errors import CheckpointError, ConfigError, DataError
from pyg_skeletonmae.inference.files import Reading, Recording
from pyg_skeletonmae.inference.inputs import recordings
from pyg_skeletonmae.inference.joints import JointMap
from pyg_skeletonmae.inference.stream import Frame, Persons, checked_frame
from pyg_skeletonmae.inference.windows import Cut, Piece, check_count
from pyg_skeletonmae.io.npz import Array
from pyg_skeletonmae.models import Preprocessing
from pyg_skeletonmae.models.base import encoder_of
from pyg_skeletonmae.models.inference import inference_form
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import get_layout
from pyg_skeletonmae.training.hub import find_release
from pyg_skeletonmae.training.release import load_release, release_of

Self = TypeVar("Self", bound="Released")
_log = logging.getLogger("pyg_skeletonmae")


class Released:
    """Base of :class:`Recognizer` and :class:`Embedder`.

    What runs is a copy, :attr:`fast`, see
    :meth:`~pyg_skeletonmae.models.SkeletonModel.inference`: a model that was trained further has to
    be given anew.

    Args:
        model: The model, as :func:`~pyg_skeletonmae.training.load_release` gives it.
        preprocessing: What is done to clips before it reads them; None: as the model says.
        device: Where it runs.

    Raises:
        ConfigError: Nobody says how clips are prepared.
        ArgumentError: The model has no encoder.
    """

    def __init__(
        self,
        model: nn.Module,
        preprocessing: Preprocessing | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.device = usable_device(device)
        told = preprocessing or getattr(model, "preprocessing", None)
        if told is None:
            raise ConfigError(
                f"{type(model).__name__}: it is not known how its clips are prepared; give "
                "preprocessing=Preprocessing(frames=..., center=..., scale=...)"
            )
        self.encoder = encoder_of(model)
        self.model, self.preprocessing = model.eval().to(self.device), told
        self.classifies = isinstance(getattr(model, "num_classes", None), int)
        self.fast = inference_form(self.model if self.classifies else self.encoder)
        self.skeleton: Skeleton = self.encoder.skeleton
        self.channels = told.channels or getattr(self.encoder, "clip_channels", None)
        self._transform = told.transform(self.skeleton)
        self._empty: dict[int, Data] = {}  # clips without coordinates, by their persons
        self._told: set[str] = set()

    @classmethod
    def from_pretrained(
        cls: type[Self],
        folder: str | Path,
        *,
        preprocessing: Preprocessing | None = None,
        classes: Iterable[type] = (),
        device: torch.device | str = "cpu",
    ) -> Self:
        """The model of a release folder, of the release in a run folder, or of one on the Hub.

        Args:
            folder: The folder, or ``"user/name"`` of the Hub if there is none of that name.
            preprocessing: What is done to clips; None: as the release says. One of an earlier
                version says nothing unless it lies in the folder of its run.
            classes: Your own classes that the release may name.
            device: Where the model runs.

        Raises:
            CheckpointError: There is no release, it is damaged or hostile, holds another kind of
                model, or says nowhere how its clips are prepared.
            ConfigError: There is no such device, or the Hub refuses or cannot be reached.
        """
        device, folder = usable_device(device), find_release(folder)
        model = load_release(folder, classes)
        try:
            return cls(model, preprocessing, device)
        except (CheckpointError, ConfigError) as error:
            raise CheckpointError(f"{release_of(folder)}: {error}") from None

    def run(
        self,
        clips: Any,
        cut: Cut,
        reading: Reading,
        forward: Callable[[Data], Array],
        batch_size: int,
    ) -> Iterator[tuple[Piece, Array | None]]:
        """What the model makes of all pieces of all recordings; None where nobody is seen.

        Raises:
            ConfigError: The size of a batch is no number of pieces.
            DataError: What the model makes of a piece is not finite.
        """
        for group in self.groups(clips, cut, reading, batch_size):
            yield from self.run_pieces(group, forward)

    def groups(
        self, clips: Any, cut: Cut, reading: Reading, batch_size: int
    ) -> Iterator[list[Piece]]:
        """The pieces of all recordings, as many together as make a batch.

        Raises:
            ConfigError: The size of a batch is no number of pieces.
        """
        check_count("batch_size", batch_size, "clip")
        pieces = (
            piece
            for recording in recordings(clips, self.skeleton, reading)
            for piece in cut(recording.name, *self.fitted(recording, reading.partial))
        )
        while group := list(islice(pieces, batch_size)):
            yield group

    def run_pieces(
        self, pieces: Sequence[Piece], forward: Callable[[Data], Array]
    ) -> Iterator[tuple[Piece, Array | None]]:
        """What the model makes of some pieces, as one batch."""
        there = [piece for piece in pieces if len(piece.pos)]
        with torch.inference_mode():
            clips: list[Any] = [self.prepared(piece.pos, piece.valid) for piece in there]
            rows: Iterator[Array] = iter(())
            if clips:
                batch = clips[0] if len(clips) == 1 else cast(Data, Batch.from_data_list(clips))
                rows = iter(forward(batch if self.device.type == "cpu" else batch.to(self.device)))
        for piece in pieces:
            row = next(rows) if len(piece.pos) else None
            if row is not None and not np.isfinite(row).all():
                raise DataError(
                    f"{piece.name}, frames {piece.start} to {piece.stop - 1}: what the model makes "
                    "of them is NaN or infinite; check the size of the coordinates, and the model"
                )
            yield piece, row

    def fitted(self, recording: Recording, partial: bool = False) -> tuple[Array, Array]:
        """The persons of a recording as the model knows them: its joints, its channels.

        Raises:
            SkeletonError: Joints lack.
            DataError: The clips have another number of channels.
        """
        tracks, told = recording.tracks, self.preprocessing
        channels = tracks.pos.shape[3]
        if self.channels is not None and channels != self.channels:
            first = f"; give it the first {self.channels} alone" if channels > self.channels else ""
            raise DataError(
                f"{recording.name}: {channels} coordinates of each joint, the model reads "
                f"{self.channels}{first}"
            )
        if tracks.fps and told.rate and tracks.fps != told.rate:
            self.note(
                f"{recording.name}: {tracks.fps:g} frames a second; the model was trained on "
                f"{told.rate:g}"
            )
        for note in tracks.notes:
            if note:
                _log.info("%s: %s", recording.name, note)
        return JointMap(tracks.skeleton, self.skeleton, partial)(tracks.pos, tracks.valid)

    def checked(
        self,
        frames: Iterable[Frame],
        skeleton: Skeleton | str | Path | None,
        partial: bool,
        name: str,
    ) -> Iterator[Persons]:
        """The frames of a stream with the joints of the model, one by one.

        Raises:
            SkeletonError: Joints lack.
            DataError: A frame has another shape, or a coordinate that is infinite.
        """
        source = self.skeleton if skeleton is None else get_layout(skeleton)
        fit = JointMap(source, self.skeleton, partial)
        try:
            each = enumerate(frames)
        except TypeError:
            kind = type(frames).__name__
            raise DataError(f"{name}: expected frames one by one, found {kind}") from None

        def checked() -> Iterator[Persons]:
            for number, frame in each:
                try:
                    found = checked_frame(frame, number, source.num_joints, self.channels)
                except DataError as error:
                    raise DataError(f"{name}: {error}") from None
                yield found if fit.same else Persons(found.ids, *fit(found.pos, found.valid))

        return checked()

    def data(self, pos: Array, valid: Array) -> Data:
        """Persons ``[M, T, V, C]`` as a clip, see :mod:`pyg_skeletonmae.batch`."""
        persons = len(pos)
        if persons not in self._empty:
            self._empty[persons] = Data(
                edge_index=tracks_edge_index(self.skeleton, persons),
                num_tracks=torch.tensor([persons]),
            )
        data = copy.copy(self._empty[persons])
        data["pos"] = torch.from_numpy(pos).transpose(1, 2).flatten(0, 1)
        data["valid"] = torch.from_numpy(valid).transpose(1, 2).flatten(0, 1)
        return data

    def prepared(self, pos: Array, valid: Array) -> Data:
        """Persons ``[M, T, V, C]`` as the model reads them, see :meth:`fitted`."""
        return cast(Data, self._transform(self.data(pos, valid)))

    def note(self, text: str) -> None:
        """Says something once."""
        if text not in self._told:
            self._told.add(text)
            _log.warning(text)


def usable_device(device: torch.device | str) -> torch.device:
    """A device that tensors can be put on.

    Raises:
        ConfigError: There is no such device, here or anywhere.
    """
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"device {str(device)!r:.60}: cannot be used: {reason:.200}") from None
