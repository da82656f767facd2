"""The visible places of tracks, side by side."""

from __future__ import annotations

from torch import Tensor


class Places:
    """Takes the visible places out of tracks, and puts them back: hidden ones cost nothing between.

    Args:
        visible: ``[P, V, T]``, bool.
    """

    def __init__(self, visible: Tensor) -> None:
        self.shape = visible.shape
        self.index = visible.flatten().nonzero().squeeze(1)

    def rows(self, x: Tensor) -> Tensor:
        """The ``N`` visible places of ``[P, V, T, C]``, ``[N, C]``."""
        return x.flatten(0, 2).index_select(0, self.index)

    def tracks(self, rows: Tensor) -> Tensor:
        """Tracks ``[P, V, T, C]`` with ``rows [N, C]`` in the visible places, else zero."""
        empty = rows.new_zeros(self.shape.numel(), rows.size(1))
        return empty.index_copy(0, self.index, rows).view(*self.shape, -1)
