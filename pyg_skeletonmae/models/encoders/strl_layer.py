"""One layer of STRL."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from pyg_skeletonmae.batch import readable
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.models.encoders.graph import GraphStack
from pyg_skeletonmae.nn.norm import BatchNormLast
from pyg_skeletonmae.nn.temporal_conv import MultiScaleTemporalConv

Join = Literal["add", "concat"]


class STRLLayer(nn.Module):
    r"""Spatial modelling by a graph encoder, then a multi-scale temporal convolution.

    Equations (3) and (4) of `"SkeletonMAE: Graph-based Masked Autoencoder for Skeleton Sequence
    Pre-training" <https://arxiv.org/abs/2307.08476>`_:

    .. math::
        \mathrm{SM}(\mathbf{H}) &= \mathrm{Repeat}\big(\mathrm{SumPool}
        (G_E(\tilde{\mathbf{A}}, \mathbf{H}))\big) \oplus \mathrm{Conv}_{1 \times 1}(\mathbf{H}) \\
        \mathbf{H}' &= \mathrm{ReLU}(\mathrm{SM}(\mathbf{H}) \mathbf{W})

    Args:
        channels: The width ``D``.
        encoders: The graph encoders: one for all persons, or one per person.
        join: How pooled encoding and input are joined: ``"add"`` or ``"concat"``.
        stride: The stride of the temporal convolution; 0 leaves the convolution out.
        dropout: The dropout rate on the layer's output.
        local: Adds each joint's own encoding to its residual (our option). As printed, joints learn
            nothing of each other but the sum over all of them.
        adjacency: ``[V, V]``, where the layer's own, learned adjacency begins, which takes the
            place of the one that it is called with (our option).
    """

    def __init__(
        self,
        channels: int,
        encoders: list[GraphStack],
        join: Join = "add",
        stride: int = 1,
        dropout: float = 0.0,
        local: bool = False,
        adjacency: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(encoders)
        self.join, self.local = join, local
        self.adjacency = None if adjacency is None else nn.Parameter(adjacency.clone())
        self.residual = nn.Linear(channels, channels, bias=False)
        self.linear = nn.Linear(channels * (2 if join == "concat" else 1), channels, bias=False)
        self.norm = BatchNormLast(channels)
        self.norms_after = {"norm": ["linear"]}
        self.temporal = (
            MultiScaleTemporalConv(channels, channels, stride=stride) if stride else None
        )
        self.dropout = nn.Dropout(dropout)

    def encode(
        self, x: Tensor, adjacency: Tensor, person: Tensor | None, clips: int | None = None
    ) -> Tensor:
        """Each track ``[P, V, T, C]`` by the graph encoder of its person.

        Raises:
            DataError: There are several, and nobody says who is who.
        """
        if len(self.encoders) == 1:
            encoded: Tensor = self.encoders[0](x, adjacency)
            return encoded
        if person is None:
            raise DataError("separate encoders per person need to know who is who: pass a batch")
        if torch.compiler.is_compiling() and not self.training:  # a graph that fits any persons
            encoded = x
            for number, encoder in enumerate(self.encoders):
                own = (person == number).view(-1, 1, 1, 1)
                encoded = torch.where(own, encoder(x, adjacency).to(x.dtype), encoded)
            return encoded
        encoded = torch.empty_like(x)
        for number, encoder in enumerate(self.encoders):
            if readable(person) or clips is None:
                rows = (person == number).nonzero().squeeze(1)
            else:  # the first persons, as many as there are clips; then the second ones
                order = person.argsort(stable=True)
                rows = order[clips:] if number else order[:clips]
            if len(rows):
                encoded[rows] = encoder(x[rows], adjacency).to(encoded.dtype)
            else:  # Other processes may see such persons: all have to take part in the step.
                encoded = encoded + 0.0 * sum(p.sum() for p in encoder.parameters())
        return encoded

    def forward(
        self, x: Tensor, adjacency: Tensor, person: Tensor | None, clips: int | None = None
    ) -> Tensor:
        """Maps ``[P, V, T, D]`` to ``[P, V, T', D]``; ``person [P]`` picks each track's encoder.

        ``clips`` says how many tracks are the first of a clip, where that is known.
        """
        adjacency = adjacency if self.adjacency is None else self.adjacency
        encoded = self.encode(x, adjacency, person, clips)
        pooled, residual = encoded.sum(1, keepdim=True), self.residual(x)
        if self.local:
            residual = residual + encoded
        if self.join == "add":
            x = pooled + residual
        else:
            x = torch.cat([pooled.expand_as(residual), residual], dim=-1)
        x = torch.relu(self.norm(self.linear(x)))
        if self.temporal is not None:
            x = torch.relu(self.temporal(x))
        out: Tensor = self.dropout(x)
        return out
