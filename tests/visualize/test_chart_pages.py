from __future__ import annotations

import html

import numpy as np
import pytest
from page_helpers import browser_page, content

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.visualize.chart_pages import confusion_page, curves_page, label_curve_page

pytest.importorskip("plotly")
EVIL = "<script>alert(1)</script>"
COUNTS = np.array([[3, 1], [0, 4]])


def test_curves_with_gaps_and_names_that_are_texts():
    (chart,) = content(curves_page({EVIL: ([1, 2], [0.5, float("nan")])}, "loss"))["charts"]
    assert chart["data"][0]["y"] == [0.5, None] and chart["data"][0]["name"] == html.escape(EVIL)
    with pytest.raises(DataError, match="no curves"):
        curves_page({}, "loss")


def test_a_confusion_matrix():
    page = confusion_page(COUNTS, ["a", EVIL])
    (chart,) = content(page)["charts"]
    assert page.title == "accuracy 87.5 %" and chart["data"][0]["z"] == [[75, 25], [0, 100]]
    assert chart["data"][0]["y"] == ["1 a", f"2 {html.escape(EVIL)}"]
    with pytest.raises(DataError, match="is not"):
        confusion_page(COUNTS, ["a"])


def test_curves_over_labels():
    panels = {"1-NN": {"random": ([0.5, 0.75], [None, 0.01])}}
    (chart,) = content(label_curve_page(["1", "2"], panels, "labels"))["charts"]
    assert chart["data"][0]["y"] == [50, 75] and chart["data"][0]["error_y"]["array"] == [0, 1]
    with pytest.raises(DataError, match="no panel"):
        label_curve_page([], {}, "labels")


@pytest.mark.slow
def test_charts_are_drawn_in_a_browser(tmp_path):
    path = tmp_path / "a.html"
    confusion_page(COUNTS, ["a", EVIL]).save(path)
    with browser_page(path) as page:
        assert page.locator("#charts .heatmaplayer image").count() == 1
        assert EVIL in page.inner_text("#charts")
        assert not page.is_visible("#player")
