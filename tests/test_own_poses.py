"""The page about one's own poses, followed to the letter in a folder of MediaPipe files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pose_helpers import write_recordings

PAGE = (Path(__file__).parents[1] / "docs/own_poses.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_page_runs_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib").use("agg")
    write_recordings(tmp_path / "poses", subjects=4, each=2)
    monkeypatch.chdir(tmp_path)
    assert PAGE.count("max_epochs=20") == 1  # all that is made smaller here
    code = "\n".join(BLOCKS).replace("max_epochs=20", "max_epochs=2")
    found: dict[str, object] = {"__name__": "page"}
    exec(compile(code, "docs/own_poses.md", "exec"), found)
    said = capsys.readouterr().out
    assert "16 of 2 classes (8 each), 4 subjects" in said and "torch.Size([16, " in said
    scores = [float(score) for score in re.findall(r"nearest neighbour, .*: +([\d.]+)", said)]
    assert len(scores) == 2 and all(0.5 <= score <= 1 for score in scores)
    assert (tmp_path / "clip.png").stat().st_size > 5000
    assert (tmp_path / "map.png").stat().st_size > 5000
