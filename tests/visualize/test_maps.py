from __future__ import annotations

import numpy as np
import pytest
import torch
from page_helpers import browser_page, content

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.layouts import COCO17
from pyg_skeletonmae.visualize import Panel, Scene
from pyg_skeletonmae.visualize.maps import UNKNOWN, map_page

pytest.importorskip("plotly")

EVIL = "<img src=x onerror=alert(1)>"
X = np.random.default_rng(0).normal(size=(8, 5))
CLIPS = {
    row: Scene([Panel(torch.randn(17, 6, 3), COCO17)], f"clip {row}") for row in range(0, 8, 2)
}


def test_a_map_knows_names_classes_and_what_plays():
    told = content(map_page(X, list("abcdefgh"), ["z", "y", "", "z", "y", "", "z", EVIL], CLIPS))
    place = told["map"]
    assert place["classes"] == [*sorted([EVIL, "y", "z"]), UNKNOWN]
    assert place["label"] == [2, 1, 3, 2, 1, 3, 2, 0]
    assert place["plays"] == [0, -1, 1, -1, 2, -1, 3, -1]
    assert {"principal components", "t-SNE"} <= set(place["methods"])
    x, y = place["methods"]["principal components"]
    centred = X - X.mean(0)
    plane = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    np.testing.assert_allclose(np.abs([x, y]), np.abs(plane.T), rtol=1e-3)


@pytest.mark.parametrize(
    ("x", "names", "message"),
    [
        (X[:2], "ab", "3 rows of 2 features or more"),
        (X, "abc", "8 rows, 3 names and 3 classes"),
        (np.full((3, 3), np.nan), "abc", "NaN or infinite"),
    ],
)
def test_what_is_no_map(x, names, message):
    with pytest.raises(DataError, match=message):
        map_page(x, list(names), [""] * len(names), {})


@pytest.mark.slow
def test_a_click_plays_the_clip_in_a_browser(tmp_path):
    path = tmp_path / "map.html"
    map_page(X, [EVIL, *"bcdefgh"], [EVIL] * 4 + ["y"] * 4, CLIPS).save(path)
    with browser_page(path) as page:
        assert page.inner_text("#caption") == "" and not page.evaluate("window.shown.playing")
        dots = page.locator("#map .scatterlayer .trace").nth(1).locator(".points path")
        assert dots.count() == 4
        hover = page.evaluate("document.getElementById('map').data[0].hovertext[0]")
        assert hover == "&lt;img src=x onerror=alert(1)&gt;<br>&lt;img src=x onerror=alert(1)&gt;"
        rows = page.evaluate("document.getElementById('map').data[1].customdata")
        box = dots.nth(rows.index(6)).bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.wait_for_selector("#map .hoverlayer .hovertext")
        page.mouse.down()
        page.mouse.up()
        page.wait_for_function("window.shown.playing && window.shown.scene === 3")
        page.select_option("#method", "t-SNE")
        assert page.screenshot(path=tmp_path / "a.png")
