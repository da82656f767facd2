"""What every model shares."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar, cast, runtime_checkable

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from pyg_skeletonmae.batch import pos_tracks
from pyg_skeletonmae.configurable import Configurable
from pyg_skeletonmae.errors import ArgumentError, ConfigError, DataError, SkeletonError
from pyg_skeletonmae.models.inference import in_pieces, inference_form
from pyg_skeletonmae.skeleton import Skeleton

M = TypeVar("M", bound=nn.Module)
E = TypeVar("E", bound="SkeletonEncoder")


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


def encoder_of(model: nn.Module) -> SkeletonEncoder:
    """The encoder of a model, which may be one itself.

    Raises:
        ArgumentError: There is none, or it cannot be given a batch.
    """
    encoder: nn.Module = getattr(model, "encoder", model)
    as_encoder(encoder)
    if type(encoder).forward is nn.Module.forward:
        raise ArgumentError(
            f"{type(encoder).__name__} has no forward(batch); derive it from "
            "pyg_skeletonmae.models.SkeletonEncoder, which has one"
        )
    return cast("SkeletonEncoder", encoder)


def skeleton_of(model: nn.Module) -> Skeleton | None:
    """The joints that a model reads; None: it does not say."""
    skeleton = getattr(getattr(model, "encoder", model), "skeleton", None)
    return skeleton if isinstance(skeleton, Skeleton) else None


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


def with_drop_path(encoder: M, rate: float | None) -> M:
    """A copy of an encoder with another rate of stochastic depth (None: the encoder itself).

    Raises:
        ConfigError: It has no method ``with_drop_path(rate)``, or the rate is out of range.
    """
    if rate is None:
        return encoder
    if not callable(getattr(encoder, "with_drop_path", None)):
        raise ConfigError(f"drop_path: {type(encoder).__name__} has no stochastic depth")
    return cast(M, cast(Any, encoder).with_drop_path(rate))


class SkeletonModel(Configurable, nn.Module):
    """Base of encoders and of tasks: an ``nn.Module`` that knows its constructor arguments."""

    def inference(self: M) -> M:
        """A copy for use without training: the same numbers, several times faster on a CPU.

        Norms become part of the linear maps before them, and encoders pass the tracks of a large
        batch in pieces that stay in the cache; see
        :func:`~pyg_skeletonmae.models.inference.inference_form`, which takes any module.
        """
        return inference_form(self)


@runtime_checkable
class TokenEncoder(Protocol):
    """An encoder in two halves, so that tokens can be hidden between them.

    A token is ``frames_per_token`` frames of one joint. Where
    :class:`~pyg_skeletonmae.models.MaskedPretrainer` pre-trains an encoder of your own, derive it
    from :class:`SkeletonEncoder` and give it these two methods.
    """

    def embed(self, pos: Tensor) -> Tensor:
        """Tracks ``[P, V, T, C]`` to tokens ``[P, V, S, E]``, each of its own frames alone."""
        ...

    def mix(self, x: Tensor) -> Tensor:
        """Tokens ``[P, V, S, E]`` to features ``[P, V, S, D]``, which know of each other."""
        ...


class SkeletonEncoder(SkeletonModel):
    """Base of this library's encoders.

    Args:
        skeleton: The joints and bones.
        out_channels: The width ``D`` of the features.
    """

    frames_per_token: int = 1
    """The frames ``F`` of what masks hide or leave: ``S = T / F`` tokens of each joint."""

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

    @property
    def embed_channels(self) -> int:
        """The width ``E`` of tokens before they are mixed, see :class:`TokenEncoder`."""
        return self.out_channels

    @property
    def num_states(self) -> int:
        """How many :meth:`hidden_states` there are."""
        return 1

    def check(self, pos: Tensor) -> None:
        """Refuses tracks that are not ``[P, V, T, C]`` of this encoder, in its precision.

        Raises:
            DataError: They are not.
        """
        joints, channels = self.skeleton.num_joints, self.clip_channels
        if pos.dim() != 4 or pos.size(1) != joints or channels not in (None, pos.size(3)):
            raise DataError(
                f"tracks of shape {list(pos.shape)} for an encoder of [tracks, {joints} joints, "
                f"frames, {'any' if channels is None else channels} channels]"
            )
        dtype = next((weight.dtype for weight in self.parameters()), pos.dtype)
        if pos.dtype != dtype and not torch.is_autocast_enabled(pos.device.type):
            raise DataError(f"tracks of {pos.dtype} for an encoder of {dtype}: use pos.to({dtype})")

    @in_pieces
    def encode_tracks(self, pos: Tensor) -> Tensor:
        """Encodes tracks ``[P, V, T, C]`` to ``[P, V, T', D]``.

        Raises:
            ArgumentError: The encoder has neither a method of its own for this, nor the two of
                :class:`TokenEncoder`.
        """
        if not (hasattr(self, "embed") and hasattr(self, "mix")):
            raise ArgumentError(
                f"encoder: {type(self).__name__} has no method encode_tracks(pos [P, V, T, C]), "
                "and not both of embed(pos) and mix(x)"
            )
        encoder = cast(TokenEncoder, self)
        return encoder.mix(encoder.embed(pos))

    def hidden_states(self, pos: Tensor, last: int) -> list[Tensor]:
        """All tokens ``[P, V * S, D]`` after each of the ``last`` layers.

        Args:
            pos: Tracks ``[P, V, T, C]``.
            last: 1 to :attr:`num_states`; an encoder that tells of no more has its output alone.
        """
        encoder = cast(TokenEncoder, self)
        return [encoder.mix(encoder.embed(pos)).flatten(1, 2)]

    @torch.no_grad()
    def _copy_for(self: E, skeleton: Skeleton, joint_vectors: str) -> E:
        """A copy for another skeleton: joints in both, by name or alias, keep their vectors.

        Args:
            skeleton: The other skeleton.
            joint_vectors: The name of the parameter ``[V, ...]`` with a vector for each joint; an
                encoder without it knows no joints.

        Raises:
            SkeletonError: The two skeletons have no joint in common.
        """
        source = self.skeleton.map_to(skeleton)
        if not (source >= 0).any():
            raise SkeletonError(f"{self.skeleton.name} and {skeleton.name} have no common joint")
        weight, weights = next(self.parameters()), self.state_dict()
        copy = type(self)(**{**self.config["init_args"], "skeleton": skeleton})
        copy = copy.to(weight.device, weight.dtype)
        if joint_vectors in weights:
            own, fresh = weights[joint_vectors], copy.state_dict()[joint_vectors]
            source = source.to(own.device)
            common = (source >= 0).view(-1, *(1 for _ in own.shape[1:]))
            weights[joint_vectors] = torch.where(common, own[source], fresh)
        copy.load_state_dict(weights)
        return copy
