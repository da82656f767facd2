from __future__ import annotations

import pytest

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.visualize.label_curve import draw_label_curve

pytest.importorskip("matplotlib")


def test_a_line_has_one_colour_in_all_panels(tmp_path):
    line = [0.25, 0.5, 1.0], [0.1, 0.0, None]
    panels = {"1-NN": {"a": line, "b": line}, "linear": {"b": line, "a": line}, "more": {"b": line}}
    figure = draw_label_curve(["1", "5", "all"], panels)
    assert [ax.get_title() for ax in figure.axes[:3]] == list(panels)
    colors = [
        {own.get_label(): own.lines[0].get_color() for own in ax.containers}
        for ax in figure.axes[:3]
    ]
    assert colors[0] == colors[1] and colors[2]["b"] == colors[0]["b"] != colors[0]["a"]
    assert figure.axes[0].containers[0].lines[0].get_ydata().tolist() == [25, 50, 100]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]
    figure.savefig(tmp_path / "curve.png")


def test_what_cannot_be_drawn():
    with pytest.raises(DataError, match="no panel to draw"):
        draw_label_curve(["1"], {})
    with pytest.raises(DataError, match="curve 'a': 2 places but 1 values and 2 intervals"):
        draw_label_curve(["1", "all"], {"1-NN": {"a": ([0.5], [None, None])}})
