from __future__ import annotations

import pytest
import torch
from page_helpers import browser_page, content

from pyg_skeletonmae import visualize
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.layouts import COCO17, UIPRMD22
from pyg_skeletonmae.visualize import Panel, Scores

pytest.importorskip("plotly")
pytest.importorskip("matplotlib")

CLIP = torch.randn(2, 22, 12, 3, generator=torch.Generator().manual_seed(0))
EVIL = "<img src=x onerror=alert(1)><script>alert(1)</script>"


def test_a_clip_as_a_page_a_film_and_a_picture(tmp_path):
    image = pytest.importorskip("PIL.Image")
    page = visualize.view(CLIP, UIPRMD22, tmp_path / "a.html", title="two")
    assert content(tmp_path / "a.html") == content(page)
    visualize.view(CLIP, UIPRMD22, tmp_path / "a.gif", fps=10)
    visualize.view(CLIP, UIPRMD22, tmp_path / "a.png")
    with image.open(tmp_path / "a.gif") as gif, image.open(tmp_path / "a.png") as png:
        assert gif.n_frames == 12 and png.width > png.height
    assert len(list(tmp_path.iterdir())) == 3


def test_several_panels_and_what_cannot_be(tmp_path):
    masked = torch.zeros(2, 22, 12, dtype=torch.bool)
    masked[:, 3] = True
    panels = [
        Panel(CLIP, UIPRMD22, title="original"),
        Panel(CLIP, UIPRMD22, masked=masked, title="masked"),
        Panel(CLIP, UIPRMD22, masked=masked, restored=True, title="reconstructed"),
    ]
    page = visualize.view(panels, path=tmp_path / "a.png")
    (scene,) = content(page)["scenes"]
    assert [panel["title"] for panel in scene["panels"]] == ["original", "masked", "reconstructed"]
    assert [panel["restored"] for panel in scene["panels"]] == [False, False, True]
    assert [panel["hides"] for panel in scene["panels"]] == [False, True, True]
    with pytest.raises(ConfigError, match="an array does not say its joints"):
        visualize.view(CLIP)
    with pytest.raises(ConfigError, match=r"a\.txt: expected a name that ends in one of \.html, "):
        visualize.view(CLIP, UIPRMD22, tmp_path / "a.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.slow
def test_a_page_plays_turns_and_scrubs_in_a_browser(tmp_path):
    valid = torch.ones(2, 22, 12, dtype=torch.bool)
    valid[0, 5, 6:] = False  # a joint is lost
    valid[1, :, :4] = False  # the second one comes later
    scores = Scores((EVIL, "kick"), [(0, 6), (6, 12)], [[0.75, 0.25], [0.125, 0.875]])
    path = tmp_path / "a.html"
    visualize.view(CLIP, UIPRMD22, path, valid=valid, scores=scores, fps=5, title=EVIL)
    with browser_page(path) as page:

        def dots() -> int:
            return page.evaluate("document.getElementById('stage').data[2].x.length")

        def eye() -> list[float]:
            return page.evaluate(
                "(({x, y, z}) => [x, y, z])"
                "(document.getElementById('stage')._fullLayout.scene._scene.getCamera().eye)"
            )

        def seek(frame: int) -> None:
            page.locator("#seek").fill(str(frame))
            page.wait_for_function(
                f"document.getElementById('time').value.startsWith('frame {frame} ')"
            )

        assert page.title() == page.locator("h1").inner_text() == EVIL
        assert dots() == 22 and page.inner_text("#missing") == "missing: person 2: nobody"
        assert page.inner_text("#class") == f"class: {EVIL} 0.75"
        seek(8)
        assert dots() == 43
        joint = UIPRMD22.joints[5]
        assert page.inner_text("#missing") == f"missing: person 1: {joint}"
        assert page.inner_text("#class") == "class: kick 0.88"
        assert page.evaluate("document.getElementById('stage').data[3].x.length") == 1
        page.uncheck("#absent")
        page.check("#names")
        page.wait_for_function("document.getElementById('stage').data[3].x.length === 0")
        assert page.evaluate("document.getElementById('stage').data[2].mode") == "markers+text"
        before = eye()
        box = page.locator("#stage").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.wait_for_timeout(300)
        page.mouse.down()
        page.mouse.move(x + 20, y + 5, steps=4)
        page.wait_for_timeout(500)
        page.mouse.up()
        page.wait_for_timeout(300)
        turned = eye()
        assert max(abs(a - b) for a, b in zip(before, turned, strict=True)) > 0.05
        page.click("#play")
        page.wait_for_function("window.shown.frame < 8", timeout=30_000)  # round the end
        page.click("#play")
        assert not page.evaluate("window.shown.playing")
        assert max(abs(a - b) for a, b in zip(eye(), turned, strict=True)) < 0.02
        page.select_option("#colours", "part")
        assert "left_arm" in page.inner_text("#legend")
        assert page.screenshot(path=tmp_path / "a.png")


@pytest.mark.slow
def test_poses_of_images_are_shown_flat_in_a_browser(tmp_path):
    path = tmp_path / "a.html"
    visualize.view(CLIP[0, :17, :, :2], COCO17, path)
    with browser_page(path) as page:
        projection = "document.getElementById('stage')._fullLayout.scene.camera.projection.type"
        assert page.evaluate(projection) == "orthographic"
