"""A decoder for any encoder in two halves."""

from __future__ import annotations

from typing import Any, Literal, cast, get_args

from torch import Tensor, nn

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.models.base import SkeletonEncoder, TokenEncoder
from pyg_skeletonmae.models.encoders.graph import joint_vectors
from pyg_skeletonmae.models.encoders.st_gcn import STGCNBlock, spatial_partitions
from pyg_skeletonmae.models.pretraining.masked import MaskedDecoder, MaskedView
from pyg_skeletonmae.models.pretraining.targets import check_halves

HiddenForm = Literal["token", "drop"]
"""What stands in hidden places: a learned token, or nothing."""


class MixingDecoder(MaskedDecoder):
    """Blocks of ST-GCN and a linear map, for any encoder in two halves.

    Our choice of a light decoder: with ``depth=0`` the encoder's own mixing has to fill in what is
    hidden.

    Args:
        depth: The number of blocks; none: 0 with ``hidden="token"``, 1 with ``"drop"``.
        channels: The width of the blocks, a multiple of 4; none: that of the encoder.
        hidden: ``"token"`` puts a learned token in hidden places of the embedding, and the encoder
            mixes it with the others. ``"drop"`` leaves the hidden places out of the encoder, which
            needs a method ``encode_subgraph``; the decoder puts the token there, and a vector of
            its own for each joint everywhere.
        global_group: The group of all joints beside the three of ST-GCN, so that a hidden joint
            hears of far ones.
        kernel_size: The time steps that a block's convolution sees, odd; none: the multi-scale one.

    Raises:
        ConfigError: A setting is out of range. On use: it does not suit the encoder.
    """

    def __init__(
        self,
        depth: int | None = None,
        channels: int | None = None,
        hidden: HiddenForm = "token",
        global_group: bool = False,
        kernel_size: int | None = None,
    ) -> None:
        super().__init__()
        check_hidden(hidden)
        least = 1 if hidden == "drop" else 0
        depth = least if depth is None else depth
        if depth < least:
            raise ConfigError(
                f"depth {depth}: expected at least {least} block(s) with hidden={hidden!r}: the "
                "hidden places have to hear of the others"
            )
        self.depth, self.channels, self.hidden = depth, channels, hidden
        self.global_group, self.kernel_size = global_group, kernel_size

    def attach(self, encoder: SkeletonEncoder, channels: int) -> None:
        """See :class:`~pyg_skeletonmae.models.pretraining.masked.MaskedDecoder`."""
        super().attach(encoder, channels)
        check_halves(encoder, self)
        check_drop(encoder, self.hidden)
        width, before = self.channels or encoder.out_channels, encoder.out_channels
        partitions = spatial_partitions(encoder.skeleton, self.global_group)
        self.blocks = nn.ModuleList()
        for _ in range(self.depth):
            block = STGCNBlock(before, width, partitions, kernel_size=self.kernel_size)
            self.blocks.append(block)
            before = width
        self.head = nn.Linear(before, channels)
        drop = self.hidden == "drop"
        self.token_channels = encoder.out_channels if drop else encoder.embed_channels
        self.joints = joint_vectors(encoder.skeleton, encoder.out_channels) if drop else None

    def reconstruct(self, encoder: SkeletonEncoder, pos: Tensor, view: MaskedView) -> Tensor:
        """See :class:`~pyg_skeletonmae.models.pretraining.masked.MaskedDecoder`."""
        if self.joints is not None:
            x = view.fill(cast(Any, encoder).encode_subgraph(pos, ~view.mask)) + self.joints
        else:
            halves = cast(TokenEncoder, encoder)
            x = halves.mix(view.fill(view.embedded(halves, pos)))
        if x.shape[:3] != view.mask.shape:
            raise DataError(
                f"{type(encoder).__name__} makes {list(x.shape[1:3])} features of "
                f"{list(view.mask.shape[1:])} tokens [joints, steps]"
            )
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.head(x)
        return out

    def __repr__(self) -> str:
        return f"{type(self).__name__}(depth={self.depth}, hidden={self.hidden!r})"


def check_hidden(hidden: str) -> None:
    """Refuses an unknown form.

    Raises:
        ConfigError: It is none of ``"token"`` and ``"drop"``.
    """
    if hidden not in get_args(HiddenForm):
        raise ConfigError(f"hidden {hidden!r}: expected one of {get_args(HiddenForm)}")


def check_drop(encoder: nn.Module, hidden: HiddenForm) -> None:
    """Refuses to drop tokens of an encoder that cannot do without them.

    Raises:
        ConfigError: It has no method ``encode_subgraph``.
    """
    if hidden == "drop" and not callable(getattr(encoder, "encode_subgraph", None)):
        raise ConfigError(
            f"hidden 'drop': {type(encoder).__name__} has no method encode_subgraph(pos, visible)"
        )
