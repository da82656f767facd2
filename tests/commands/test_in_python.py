"""One line of Python for each command."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import pyg_skeletonmae
from pyg_skeletonmae.commands.configs import presets
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.training import read_metrics

SHORT = {"trainer.max_steps": 2, "data.batch_size": 4, "trainer.accelerator": "cpu"}


def clips(number: int = 12) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=(1, 20 + i, 17, 3)).astype(np.float32) for i in range(number)]


def test_unlabelled_arrays_become_features_and_labelled_ones_classes(tmp_path: Path) -> None:
    arrays = clips()
    run = pyg_skeletonmae.pretrain(
        arrays, tmp_path / "run", "st_mae_vit_small", skeleton="coco17", settings=SHORT
    )
    rows = pyg_skeletonmae.embed(run, arrays)
    assert rows.x.shape == (12, 64) and np.isfinite(rows.x).all()
    tuned = pyg_skeletonmae.finetune(
        arrays,
        tmp_path / "tuned",
        run,
        labels=["wave", "squat"] * 6,
        skeleton="coco17",
        settings=SHORT,
    )
    answers = pyg_skeletonmae.predict(tuned, arrays[:2])
    assert {answer.label for answer in answers} <= {"wave", "squat"}


def test_a_store_and_a_name_are_data_too(tmp_path: Path) -> None:
    SkeletonDataset.from_arrays(
        clips(), None, "coco17", root=tmp_path / "store", subjects=[1, 2] * 6
    )
    for data, method in (("synthetic", "graph_mae_small"), (tmp_path / "store", "graph_mae_small")):
        out = tmp_path / f"run-{Path(data).name}"
        assert pyg_skeletonmae.pretrain(data, out, method, settings=SHORT) == out
        assert (out / "release" / "model.safetensors").is_file()


def test_a_budget_says_how_many_clips_are_seen(tmp_path: Path, caplog) -> None:
    caplog.set_level("INFO", "pyg_skeletonmae")
    settings = {"data.batch_size": 4, "trainer.accelerator": "cpu"}
    begin = time.monotonic()
    run = pyg_skeletonmae.pretrain(
        clips(), tmp_path / "run", "graph_mae_small", skeleton="coco17", budget="6s",
        settings=settings,
    )  # fmt: skip
    took = time.monotonic() - begin
    (line,) = [text for text in caplog.messages if text.startswith("budget: ")]
    number = int(re.search(r"so (\d+) clips", line)[1])
    assert read_metrics(run)[-1]["clips_seen"] >= number > 48
    assert took < 60 and not [path for path in tmp_path.iterdir() if path.name == "12"]


@pytest.mark.parametrize("budget", ["", "10", "m", "-1m", "0s", "10 minutes", "nan"])
def test_a_budget_is_a_time(tmp_path: Path, budget: str) -> None:
    with pytest.raises(ConfigError, match="expected a time, 90s, 10m or 2h"):
        pyg_skeletonmae.pretrain("synthetic", tmp_path / "run", budget=budget)


def test_what_there_is_is_listed() -> None:
    methods = pyg_skeletonmae.list_methods()
    assert set(methods["pretrain"]) | set(methods["finetune"]) == set(presets())
    assert "coco17" in pyg_skeletonmae.list_layouts()
    assert {"ntu60", "synthetic"} <= set(pyg_skeletonmae.list_datasets())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"data": "nowhere"}, "nowhere: no such file or folder, and no data set"),
        ({"data": clips(2)}, "arrays do not say their joints"),
        ({"data": "synthetic", "method": "graph_mae_smal"}, "did you mean graph_mae_small"),
        ({"data": "synthetic", "method": "strl"}, "strl: a preset of finetune, not of pretrain"),
        ({"data": "synthetic", "settings": {"trainer.max_epoch": 1}}, "max_epoch"),
    ],
)
def test_bad_arguments_leave_nothing(tmp_path: Path, arguments: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        pyg_skeletonmae.pretrain(out=tmp_path / "run", **arguments)
    assert not any(tmp_path.iterdir())


def test_importing_the_package_stays_fast() -> None:
    code = "import sys, pyg_skeletonmae; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
