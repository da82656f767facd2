"""The charts of a run as pages: hover for the numbers, click on a name to hide its curve."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.visualize.charts import PALETTE, Array, to_numpy
from pyg_skeletonmae.visualize.label_curve import Line
from pyg_skeletonmae.visualize.page import Page


def curves_page(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], title: str, xlabel: str = "epoch"
) -> Page:
    """Curves in one chart, as :func:`~pyg_skeletonmae.visualize.draw_curves` draws them.

    Args:
        curves: Name of a curve to its steps and its values, of equal length.
        title: What the values are.
        xlabel: What the steps are.

    Raises:
        DataError: There is no curve.
    """
    if not curves:
        raise DataError("no curves to draw")
    data = [
        {
            "type": "scatter", "mode": "lines+markers", "name": html.escape(name),
            "x": list(steps), "y": _numbers(values), "line": {"color": _color(number)},
        }
        for number, (name, (steps, values)) in enumerate(curves.items())
    ]  # fmt: skip
    return Page(title, charts=[{"data": data, "layout": _axes(xlabel, title)}])


def bars_page(values: Mapping[str, float], title: str) -> Page:
    """A bar for each of some values, the first one on top.

    Args:
        values: What each bar is called, and how long it is.
        title: What the values are.

    Raises:
        DataError: There is no value.
    """
    if not values:
        raise DataError("no values to draw")
    chart = {
        "type": "bar", "orientation": "h", "x": _numbers(list(values.values())),
        "y": [html.escape(name) for name in values], "marker": {"color": _color(0)},
    }  # fmt: skip
    layout = _axes(html.escape(title), "") | {"height": 160 + 30 * len(values)}
    layout["yaxis"] |= {"autorange": "reversed", "automargin": True, "type": "category"}
    return Page(title, charts=[{"data": [chart], "layout": layout}])


def confusion_page(matrix: Array, class_names: Sequence[str], title: str = "") -> Page:
    """A confusion matrix, in per cent of each true class; hover for the counts.

    Args:
        matrix: ``[K, K]`` counts, rows are true classes, columns predicted ones.
        class_names: The ``K`` classes.
        title: Above it; by default the accuracy.

    Raises:
        DataError: The matrix is not ``[K, K]``.
    """
    counts, size = to_numpy(matrix).astype(float), len(class_names)
    if not size or counts.shape != (size, size):
        raise DataError(f"a confusion matrix of {size} classes is not {list(counts.shape)}")
    percent = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    accuracy = 100 * np.trace(counts) / max(counts.sum(), 1)
    names = [f"{number + 1} {html.escape(name)}" for number, name in enumerate(class_names)]
    chart = {
        "type": "heatmap", "z": percent.round(2).tolist(), "x": names, "y": names,
        "customdata": counts.tolist(), "zmin": 0, "zmax": 100,
        "colorscale": [[0, "#ffffff"], [1, "#08306b"]],
        "hovertemplate":
        "true %{y}<br>predicted %{x}<br>%{customdata} clips, %{z} %<extra></extra>",
    }  # fmt: skip
    layout = _axes("predicted class", "true class") | {"height": 300 + 16 * size}
    layout["yaxis"] |= {"autorange": "reversed", "automargin": True}
    layout["xaxis"] |= {"automargin": True}
    return Page(title or f"accuracy {accuracy:.1f} %", charts=[{"data": [chart], "layout": layout}])


def label_curve_page(
    labels: Sequence[str], panels: Mapping[str, Mapping[str, Line]], title: str
) -> Page:
    """Accuracy against labels a class, a chart for each panel; see :func:`draw_label_curve`.

    Args:
        labels: The numbers of labels.
        panels: The title of a panel to its lines: a name to its values, and half the widths of
            their intervals, None where there is none.
        title: Above all.

    Raises:
        DataError: There is no panel.
    """
    if not panels:
        raise DataError("no panel to draw")
    charts = []
    for panel, lines in panels.items():
        data = [
            {
                "type": "scatter", "mode": "lines+markers", "name": html.escape(name),
                "x": list(labels), "y": _numbers([100 * value for value in values]),
                "error_y": {"type": "data", "array": [100 * (half or 0.0) for half in halves]},
                "line": {"color": _color(number)},
            }
            for number, (name, (values, halves)) in enumerate(lines.items())
        ]  # fmt: skip
        layout = _axes("labels a class", "top-1 in per cent") | {"title": {"text": panel}}
        layout["xaxis"] |= {"type": "category"}
        charts.append({"data": data, "layout": layout})
    return Page(title, charts=charts)


def _color(number: int) -> str:
    return PALETTE[number % len(PALETTE)]


def _numbers(values: Sequence[float]) -> list[float | None]:
    """What JSON can hold: NaN and infinity are gaps."""
    return [float(value) if np.isfinite(value) else None for value in values]


def _axes(xlabel: str, ylabel: str) -> dict[str, Any]:
    return {
        "height": 420, "showlegend": True, "hovermode": "closest",
        "xaxis": {"title": {"text": html.escape(xlabel)}},
        "yaxis": {"title": {"text": html.escape(ylabel)}},
    }  # fmt: skip
