"""What lies where, and what is removed: stores and downloads, nothing else."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from cli_helpers import runner, the_error

from pyg_skeletonmae.datasets import SkeletonDataset, join_parts
from pyg_skeletonmae.io.uiprmd_files import all_paths


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    clips = [np.random.default_rng(0).normal(size=(1, 5, 17, 3)) for _ in range(2)]
    for name in ("a", "deep/b"):
        SkeletonDataset.from_arrays(clips, None, "coco17", root=tmp_path / "data" / name)
    for path in list(all_paths())[:2]:
        (tmp_path / "data/uiprmd/raw" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data/uiprmd/raw" / f"{path}.gz").write_text("x" * 1000)
    (tmp_path / "data/mine").mkdir()
    (tmp_path / "data/mine/card.json").write_text("{}")
    (tmp_path / "data/link").symlink_to(tmp_path / "data/a")
    return tmp_path / "data"


def test_stores_and_downloads_are_listed(folder, capsys):
    code, out, _ = runner(capsys)("cache")
    lines = out.splitlines()
    assert code == 0 and len(lines) == 4 and lines[-1].endswith("MB in all")
    assert [line.split()[2] for line in lines[:3]] == ["data/a", "data/deep/b", "data/uiprmd/raw"]
    about = f"pyg_skeletonmae clips 1: 2 clips, 'coco17', {date.today()}"
    assert lines[0].endswith(about) and lines[2].endswith("a download of 2 files")


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


def test_what_others_put_into_a_store_or_a_download_stays(folder, capsys):
    for place in ("a", "uiprmd/raw"):
        (folder / place / "thesis.txt").write_text("mine")
    code, out, _ = runner(capsys)("cache", "--all")
    assert code == 0 and out.count("removed; other files there stay") == 2
    left = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert left == {"a/thesis.txt", "uiprmd/raw/thesis.txt", "mine/card.json"}


def test_a_store_below_a_store_is_one_of_its_own(folder, capsys):
    clips = [np.random.default_rng(0).normal(size=(1, 5, 17, 3))]
    SkeletonDataset.from_arrays(clips, None, "coco17", root=folder / "a/processed/c")
    assert runner(capsys)("cache", "data", "--remove", "data/a")[0] == 0
    assert not (folder / "a/card.json").exists() and (folder / "a/processed/c/card.json").exists()


def test_links_are_not_followed(folder, tmp_path, capsys):
    movements = folder / "uiprmd/raw/Segmented Movements"
    movements.rename(tmp_path / "elsewhere")
    movements.symlink_to(tmp_path / "elsewhere")
    (folder / "a/pos.npy").rename(tmp_path / "pos.npy")
    (folder / "a/pos.npy").symlink_to(tmp_path / "pos.npy")
    (folder / "photos").mkdir()
    (folder / "photos/card.json").symlink_to(folder / "deep/b/card.json")
    code, out, _ = runner(capsys)("cache", "--all")
    assert code == 0 and "photos" not in out and "uiprmd" not in out
    assert (tmp_path / "pos.npy").is_file() and (folder / "photos/card.json").is_symlink()
    assert len([path for path in (tmp_path / "elsewhere").rglob("*") if path.is_file()]) == 2


def test_a_link_is_no_place_to_look(folder, capsys):
    line = the_error(runner(capsys)("cache", "data/link", "--all"))
    assert line == f"data/link: a link; name the folder itself, {folder / 'a'}"
    assert (folder / "a/card.json").exists()


def test_the_parts_of_a_store_are_its_own(folder, capsys):
    (folder / "s").mkdir()
    for name in ("a", "deep/b"):
        (folder / name).rename(folder / "s" / name.rpartition("/")[2])
    join_parts(folder / "s")
    outside = folder.parent / "outside"
    (folder / "s/b").rename(outside)
    (folder / "s/b").symlink_to(outside)
    code, out, _ = runner(capsys)("cache", "data", "--remove", "data/s")
    assert code == 0 and "data/s  pyg_skeletonmae clips 1 in parts: 4 clips" in out
    assert "data/s/a" not in out and [path.name for path in (folder / "s").iterdir()] == ["b"]
    assert sorted(path.name for path in outside.iterdir())[:2] == ["card.json", "index.npz"]
