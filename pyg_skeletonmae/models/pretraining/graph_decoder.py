"""The decoder of the graph SkeletonMAE."""

from __future__ import annotations

from torch import Tensor, nn

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models.encoders.graph import Conv, GraphEncoder, GraphLayer, joint_vectors
from pyg_skeletonmae.models.pretraining.edge_decoder import EdgeDecoder
from pyg_skeletonmae.models.pretraining.masked import MaskedDecoder, MaskedView
from pyg_skeletonmae.models.pretraining.mixing_decoder import HiddenForm, check_hidden
from pyg_skeletonmae.nn.norm import Norm
from pyg_skeletonmae.transforms.masking import draw_edge_mask, hidden_bones


class GraphDecoder(MaskedDecoder):
    """Graph layers, the last without norm and activation, and a linear map if the width changes.

    Args:
        depth: The number of layers.
        conv: ``"gin"``, ``"gcn"`` or ``"gat"``.
        norm: ``"batch"`` or ``"layer"``.
        remask: Passes the encoding through a bias-free linear map and sets hidden joints to zero
            before decoding, as GraphMAE does.
        edge_ratio: The share of bones hidden from message passing, unless the batch carries
            ``edge_mask``.
        edge_weight: The weight of reconstructing them.
        hidden: ``"token"`` replaces embedded hidden joints by a learned token, as the paper and
            GraphMAE do, and the encoder passes messages between all joints. ``"drop"`` encodes the
            subgraph of the visible joints; the decoder has the token in hidden places, and a vector
            of its own for each joint everywhere (our choice: tokens that take part in message
            passing blur what is next to them).

    Raises:
        ConfigError: A setting is out of range or does not fit the others. On use: it does not suit
            the encoder.
    """

    reads = GraphEncoder

    def __init__(
        self,
        depth: int = 1,
        conv: Conv = "gin",
        norm: Norm = "batch",
        remask: bool = False,
        edge_ratio: float = 0.0,
        edge_weight: float = 0.0,
        hidden: HiddenForm = "token",
    ) -> None:
        super().__init__()
        check_hidden(hidden)
        if depth < 1:
            raise ConfigError(f"decoder_depth {depth}: expected at least one layer")
        hidden_bones(2, edge_ratio)  # says what a ratio may be
        if (edge_ratio > 0) != (edge_weight > 0):
            raise ConfigError("edge_ratio and edge_weight: give both, or neither")
        if remask and hidden == "drop":
            raise ConfigError(
                "remask is for hidden='token': with 'drop' nothing is encoded in hidden places"
            )
        self.depth, self.remask, self.hidden = depth, remask, hidden
        self.conv: Conv = conv
        self.norm: Norm = norm
        self.edge_ratio, self.edge_weight = edge_ratio, edge_weight

    def attach(self, encoder: GraphEncoder, channels: int) -> None:
        """See :class:`~pyg_skeletonmae.models.pretraining.masked.MaskedDecoder`."""
        super().attach(encoder, channels)
        skeleton, width = encoder.skeleton, encoder.out_channels
        hidden_bones(skeleton.edge_index.size(1) // 2, self.edge_ratio)
        self.layers = nn.ModuleList(
            GraphLayer(self.conv, width, self.norm, bare=i == self.depth - 1)
            for i in range(self.depth)
        )
        self.head = nn.Identity() if width == channels else nn.Linear(width, channels)
        self.to_decoder = nn.Linear(width, width, bias=False) if self.remask else None
        self.edge_decoder = EdgeDecoder(skeleton, width) if self.edge_weight else None
        self.joints = joint_vectors(skeleton, width) if self.hidden == "drop" else None
        self.token_channels = width

    def reconstruct(self, encoder: GraphEncoder, pos: Tensor, view: MaskedView) -> Tensor:
        """See :class:`~pyg_skeletonmae.models.pretraining.masked.MaskedDecoder`."""
        edge_mask = view.edge_mask
        if edge_mask is None and self.edge_ratio > 0:
            edge_mask = draw_edge_mask(encoder.skeleton, self.edge_ratio, view.draws)
        adjacency = encoder.adjacency
        if edge_mask is not None:
            adjacency = encoder.masked_adjacency(edge_mask)
        if self.joints is None:
            x, there = encoder.mix(view.fill(view.embedded(encoder, pos)), adjacency), view.valid
        else:
            x = encoder.encode_subgraph(pos, ~view.mask, adjacency)
            there = view.valid & ~view.mask
        if self.edge_decoder is not None and edge_mask is not None:
            loss = self.edge_decoder(x, edge_mask, view.draws, there)
            view.losses["edge_loss"] = (self.edge_weight, loss)
        if self.joints is not None:
            x = view.fill(x) + self.joints
        if self.to_decoder is not None:
            x = self.to_decoder(x).masked_fill(view.mask[..., None], 0.0)
        for layer in self.layers:
            x = layer(x, adjacency)
        out: Tensor = self.head(x)
        return out

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(depth={self.depth}, conv={self.conv!r}, hidden={self.hidden!r})"
        )
