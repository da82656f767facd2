"""What stands in the pages of clips, and a browser that drives them."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inference_helpers import poses, release

from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.visualize import Page

EVIL = "<script>alert(1)</script>"

READY = "body[data-ready=yes]"


def view_folder(folder: Path) -> None:
    """A store of six clips, a file of two persons and a classifier, to be viewed."""
    release(folder / "run/release")
    clips = [poses(1 + i % 2, 20 + i) for i in range(6)]
    SkeletonDataset.from_arrays(
        clips, [0, 1] * 3, "coco17", root=folder / "store", names=[EVIL, *"bcdef"],
        class_names=[EVIL, "y"],
    )  # fmt: skip
    np.save(folder / "one.npy", poses(2, 24))


def content(page: Page | Path) -> dict[str, Any]:
    """The data of a page."""
    text = page.read_text(encoding="utf-8") if isinstance(page, Path) else page.to_html()
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def parsed(panel: dict[str, Any], joints: int) -> tuple[Any, Any, Any]:
    """Places ``[T, M, V, 3]``, flags and weights ``[T, M, V]`` of a panel in a page."""
    shape = (panel["frames"], panel["persons"], joints)

    def bits(key: str, kind: str) -> Any:
        return np.frombuffer(base64.b64decode(panel[key]), kind)

    steps = bits("pos", "<i2").reshape(*shape, 3).astype(float)
    weight = None if panel["weight"] is None else bits("weight", "u1").reshape(shape)
    place = steps * panel["step"] + np.array(panel["origin"])
    return place, bits("flags", "u1").reshape(shape), weight


@contextmanager
def browser_page(path: Path) -> Iterator[Any]:
    """A page in a browser without a window; whatever it asks for or complains about is an error."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("there is no chromium here")
    flags = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    wrong: list[str] = []
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=flags)
        page = browser.new_page(viewport={"width": 1100, "height": 1000})
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.on("request", lambda request: wrong.extend(_foreign(request.url, path)))
        page.goto(path.as_uri())
        page.wait_for_selector(READY, timeout=60_000)
        yield page
        browser.close()
    assert wrong == []


def _foreign(url: str, path: Path) -> list[str]:
    return [] if url == path.as_uri() or url.startswith(("data:", "blob:")) else [url]
