"""What every model shares."""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol, cast, runtime_checkable

from torch import Tensor, nn
from torch_geometric.data import Data

from pyg_skeletonmae.batch import pos_tracks
from pyg_skeletonmae.configurable import Configurable
from pyg_skeletonmae.errors import ArgumentError
from pyg_skeletonmae.skeleton import Skeleton


@runtime_checkable
class Encoder(Protocol):
    """What turns clips into features; a task has one as its attribute ``encoder``.

    An encoder may also number its layers, for learning rates that fall from layer to layer
    (``OptimConfig.layer_decay``): ``layer_of(name: str) -> int`` is the layer of a parameter, by
    its name in ``encoder.named_parameters()``, 0 at the input.
    """

    out_channels: int
    skeleton: Skeleton

    def __call__(self, batch: Data) -> Tensor:
        """Features ``[P, V, T', D]`` of all tracks of a batch."""
        ...

    def encode_tracks(self, pos: Tensor) -> Tensor:
        """Features ``[P, V, T', D]`` of tracks ``[P, V, T, C]``."""
        ...


def as_encoder(module: nn.Module) -> Encoder:
    """A module that has all that an encoder needs.

    Raises:
        ArgumentError: It lacks some of it; the message names what.
    """
    name = type(module).__name__
    if not callable(getattr(module, "encode_tracks", None)):
        raise ArgumentError(f"encoder: {name} has no method encode_tracks(pos [P, V, T, C])")
    for attribute, kind, words in (
        ("out_channels", int, "a whole number"),
        ("skeleton", Skeleton, "a Skeleton"),
    ):
        value = getattr(module, attribute, None)
        if not isinstance(value, kind):
            raise ArgumentError(
                f"encoder: {name}.{attribute}: expected {words}, found {value!r:.60}"
            )
    return cast(Encoder, module)


def encode_clips(module: nn.Module, batch: Data) -> Tensor:
    """Features ``[P, V, T', D]`` of a batch, also from an encoder of tracks that knows no batches.

    Args:
        module: The encoder; one without a ``forward`` of its own is given the tracks.
        batch: The clips.
    """
    encoder = as_encoder(module)
    if type(module).forward is nn.Module.forward:
        return encoder.encode_tracks(pos_tracks(batch, encoder.skeleton.num_joints))
    return encoder(batch)


class SkeletonModel(Configurable, nn.Module):
    """Base of encoders and of tasks: an ``nn.Module`` that knows its constructor arguments."""


class SkeletonEncoder(SkeletonModel):
    """Base of this library's encoders.

    Args:
        skeleton: The joints and bones.
        out_channels: The width ``D`` of the features.
    """

    def __init__(self, skeleton: Skeleton, out_channels: int) -> None:
        super().__init__()
        self.skeleton, self.out_channels = skeleton, out_channels

    def forward(self, batch: Data) -> Tensor:
        """Encodes all tracks of a batch to ``[P, V, T', D]``."""
        return self.encode_tracks(self.tracks(batch))

    def tracks(self, batch: Data) -> Tensor:
        """The tracks of a batch ``[P, V, T, C]``, in the precision of the encoder's weights.

        See :func:`~pyg_skeletonmae.batch.pos_tracks`, which also says what it refuses.
        """
        pos = pos_tracks(batch, self.skeleton.num_joints, self.clip_channels)
        return pos.to(next(self.parameters()).dtype)

    @property
    def clip_channels(self) -> int | None:
        """The channels of the clips that it reads; None if it was not told."""
        channels: int | None = self.config["init_args"].get("in_channels")
        return channels

    @abstractmethod
    def encode_tracks(self, pos: Tensor) -> Tensor:
        """Encodes tracks ``[P, V, T, C]`` to ``[P, V, T', D]``."""
