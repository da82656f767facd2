from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml

import pyg_skeletonmae
from pyg_skeletonmae.commands import run_folders as runs
from pyg_skeletonmae.errors import CheckpointError, ConfigError, DataError

CONFIG = {"data": {"frames": 8, "rotate": [0.0, 15.0]}, "trainer": {"max_epochs": 3}, "out": "x"}


def test_start_writes_settings_and_facts(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["/somewhere/__main__.py", "pretrain", "--seed", "5"])
    runs.start(tmp_path / "a" / "run", CONFIG, seed=5)
    folder = tmp_path / "a" / "run"
    assert yaml.safe_load((folder / "config.yaml").read_text()) == CONFIG
    info = json.loads((folder / "run.json").read_text())
    assert info["command"] == ["skeletonmae", "pretrain", "--seed", "5"]
    assert info["seed"] == 5 and info["started"].endswith("+00:00")
    assert info["versions"] == runs.versions()
    assert {path.name for path in folder.iterdir()} == {"config.yaml", "run.json"}


def test_check_folder(tmp_path):
    folder = tmp_path / "run"
    runs.check_folder(folder, CONFIG, resume=False)
    with pytest.raises(ConfigError, match="holds no run to resume"):
        runs.check_folder(folder, CONFIG, resume=True)
    runs.start(folder, CONFIG, seed=0)
    with pytest.raises(ConfigError, match="exists already; give --resume"):
        runs.check_folder(folder, CONFIG, resume=False)
    runs.check_folder(folder, CONFIG, resume=True)
    (folder / "config.yaml").unlink()
    for how in (True, "auto"):
        with pytest.raises(CheckpointError, match=r"config.yaml: no such file, so the settings"):
            runs.check_folder(folder, CONFIG, resume=how)


def test_resuming_asks_for_the_same_settings_except_the_trainers(tmp_path):
    runs.start(tmp_path / "run", CONFIG, seed=0)
    longer = {**CONFIG, "trainer": {"max_epochs": 9}, "out": "elsewhere", "resume": True}
    runs.check_folder(tmp_path / "run", longer, resume=True)
    other = {**CONFIG, "data": {"frames": 16, "rotate": [0.0, 15.0]}}
    with pytest.raises(ConfigError, match=r"data\.frames = 16: the run was started with 8"):
        runs.check_folder(tmp_path / "run", other, resume=True)


@pytest.mark.parametrize("text", ["", "- 1", "data: [: broken", "\x00"])
def test_a_damaged_configuration_is_named(tmp_path, text):
    (tmp_path / "config.yaml").write_text(text)
    for read in (
        lambda: runs.check_folder(tmp_path, CONFIG, resume=True),
        lambda: runs.data_differences(tmp_path, {"frames": 9}, ["frames"]),
    ):
        with pytest.raises(CheckpointError, match=r"config\.yaml: (damaged|expected a mapping)"):
            read()


def test_data_differences(tmp_path):
    keys = ("frames", "rotate", "unknown")
    assert runs.data_differences(tmp_path, {"frames": 9}, keys) == []
    runs.start(tmp_path / "run", CONFIG, seed=0)
    found = runs.data_differences(tmp_path / "run", {"frames": 9, "rotate": [0.0, 15.0]}, keys)
    assert found == [f"data.frames is 9, was 8 in {tmp_path / 'run'}"]


def test_splits_are_compared_on_one_data_set(tmp_path):
    before = {"data": {"name": "ntu60", "protocol": "xview", "train_subjects": None}}
    runs.start(tmp_path / "run", before, seed=0)
    now = {**before["data"], "protocol": "xsub"}
    found = runs.split_differences(tmp_path / "run", now)
    assert found == [f"data.protocol is 'xsub', was 'xview' in {tmp_path / 'run'}"]
    assert runs.split_differences(tmp_path / "run", {**now, "name": "ntu120"}) == []


def test_a_run_that_could_not_begin_leaves_nothing(tmp_path):
    with pytest.raises(DataError), runs.started(tmp_path / "a", CONFIG, seed=0):
        raise DataError("no clip")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DataError), runs.started(tmp_path / "a", CONFIG, seed=0):
        (tmp_path / "a" / "last.ckpt").touch()
        raise DataError("stopped later")
    assert len(list((tmp_path / "a").iterdir())) == 3
    (tmp_path / "a" / "last.ckpt").unlink()
    with pytest.raises(DataError), runs.started(tmp_path / "a", CONFIG, seed=0):
        raise DataError("a run that was there before is no new one")
    assert (tmp_path / "a" / "config.yaml").is_file()


def test_write_json_is_whole_or_not_there(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        runs.write_json(tmp_path / "a.json", {"x": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_the_default_is_the_checkout_of_this_package():
    root = Path(pyg_skeletonmae.__file__).parents[1]
    git = ["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"]
    if not (root / ".git").exists():
        pytest.skip("this package is installed, or was taken without its history")
    head = subprocess.run(git, check=True, capture_output=True, text=True).stdout.strip()
    assert runs.commit() in (head, f"{head}-dirty")


def test_the_commit_of_a_checkout_and_whether_the_package_differs(tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    (package / "module.py").write_text("1\n")
    assert runs.commit(package) is None  # installed, not a checkout
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run([*git, "init", "-q"], check=True)
    assert runs.commit(package) is None  # nothing committed
    subprocess.run([*git, "add", "package"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "first"], check=True)
    first = runs.commit(package)
    assert first is not None and re.fullmatch("[0-9a-f]{12}", first)
    (tmp_path / "other.txt").write_text("not the package\n")
    assert runs.commit(package) == first
    (package / "module.py").write_text("2\n")
    assert runs.commit(package) == f"{first}-dirty"


def test_peak_memory_is_what_the_process_held():
    before = runs.peak_mib()
    held = np.ones(2**25)  # 256 MiB
    assert before > 50 and runs.peak_mib() >= min(before, 256) and held.sum() > 0
