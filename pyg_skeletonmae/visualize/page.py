"""One HTML file in which clips play and are turned, with all that it needs inside.

Plotly draws; its library lies compressed in the page, which asks nothing of a network.
"""

from __future__ import annotations

import base64
import functools
import gzip
import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.files.write import write_text
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.visualize.charts import PALETTE
from pyg_skeletonmae.visualize.panel import Panel
from pyg_skeletonmae.visualize.pose import LEFT, MASKED, MIDDLE, RECONSTRUCTED, RIGHT, body_lines

MAX_BYTES = 5_000_000  # of a page, unless one says otherwise
_STEPS = 2**15 - 1  # places are whole numbers of 16 bit, from one end of a clip to the other
_LICENCE = "Below lies plotly.js, by Plotly, Inc., under the MIT licence, compressed by gzip."


@dataclass(frozen=True)
class Scores:
    """What a classifier says of parts of a clip.

    Args:
        class_names: The ``K`` classes.
        spans: Of each part the first frame, and the frame after the last.
        values: The probabilities of each part ``[K]``; None where nobody is seen.
    """

    class_names: Sequence[str]
    spans: Sequence[tuple[int, int]]
    values: Sequence[Sequence[float] | None]


@dataclass(frozen=True)
class Scene:
    """What plays together.

    Args:
        panels: Clips side by side, turned together.
        title: What it is called.
        fps: Frames per second.
        caption: What is to be said of it.
        start: The number of the first frame.
        scores: What a classifier says of it over time.

    Raises:
        DataError: There is no panel, the rate is not positive, or scores do not fit together.
    """

    panels: Sequence[Panel]
    title: str = ""
    fps: float = 30.0
    caption: str = ""
    start: int = 0
    scores: Scores | None = None

    def __post_init__(self) -> None:
        if not self.panels:
            raise DataError("nothing to show")
        if not 0 < self.fps < np.inf:
            raise DataError(f"{self.fps} frames per second: expected a number above 0")
        told = self.scores
        if told is not None:
            widths = {len(row) for row in told.values if row is not None} - {len(told.class_names)}
            if widths or len(told.spans) != len(told.values):
                raise DataError(
                    f"scores: {len(told.values)} rows for {len(told.spans)} parts and "
                    f"{len(told.class_names)} classes"
                )


@dataclass
class Page:
    """One HTML file: clips that play, a map that leads to them, charts.

    In a notebook it shows itself. Names of clips, classes and joints may hold any letters: they are
    texts, never markup.

    Args:
        title: Above all.
        scenes: What can be played, one at a time; all of one skeleton.
        note: Below the title.
        charts: Figures as plotly has them, ``{"data": [...], "layout": {...}}``.
        map: What leads to the scenes, see :func:`~pyg_skeletonmae.visualize.maps.map_page`.
        columns: How many panels of a scene stand in a row.
        most: The largest size in bytes.
    """

    title: str
    scenes: Sequence[Scene] = ()
    note: str = ""
    charts: Sequence[Mapping[str, Any]] = ()
    map: Mapping[str, Any] | None = None
    columns: int = 3
    most: int = field(default=MAX_BYTES, repr=False)

    def to_html(self) -> str:
        """The text of the file.

        Raises:
            ConfigError: Plotly is not installed.
            DataError: It is larger than it may be, or its scenes are of different skeletons.
        """
        parts = {
            "title": html.escape(self.title),
            # Within a script, markup can begin with nothing but "<".
            "data": json.dumps(self._content(), allow_nan=False).replace("<", "\\u003c"),
            "licence": _LICENCE,
            "library": _library(),
        }
        template = files("pyg_skeletonmae.visualize").joinpath("page.html").read_text("utf-8")
        text = re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)
        if len(text.encode()) > self.most:
            raise DataError(
                f"the page would be {len(text.encode()) / 1e6:.1f} MB, at most "
                f"{self.most / 1e6:.0f} MB are left to it: show fewer frames, persons or clips"
            )
        return text

    def _content(self) -> dict[str, Any]:
        skeletons = {panel.skeleton for scene in self.scenes for panel in scene.panels}
        if len(skeletons) > 1:
            names = ", ".join(sorted(skeleton.name for skeleton in skeletons))
            raise DataError(f"one page shows one skeleton, found {names}")
        return {
            "note": self.note,
            "skeleton": _body(next(iter(skeletons))) if skeletons else None,
            "scenes": [_scene(scene) for scene in self.scenes],
            "charts": list(self.charts),
            "map": self.map,
            "columns": self.columns,
            "palette": PALETTE,
            "sides": (LEFT, RIGHT, MIDDLE),
            "masked": MASKED,
            "restored": RECONSTRUCTED,
        }

    def save(self, path: str | Path) -> Path:
        """Writes the file, whole or not at all.

        Raises:
            ConfigError: Its name does not end in ``.html``, or plotly is not installed.
            DataError: It would be too large.
        """
        path = Path(path)
        if path.suffix.lower() != ".html":
            raise ConfigError(f"{path}: expected a name that ends in .html")
        write_text(path, self.to_html())
        return path

    def _repr_html_(self) -> str:
        text = html.escape(self.to_html())
        return f'<iframe srcdoc="{text}" width="100%" height="720" style="border:0"></iframe>'


@functools.cache
def _library() -> str:
    try:
        from plotly.offline import get_plotlyjs
    except ImportError:
        raise ConfigError("pages need plotly: pip install 'pyg_skeletonmae[viz]'") from None
    return _base64(gzip.compress(get_plotlyjs().encode(), mtime=0))


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _body(skeleton: Skeleton) -> dict[str, Any]:
    side, bones, bone_side = body_lines(skeleton)
    return {
        "joints": skeleton.joints,
        "parts": skeleton.part_names,
        "part": skeleton.part_index.tolist(),
        "side": side.tolist(),
        "bones": bones.tolist(),
        "bone_side": bone_side.tolist(),
    }


def _scene(scene: Scene) -> dict[str, Any]:
    told = scene.scores
    scores = told and {
        "classes": list(told.class_names),
        "spans": [[int(start), int(stop)] for start, stop in told.spans],
        "values": [None if row is None else [round(float(x), 4) for x in row]
                   for row in told.values],
    }  # fmt: skip
    return {
        "title": scene.title,
        "caption": scene.caption,
        "fps": scene.fps,
        "start": scene.start,
        "frames": max(panel.frames for panel in scene.panels),
        "panels": [_panel(panel) for panel in scene.panels],
        "scores": scores,
    }


def _panel(panel: Panel) -> dict[str, Any]:
    """A panel in few bytes: frames, persons and joints in this order, the third axis upwards."""
    valid: NDArray[Any] = panel.valid
    pos = _last_seen(panel.pos, valid)
    depth = pos[..., 2] if pos.shape[-1] > 2 else np.zeros(pos.shape[:-1])
    points = np.stack([pos[..., 0], -depth, pos[..., 1]], -1)
    seen = points[valid] if valid.any() else np.array([[-1.0] * 3, [1.0] * 3])
    low, high = seen.min(0), seen.max(0)
    extent = max(float((high - low).max()), 1e-6)
    steps = ((points - low) / extent * _STEPS).round().clip(0, _STEPS)
    margin = 0.08 * extent
    flags: NDArray[Any] = valid.astype(np.uint8) + 2 * (panel.masked & valid).astype(np.uint8)
    weight = None if panel.weight is None else (255 * panel.weight).round().astype(np.uint8)

    def packed(x: NDArray[Any]) -> str:
        return _base64(np.ascontiguousarray(np.moveaxis(x, 2, 0)).tobytes())

    return {
        "title": panel.title,
        "persons": len(pos),
        "frames": panel.frames,
        "pos": packed(steps.astype("<i2")),
        "origin": low.tolist(),
        "step": extent / _STEPS,
        "flags": packed(flags),
        "weight": None if weight is None else packed(weight),
        "ever": valid.any(2).flatten().tolist(),
        "box": [[float(a - margin), float(b + margin)] for a, b in zip(low, high, strict=True)],
        "flat": pos.shape[-1] == 2,
        "hides": bool(panel.masked.any()),
        "restored": panel.restored,
    }


def _last_seen(pos: NDArray[Any], valid: NDArray[Any]) -> NDArray[Any]:
    """Places ``[M, V, T, C]`` in which missing joints stay where they were last seen, or will be
    seen first; those that never are, at 0."""
    frames = np.arange(valid.shape[2])
    last = np.maximum.accumulate(np.where(valid, frames, -1), axis=2)
    source = np.where(last < 0, valid.argmax(2)[..., None], last)
    places: NDArray[Any] = np.take_along_axis(pos, source[..., None], axis=2)
    places[~valid.any(2)] = 0.0
    return places
