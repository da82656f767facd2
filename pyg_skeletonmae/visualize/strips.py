"""Pictures of skeletons: a film strip, a reconstruction.

Left is blue, right is vermilion, the middle of the body grey, in colours told apart by readers with
any colour vision. Depth is left out: a pose is seen from the front. Matplotlib is imported on
first use (``pip install 'pyg_skeletonmae[viz]'``), and without ``pyplot``: nothing global changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.visualize.charts import Array, new_figure, to_numpy
from pyg_skeletonmae.visualize.panel import Panel
from pyg_skeletonmae.visualize.pose import LEFT, MASKED, RECONSTRUCTED, RIGHT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLORS = {"left": LEFT, "right": RIGHT, "masked": MASKED, "reconstructed": RECONSTRUCTED}
NOWHERE = np.array([[-1.0, -1.0], [1.0, 1.0]])  # the window where there is nobody to show


def draw_clip(
    pos: Array,
    skeleton: Skeleton,
    frames: int = 8,
    masked: Array | None = None,
    valid: Array | None = None,
    title: str = "",
) -> Figure:
    """A film strip of evenly spaced frames, of one or more persons.

    Args:
        pos: ``[V, T, C]`` or ``[M, V, T, C]``.
        skeleton: The body.
        frames: How many frames to show, at most. Those without any joint stay empty.
        masked: Bool, the shape of ``pos`` without ``C``, see :func:`draw_skeleton`.
        valid: Bool, the shape of ``pos`` without ``C``, see :func:`draw_skeleton`.
        title: Above the strip.

    Raises:
        DataError: The shapes do not fit the skeleton or each other.
    """
    names = ["left", "right"] if masked is None else ["left", "right", "masked"]
    panel = Panel(pos, skeleton, valid=valid, masked=masked)
    return strips({"": [panel]}, frames, title, names)


def draw_reconstruction(
    original: Array,
    reconstructed: Array,
    masked: Array,
    skeleton: Skeleton,
    frames: int = 8,
    valid: Array | None = None,
    caption: str = "",
) -> Figure:
    """A clip, what the model saw of it, and what it made of that, one above the other.

    In the last row masked joints stand where the model puts them, above the truth in dotted grey;
    the other joints are the original ones.

    Args:
        original: ``[V, T, C]`` or, of several persons, ``[M, V, T, C]``.
        reconstructed: The same shape; only masked joints are looked at.
        masked: The same without ``C``, bool.
        skeleton: The body.
        frames: How many frames to show, at most.
        valid: As ``masked``, see :func:`draw_skeleton`.
        caption: Above the picture: how the reconstruction was made.
    """
    original, masked = to_numpy(original), to_numpy(masked)
    mixed = np.where(masked[..., None], to_numpy(reconstructed), original)
    visible = Panel(original, skeleton, valid=valid, masked=masked)
    full = Panel(mixed, skeleton, valid=valid, masked=masked, restored=True, up=visible.up)
    rows = {
        "original": [Panel(original, skeleton, valid=valid, up=visible.up)],
        "masked": [visible],
        "reconstructed": [visible, full],
    }
    return strips(rows, frames, caption, ["left", "right", "masked", "reconstructed"])


def strips(
    rows: Mapping[str, Sequence[Panel]], frames: int, title: str = "", legend: Sequence[str] = ()
) -> Figure:
    """Rows of frames; every frame shows a window of the same size, its own pose in the middle.

    Args:
        rows: What stands beside a row, and what is drawn in it, one above the other.
        frames: How many frames to show, at most.
        title: Above all.
        legend: Which of ``left``, ``right``, ``masked`` and ``reconstructed`` to explain.
    """
    layers = [layer for row in rows.values() for layer in row]
    length = layers[0].frames
    times = np.unique(np.linspace(0, length - 1, min(frames, length)).round().astype(int)).tolist()
    of_frame = [box_of(layers, [t]) for t in times]
    # A frame that shows nobody has no say in the size of the others.
    first = next((box for box in of_frame if box is not None), NOWHERE)
    boxes = np.stack([first if box is None else box for box in of_frame])  # [frames, 2, x | y]
    width = (boxes[:, 1, 0] - boxes[:, 0, 0]).max()
    bottom, top = boxes[:, 0, 1].min(), boxes[:, 1, 1].max()
    cell = 1.9 * float(np.clip(width / (top - bottom), 0.35, 2))
    figure = new_figure(max(3.2, 0.4 + cell * len(times)), 1.9 * len(rows) + 0.8)
    grid = figure.subplots(len(rows), len(times), squeeze=False)
    for axes, (name, row) in zip(grid, rows.items(), strict=True):
        axes[0].set_ylabel(name, parse_math=False)
        for ax, t, (low, high) in zip(axes, times, boxes, strict=True):
            for layer in row:
                layer.draw(ax, t)
            middle = (low[0] + high[0]) / 2
            ax.set(xlim=(middle - width / 2, middle + width / 2), ylim=(bottom, top))
    for ax, t in zip(grid[-1], times, strict=True):
        ax.set_xlabel(f"frame {t}" if t == times[0] else f"{t}", fontsize=8, color="0.4")
    figure.suptitle(title, fontsize=9, parse_math=False)
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=_COLORS[name], linestyle=":" if name == "masked" else "-", label=name)
        for name in legend
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return figure


def box_of(panels: Sequence[Panel], times: Iterable[int]) -> NDArray[Any] | None:
    """Lower and upper corner of what panels show, with a margin, ``[2, 2]``; None: nobody."""
    places = np.array(list(times))
    points = [panel.pos[:, :, places, :2][panel.valid[:, :, places]] for panel in panels]
    visible = np.concatenate(points)
    if not len(visible):
        return None
    low, high = visible.min(0), visible.max(0)
    margin = 0.06 * max((high - low).max(), 1e-6)
    return np.stack([low - margin, high + margin])
