"""Clips as a page, a film or a picture, by the name of the file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.files.write import write_file
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.visualize.charts import Array
from pyg_skeletonmae.visualize.films import FILMS, animate_panels, film_writer, save_film
from pyg_skeletonmae.visualize.page import Page, Scene, Scores
from pyg_skeletonmae.visualize.panel import Panel
from pyg_skeletonmae.visualize.strips import strips

KINDS = (".html", *FILMS, ".png")


def view(
    pos: Array | Panel | Sequence[Panel],
    skeleton: Skeleton | None = None,
    path: str | Path | None = None,
    *,
    valid: Array | None = None,
    masked: Array | None = None,
    weight: Array | None = None,
    scores: Scores | None = None,
    fps: float = 30.0,
    title: str = "clip",
) -> Page:
    """A clip, or several side by side, to play, to turn and to look into.

    Args:
        pos: ``[V, T, C]`` or ``[M, V, T, C]``; or panels, which know the rest of it.
        skeleton: The body of ``pos``.
        path: A file to write, whole or not at all: ``.html``, one page that needs nothing beside
            it; ``.gif`` or ``.mp4``, a film; ``.png``, a strip of frames.
        valid: Bool, the shape of ``pos`` without ``C``: the joints that are present.
        masked: Likewise: joints that are hidden from a model.
        weight: Likewise, from 0 to 1: how much each joint counts.
        scores: What a classifier says over time, for the page.
        fps: Frames per second.
        title: Above it.

    Returns:
        The page, which a notebook shows.

    Raises:
        ConfigError: The file has another ending, or what it takes is not installed.
        DataError: The shapes do not fit the skeleton or each other, or the page would be too large.

    Example:
        >>> import torch
        >>> from pyg_skeletonmae import get_layout
        >>> view(torch.randn(2, 17, 30, 3), get_layout("coco17"), title="two persons").title
        'two persons'
    """
    if isinstance(pos, Panel):
        panels: Sequence[Panel] = [pos]
    elif isinstance(pos, Sequence):
        panels = pos
    elif skeleton is None:
        raise ConfigError("skeleton: an array does not say its joints, name them")
    else:
        panels = [Panel(pos, skeleton, valid=valid, masked=masked, weight=weight)]
    scene = Scene(panels, title, fps, scores=scores)
    page = Page(title, [scene])
    if path is not None:
        save_page(page, path)
    return page


def check_kind(path: str | Path) -> None:
    """Refuses a file that is none of what can be written.

    Raises:
        ConfigError: It ends in something else, or what it takes is not installed.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in KINDS:
        raise ConfigError(f"{path}: expected a name that ends in one of {', '.join(KINDS)}")
    if suffix in FILMS:
        film_writer(path, 1.0)


def save_page(page: Page, path: str | Path) -> Path:
    """Writes a page, or its first scene as a film or a picture, whole or not at all.

    Args:
        page: The page.
        path: A name that ends in ``.html``, ``.gif``, ``.mp4`` or ``.png``.

    Raises:
        ConfigError: It ends in something else, or what it takes is not installed.
        DataError: The page would be too large.
    """
    path = Path(path)
    check_kind(path)
    suffix = path.suffix.lower()
    if suffix == ".html":
        return page.save(path)
    scene = page.scenes[0]
    if suffix in FILMS:
        writer = film_writer(path, scene.fps)
        title = scene.title if len(scene.panels) > 1 else ""
        save_film(animate_panels(scene.panels, scene.fps, page.columns, title), path, writer)
        return path
    legend = ["left", "right"]
    legend += ["masked"] if any(panel.masked.any() for panel in scene.panels) else []
    legend += ["reconstructed"] if any(panel.restored for panel in scene.panels) else []
    rows = {panel.title or " " * i: [panel] for i, panel in enumerate(scene.panels)}
    figure = strips(rows, frames=8, title=scene.title, legend=legend)
    write_file(path, lambda file: figure.savefig(file, format="png"))
    return path
