"""Accuracy against labels a class, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.visualize.charts import PALETTE, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Line = tuple[Sequence[float], Sequence[float | None]]


def draw_label_curve(labels: Sequence[str], panels: Mapping[str, Mapping[str, Line]]) -> Figure:
    """Panels, two in a row, with one scale; a line has one colour in all of them.

    Args:
        labels: The numbers of labels, as they stand below the panels.
        panels: The title of a panel to its lines: a name to its values, and half the widths of
            their intervals, None where there is none.

    Raises:
        DataError: There is no panel, or a line has another length than ``labels``.
    """
    if not panels:
        raise DataError("no panel to draw")
    columns, rows = min(len(panels), 2), -(-len(panels) // 2)
    figure = new_figure(4.0 * columns, 0.7 + 2.8 * rows)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    axes = grid.flatten()[: len(panels)]
    colors: dict[str, str] = {}
    for ax, (title, lines) in zip(axes, panels.items(), strict=True):
        for place, (name, (values, halves)) in enumerate(lines.items()):
            if not len(values) == len(halves) == len(labels):
                raise DataError(
                    f"curve {name!r}: {len(labels)} places but {len(values)} values and "
                    f"{len(halves)} intervals"
                )
            ax.errorbar(
                [number + 0.04 * place for number in range(len(labels))],  # bars side by side
                [100 * value for value in values],
                [100 * (half or 0.0) for half in halves],
                color=colors.setdefault(name, PALETTE[len(colors) % len(PALETTE)]),
                marker="o",
                markersize=3.5,
                linewidth=1.6,
                elinewidth=0.8,
                label=name,
            )
        ax.set_title(title, fontsize=10)
        ax.set_xticks(range(len(labels)), labels)
        ax.grid(axis="y", color="0.9")
        ax.spines[["top", "right"]].set_visible(False)
    for ax in grid[:, 0]:
        ax.set_ylabel("top-1 in per cent", fontsize=9)
    for ax in grid[-1]:
        ax.set_xlabel("labels a class", fontsize=9)
    handles = {
        label: handle
        for ax in axes
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=3, frameon=False,
        fontsize="small",
    )  # fmt: skip
    return figure
