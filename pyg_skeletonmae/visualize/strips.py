"""Pictures of skeletons: a film strip, a reconstruction, an animation; and the charts of a run.

Left is blue, right is vermilion, the middle of the body grey, in colours told apart by readers with
any colour vision. Depth is left out: a pose is seen along its third axis. Matplotlib is imported on
first use (``pip install 'pyg_skeletonmae[viz]'``), and without ``pyplot``: nothing global changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.visualize.charts import (
    Array,
    draw_confusion,
    draw_curves,
    embedding_map,
    new_figure,
    to_numpy,
)
from pyg_skeletonmae.visualize.pose import LEFT, MASKED, RECONSTRUCTED, RIGHT, draw_skeleton

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "animate",
    "draw_clip",
    "draw_confusion",
    "draw_curves",
    "draw_reconstruction",
    "draw_skeleton",
    "embedding_map",
]

_COLORS = {"left": LEFT, "right": RIGHT, "masked": MASKED, "reconstructed": RECONSTRUCTED}
_NOWHERE = np.array([[-1.0, -1.0], [1.0, 1.0]])  # the window where there is nobody to show


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
    return _strips({"": _people(skeleton, pos, masked, valid)}, frames, title, names)


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
        original: ``[V, T, C]``.
        reconstructed: ``[V, T, C]``; only masked joints are looked at.
        masked: ``[V, T]``, bool.
        skeleton: The body.
        frames: How many frames to show, at most.
        valid: ``[V, T]``, bool, see :func:`draw_skeleton`.
        caption: Above the picture: how the reconstruction was made.
    """
    mixed = np.where(to_numpy(masked)[..., None], to_numpy(reconstructed), to_numpy(original))
    visible = _Layer(skeleton, original, masked, valid)
    rows = {
        "original": [_Layer(skeleton, original, None, valid)],
        "masked": [visible],
        "reconstructed": [visible, _Layer(skeleton, mixed, masked, valid, RECONSTRUCTED)],
    }
    return _strips(rows, frames, caption, ["left", "right", "masked", "reconstructed"])


def animate(
    pos: Array,
    skeleton: Skeleton,
    fps: float = 30.0,
    path: str | Path | None = None,
    masked: Array | None = None,
    valid: Array | None = None,
) -> FuncAnimation:
    """A moving picture of one or more persons.

    Args:
        pos: ``[V, T, C]`` or ``[M, V, T, C]``.
        skeleton: The body.
        fps: Frames per second.
        path: A ``.gif`` file to write. In a notebook, show ``animation.to_jshtml()`` instead.
        masked: Bool, the shape of ``pos`` without ``C``, see :func:`draw_skeleton`.
        valid: Bool, the shape of ``pos`` without ``C``, see :func:`draw_skeleton`.

    Raises:
        DataError: The shapes do not fit the skeleton or each other.
    """
    people = _people(skeleton, pos, masked, valid)
    figure = new_figure(3.2, 3.2)
    figure.set_layout_engine("none")  # it would be computed anew for every frame
    from matplotlib.animation import FuncAnimation, PillowWriter

    ax = figure.add_axes((0, 0, 1, 1))
    box = _box(people, range(people[0].length))
    low, high = _NOWHERE if box is None else box

    def draw(frame: int) -> list[Artist]:
        for artist in (*ax.lines, *ax.collections):  # much faster than ax.clear()
            artist.remove()
        for person in people:
            person.draw(ax, frame)
        ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        return []

    animation = FuncAnimation(figure, draw, frames=people[0].length, interval=1000 / fps)
    if path is not None:
        animation.save(path, writer=PillowWriter(fps=round(fps)))
    return animation


class _Layer:
    """A track that can draw any of its frames."""

    def __init__(
        self,
        skeleton: Skeleton,
        pos: Array,
        masked: Array | None,
        valid: Array | None,
        masked_color: str | None = None,
    ) -> None:
        self.skeleton, self.pos, self.masked_color = skeleton, to_numpy(pos), masked_color
        if self.pos.ndim != 3 or len(self.pos) != skeleton.num_joints or not self.pos.shape[1]:
            raise DataError(
                f"expected a track [{skeleton.num_joints}, T, C] of {skeleton.name}, "
                f"found {list(self.pos.shape)}"
            )
        self.length = self.pos.shape[1]
        absent = np.zeros(self.pos.shape[:2], bool)
        self.masked = absent if masked is None else to_numpy(masked)
        self.valid = ~absent if valid is None else to_numpy(valid)
        for name, x in (("masked", self.masked), ("valid", self.valid)):
            if x.shape != absent.shape:
                raise DataError(f"{name}: expected {list(absent.shape)}, found {list(x.shape)}")

    def draw(self, ax: Axes, t: int) -> None:
        draw_skeleton(
            ax,
            self.pos[:, t],
            self.skeleton,
            masked=self.masked[:, t],
            valid=self.valid[:, t],
            masked_color=self.masked_color,
        )


def _people(
    skeleton: Skeleton, pos: Array, masked: Array | None, valid: Array | None
) -> list[_Layer]:
    """The tracks of ``pos``, ``[V, T, C]`` or ``[M, V, T, C]``."""
    persons = to_numpy(pos)
    if persons.ndim != 4 or not len(persons):
        return [_Layer(skeleton, persons, masked, valid)]
    flags = [None if x is None else to_numpy(x) for x in (masked, valid)]
    for name, x in zip(("masked", "valid"), flags, strict=True):
        if x is not None and x.shape != persons.shape[:3]:
            raise DataError(f"{name}: expected {list(persons.shape[:3])}, found {list(x.shape)}")
    return [
        _Layer(skeleton, track, *(None if x is None else x[i] for x in flags))
        for i, track in enumerate(persons)
    ]


def _strips(rows: dict[str, list[_Layer]], frames: int, title: str, legend: list[str]) -> Figure:
    """Rows of frames; every frame shows a window of the same size, its own pose in the middle."""
    layers = [layer for row in rows.values() for layer in row]
    length = layers[0].length
    times = np.unique(np.linspace(0, length - 1, min(frames, length)).round().astype(int)).tolist()
    of_frame = [_box(layers, [t]) for t in times]
    # A frame that shows nobody has no say in the size of the others.
    first = next((box for box in of_frame if box is not None), _NOWHERE)
    boxes = np.stack([first if box is None else box for box in of_frame])  # [frames, 2, x | y]
    width = (boxes[:, 1, 0] - boxes[:, 0, 0]).max()
    bottom, top = boxes[:, 0, 1].min(), boxes[:, 1, 1].max()
    cell = 1.9 * float(np.clip(width / (top - bottom), 0.35, 2))
    figure = new_figure(max(3.2, 0.4 + cell * len(times)), 1.9 * len(rows) + 0.8)
    grid = figure.subplots(len(rows), len(times), squeeze=False)
    for axes, (name, row) in zip(grid, rows.items(), strict=True):
        axes[0].set_ylabel(name)
        for ax, t, (low, high) in zip(axes, times, boxes, strict=True):
            for layer in row:
                layer.draw(ax, t)
            middle = (low[0] + high[0]) / 2
            ax.set(xlim=(middle - width / 2, middle + width / 2), ylim=(bottom, top))
    for ax, t in zip(grid[-1], times, strict=True):
        ax.set_xlabel(f"frame {t}" if t == times[0] else f"{t}", fontsize=8, color="0.4")
    figure.suptitle(title, fontsize=9)
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=_COLORS[name], linestyle=":" if name == "masked" else "-", label=name)
        for name in legend
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return figure


def _box(layers: Sequence[_Layer], times: Iterable[int]) -> NDArray[Any] | None:
    """Lower and upper corner of what the layers show, with a margin, ``[2, 2]``; None: nobody."""
    points = [
        layer.pos[:, t, :2][layer.valid[:, t].astype(bool)] for layer in layers for t in times
    ]
    visible = np.concatenate(points)
    visible = visible[np.isfinite(visible).all(1)]
    if not len(visible):
        return None
    low, high = visible.min(0), visible.max(0)
    margin = 0.06 * max((high - low).max(), 1e-6)
    return np.stack([low - margin, high + margin])
