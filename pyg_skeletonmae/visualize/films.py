"""Moving pictures of clips: one alone, or several side by side, as GIF or MP4."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.files.write import write_file
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.visualize.charts import Array, new_figure
from pyg_skeletonmae.visualize.panel import Panel
from pyg_skeletonmae.visualize.strips import NOWHERE, box_of

if TYPE_CHECKING:
    from matplotlib.animation import AbstractMovieWriter, FuncAnimation
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FILMS = (".gif", ".mp4")


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
        path: A ``.gif`` or ``.mp4`` file to write, whole or not at all; the latter takes the
            program ``ffmpeg``. In a notebook, show ``animation.to_jshtml()`` instead.
        masked: Bool, the shape of ``pos`` without ``C``, see :func:`draw_skeleton`.
        valid: Bool, the shape of ``pos`` without ``C``, see :func:`draw_skeleton`.

    Raises:
        DataError: The shapes do not fit the skeleton or each other.
        ConfigError: The path ends in something else, or is ``.mp4`` and there is no ``ffmpeg``.
    """
    writer = None if path is None else film_writer(path, fps)
    film = animate_panels([Panel(pos, skeleton, masked=masked, valid=valid)], fps)
    if path is not None and writer is not None:
        save_film(film, path, writer)
    return film


def animate_panels(
    panels: Sequence[Panel], fps: float = 30.0, columns: int = 3, title: str = ""
) -> FuncAnimation:
    """A moving picture of panels in rows; those that are shorter begin again.

    Args:
        panels: What to show, each in a window of its own.
        fps: Frames per second.
        columns: How many stand in a row.
        title: Above all.

    Raises:
        DataError: There is no panel, or the rate is not positive.
    """
    if not panels:
        raise DataError("nothing to show")
    if not fps > 0:
        raise DataError(f"{fps} frames per second: expected a number above 0")
    figure, axes = _windows(panels, min(columns, len(panels)), title)
    boxes = [box_of([panel], range(panel.frames)) for panel in panels]
    from matplotlib.animation import FuncAnimation

    def draw(frame: int) -> list[Artist]:
        for ax, panel, box in zip(axes, panels, boxes, strict=True):
            for artist in (*ax.lines, *ax.collections):  # much faster than ax.clear()
                artist.remove()
            panel.draw(ax, frame % panel.frames)
            low, high = NOWHERE if box is None else box
            ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        return []

    frames = max(panel.frames for panel in panels)
    return FuncAnimation(figure, draw, frames=frames, interval=1000 / fps)


def _windows(panels: Sequence[Panel], columns: int, title: str) -> tuple[Figure, list[Axes]]:
    """Empty windows, one for each panel, that stay where they are."""
    rows, alone = -(-len(panels) // columns), len(panels) == 1
    named = any(panel.title for panel in panels)
    size = 3.2 if alone else 2.2
    figure = new_figure(size * columns, (size + 0.25 * named) * rows + 0.4 * bool(title))
    axes = [figure.add_subplot(rows, columns, 1 + i) for i in range(len(panels))]
    for ax, panel in zip(axes, panels, strict=True):
        ax.set(xticks=(), yticks=())
        ax.set_title(_short(panel.title, 34), fontsize=8, parse_math=False)
    if title:
        figure.suptitle(_short(title, 40 * columns), fontsize=9, parse_math=False)
    if named or title or not alone:
        figure.draw_without_rendering()  # places them
    else:
        axes[0].set_position((0, 0, 1, 1))
    figure.set_layout_engine("none")  # it would be computed anew for every frame
    return figure, axes


def film_writer(path: str | Path, fps: float) -> AbstractMovieWriter:
    """What writes a film of this name.

    Args:
        path: A name that ends in ``.gif`` or ``.mp4``.
        fps: Frames per second, rounded.

    Raises:
        ConfigError: It ends in something else, or is ``.mp4`` and there is no ``ffmpeg``.
    """
    suffix, rate = Path(path).suffix.lower(), max(round(fps), 1)
    if suffix not in FILMS:
        raise ConfigError(f"{path}: expected a name that ends in {' or '.join(FILMS)}")
    new_figure(1, 1)  # says what to install where matplotlib lacks
    from matplotlib.animation import FFMpegWriter, PillowWriter

    if suffix == ".gif":
        return PillowWriter(fps=rate)
    if not FFMpegWriter.isAvailable():
        raise ConfigError(
            f"{path}: an .mp4 takes the program ffmpeg, which is not installed; "
            "install it, or name a .gif or an .html"
        )
    return FFMpegWriter(fps=rate)


def save_film(film: FuncAnimation, path: str | Path, writer: AbstractMovieWriter) -> None:
    """Writes a moving picture, whole or not at all."""
    with tempfile.TemporaryDirectory() as folder:
        beside = Path(folder) / f"film{Path(path).suffix.lower()}"
        film.save(beside, writer=writer)
        write_file(path, lambda file: file.write(beside.read_bytes()))


def _short(text: str, letters: int) -> str:
    """A title that fits above its window, of letters that can be drawn."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= letters else f"{text[: letters - 3]}..."
