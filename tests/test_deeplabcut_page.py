"""The page from DeepLabCut to clusters, followed to the letter with two made-up videos."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

PAGE = (Path(__file__).parents[1] / "docs/deeplabcut.md").read_text(encoding="utf-8")
CODE = "\n".join(re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
(SKELETON,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PARTS = re.findall(r"joints: \[(.*)\]", SKELETON)[0].split(", ")


def write_video(path: Path, seed: int, frames: int = 240) -> None:
    """A mouse that sits, then runs, then turns, each for a third of the time."""
    rng = np.random.default_rng(seed)
    body = rng.normal(size=(len(PARTS), 2)) * 20 + 300
    time, kind = np.arange(frames), np.arange(frames) * 3 // frames
    pos = body + rng.normal(size=(frames, len(PARTS), 2))
    pos[..., 0] += np.where(kind == 1, 15 * np.sin(time), 0)[:, None] * np.linspace(
        0, 1, len(PARTS)
    )
    pos[..., 1] += np.where(kind == 2, 15 * np.cos(time / 2), 0)[:, None]
    score = np.where(rng.random((frames, len(PARTS))) < 0.05, 0.1, 0.95)
    values = np.concatenate([pos, score[..., None]], -1).reshape(frames, -1)
    heads = [
        ["scorer", *["net"] * 3 * len(PARTS)],
        ["bodyparts", *[part for part in PARTS for _ in range(3)]],
        ["coords", *["x", "y", "likelihood"] * len(PARTS)],
    ]
    rows = [[str(i), *(f"{value:.3f}" for value in row)] for i, row in enumerate(values)]
    path.write_text("\n".join(",".join(row) for row in [*heads, *rows]) + "\n")


def test_the_page_runs_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib").use("agg")
    (tmp_path / "videos").mkdir()
    for seed, name in enumerate(("day1", "day2")):
        write_video(tmp_path / "videos" / f"{name}.csv", seed)
    (tmp_path / "mouse.yaml").write_text(SKELETON)
    monkeypatch.chdir(tmp_path)
    assert PAGE.count("max_epochs=20") == 1  # all that is made smaller here
    page: dict[str, object] = {"__name__": "page"}
    exec(compile(CODE.replace("max_epochs=20", "max_epochs=2"), "docs/deeplabcut.md", "exec"), page)
    lines = re.findall(r"^([012]) (day\d) from frame \d+$", capsys.readouterr().out, re.MULTILINE)
    assert len(lines) == 16 and {cluster for cluster, _ in lines} == {"0", "1", "2"}
    assert all((tmp_path / f"cluster_{i}.png").stat().st_size > 3000 for i in range(3))
