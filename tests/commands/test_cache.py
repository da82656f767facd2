"""What lies where, and what is removed: stores and downloads, nothing else."""

from pathlib import Path

import numpy as np
import pytest
from cli_helpers import runner, the_error

from pyg_skeletonmae.datasets import SkeletonDataset


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    clips = [np.random.default_rng(0).normal(size=(1, 5, 17, 3)) for _ in range(2)]
    for name in ("a", "deep/b"):
        SkeletonDataset.from_arrays(clips, None, "coco17", root=tmp_path / "data" / name)
    (tmp_path / "data/uiprmd/raw").mkdir(parents=True)
    (tmp_path / "data/uiprmd/raw/m01.txt").write_text("x" * 1000)
    (tmp_path / "data/mine").mkdir()
    (tmp_path / "data/mine/card.json").write_text("{}")
    (tmp_path / "data/link").symlink_to(tmp_path / "data/a")
    return tmp_path / "data"


def test_stores_and_downloads_are_listed(folder, capsys):
    code, out, _ = runner(capsys)("cache")
    lines = out.splitlines()
    assert code == 0 and len(lines) == 4 and lines[-1].endswith("MB in all")
    assert [line.split()[2] for line in lines[:3]] == ["data/a", "data/deep/b", "data/uiprmd/raw"]
    assert "2 clips, coco17" in lines[0] and "0.0 MB" in lines[2] and "a download" in lines[2]


def test_what_is_named_is_removed(folder, capsys):
    assert runner(capsys)("cache", "data", "--remove", "data/deep/b/")[0] == 0
    assert not (folder / "deep/b").exists() and (folder / "a").exists()


def test_all_is_removed_but_nothing_of_others(folder, capsys):
    code, out, _ = runner(capsys)("cache", "--all")
    assert code == 0 and out.count("removed") == 3
    assert {path.name for path in folder.iterdir()} == {"deep", "uiprmd", "mine", "link"}


@pytest.mark.parametrize("path", ["data/mine", "data", "data/link", "..", "/"])
def test_nothing_else_is_removed(folder, capsys, path):
    assert "no store and no download of ours" in the_error(
        runner(capsys)("cache", "data", "--remove", path)
    )
    assert (folder / "mine/card.json").exists() and (folder / "a/card.json").exists()


def test_no_such_folder(folder, capsys):
    assert the_error(runner(capsys)("cache", "nowhere")) == "nowhere: no such folder"
