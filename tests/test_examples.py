"""Every script in ``examples/`` runs, on few clips, and says what it is there to say."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
SAID = {  # the last line that is printed
    "dataloader": r"Epoch: 01, Loss: \d\.\d{4}, Test: [01]\.\d{4}",
    "gat_on_frames": r"Epoch: 01, Loss: \d\.\d{4}, Test: [01]\.\d{4}",
    "lightning_trainer": r"Loss: 0\.\d{4}",
    "pretrain_own_loop": r"Epoch: 01, Loss: \d\.\d{4}, 1-NN: [01]\.\d{4}",
    "sequential": r"Epoch: 01, Loss: \d\.\d{4}, Test: [01]\.\d{4}",
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore:.*treespec, LeafSpec.*:FutureWarning")
def test_an_example_runs(
    path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if "lightning" in path.stem:
        pytest.importorskip("lightning", reason="takes lightning, of the extra dev")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(path), "--clips", "40", "--epochs", "1"])
    runpy.run_path(str(path), run_name="__main__")
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.fullmatch(SAID[path.stem], last), last
    assert [*tmp_path.iterdir()] == [], "it leaves files behind"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_says_how_to_start_it_and_stands_in_the_docs(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert f"`python examples/{path.name} --" in text.split('"""')[1]
    assert len(text.splitlines()) < 100
    page = (path.parents[1] / "docs" / "pyg.md").read_text(encoding="utf-8")
    assert f"`examples/{path.name}`" in page
