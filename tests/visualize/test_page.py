from __future__ import annotations

import base64
import gzip
import html
import json
import re

import numpy as np
import pytest
import torch
from page_helpers import content, parsed

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.layouts import COCO17, UIPRMD22
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.visualize import Page, Panel, Scene, Scores

pytest.importorskip("plotly")

CLIP = torch.randn(2, 22, 12, 3, generator=torch.Generator().manual_seed(0))
EVIL = "</script><script>document.title='hacked'</script>"


def test_a_page_is_one_small_file_that_asks_for_nothing(tmp_path):
    page = Page("a clip", [Scene([Panel(CLIP, UIPRMD22)])])
    path = page.save(tmp_path / "clip.html")
    text = path.read_text(encoding="utf-8")
    assert path.stat().st_size < 5_000_000 and [p.name for p in tmp_path.iterdir()] == ["clip.html"]
    assert not re.search(r"(src|href)\s*=|url\(|@import", text)
    library = re.search(r'id="library">([^<]*)<', text)
    assert "plotly.js" in gzip.decompress(base64.b64decode(library[1])).decode()[:200]
    assert "default-src 'none'" in text
    assert page._repr_html_().startswith('<iframe srcdoc="&lt;!doctype html&gt;')


def test_places_states_and_weights_come_back_from_it():
    valid = torch.ones(2, 22, 12, dtype=torch.bool)
    valid[1, :, :5] = False
    valid[0, 3, 4:7] = False
    masked = torch.zeros(2, 22, 12, dtype=torch.bool)
    masked[0, 7] = True
    weight = torch.rand(2, 22, 12, generator=torch.Generator().manual_seed(1))
    panel = Panel(CLIP, UIPRMD22, valid=valid, masked=masked, weight=weight, up="y up")
    told = content(Page("x", [Scene([panel], "one", fps=12.5, start=30)]))
    (scene,) = told["scenes"]
    assert (scene["frames"], scene["fps"], scene["start"]) == (12, 12.5, 30)
    pos, flags, heat = parsed(scene["panels"][0], 22)
    there = valid.permute(2, 0, 1).numpy()
    wanted = torch.stack([CLIP[..., 0], -CLIP[..., 2], CLIP[..., 1]], -1).permute(2, 0, 1, 3)
    np.testing.assert_allclose(pos[there], wanted.numpy()[there], atol=2e-3)
    assert ((flags & 1) > 0).tolist() == there.tolist()
    assert ((flags & 2) > 0).tolist() == (masked & valid).permute(2, 0, 1).tolist()
    np.testing.assert_allclose(heat / 255, weight.permute(2, 0, 1), atol=0.003)
    np.testing.assert_allclose(pos[4:7, 0, 3], np.broadcast_to(pos[3, 0, 3], (3, 3)))  # last seen
    np.testing.assert_allclose(pos[:5, 1], np.broadcast_to(pos[5, 1], (5, 22, 3)))  # seen first
    assert told["skeleton"]["joints"] == list(UIPRMD22.joints)
    assert told["skeleton"]["part"] == UIPRMD22.part_index.tolist()


def test_nobody_at_all_and_the_plane_can_be_shown():
    nobody = Panel(torch.full((17, 4, 2), torch.nan), COCO17)
    (scene,) = content(Page("x", [Scene([nobody])]))["scenes"]
    assert scene["panels"][0]["flat"] and not any(scene["panels"][0]["ever"])


def test_names_are_texts_and_never_markup():
    skeleton = Skeleton("evil", (EVIL, "b"), (("b", EVIL),), EVIL)
    scores = Scores((EVIL, "kick"), [(0, 12)], [[0.25, 0.75]])
    panel = Panel(CLIP[0, :2], skeleton, title=EVIL)
    page = Page(EVIL, [Scene([panel], EVIL, caption=EVIL, scores=scores)], note=EVIL)
    text = page.to_html()
    assert "<script>document" not in text and html.escape(EVIL) in text
    told = content(page)
    assert told["skeleton"]["joints"][0] == told["scenes"][0]["title"] == told["note"] == EVIL
    assert told["scenes"][0]["scores"]["classes"] == [EVIL, "kick"]
    assert "{{data}}" in Page("{{data}}").to_html()  # a title is no place to fill in


def test_what_cannot_be_shown(tmp_path, monkeypatch):
    panel = Panel(CLIP, UIPRMD22)
    for make, message in (
        (lambda: Scene([]), "nothing to show"),
        (lambda: Scene([panel], fps=0), "frames per second"),
        (lambda: Scene([panel], scores=Scores(("a",), [(0, 3)], [])), "0 rows for 1 parts"),
        (lambda: Scene([panel], scores=Scores(("a",), [(0, 3)], [[0.5, 0.5]])), "1 classes"),
    ):
        with pytest.raises(DataError, match=message):
            make()
    other = Panel(torch.zeros(17, 2, 3), COCO17)
    with pytest.raises(DataError, match="one skeleton, found coco17, uiprmd22"):
        Page("x", [Scene([panel, other])]).save(tmp_path / "a.html")
    with pytest.raises(DataError, match=r"would be 2\.\d MB, at most 1 MB .* fewer frames"):
        Page("x", [Scene([panel])], most=1_000_000).save(tmp_path / "a.html")
    with pytest.raises(ConfigError, match=r"a\.htm: expected a name that ends in \.html"):
        Page("x", [Scene([panel])]).save(tmp_path / "a.htm")
    assert list(tmp_path.iterdir()) == []


def test_what_a_page_shows_of_itself():
    scene = Scene([Panel(CLIP, UIPRMD22)])
    assert repr(Page("x", [scene])).startswith("Page(title='x', scenes=[Scene(panels=[Panel(uip")
    assert json.loads(json.dumps(content(Page("x"))))["scenes"] == []
