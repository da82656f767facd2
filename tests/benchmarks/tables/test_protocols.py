from __future__ import annotations

from pathlib import Path

from tables.command import clips_of
from tables.protocols import CONFIGS, SMALL, Bench

CLIPS = clips_of("ntu60", "xsub", None, Path("data"))


def test_what_differs_has_its_own_folders_and_rows():
    """Else a small preset stands beside published values, or in the mean of a large one."""
    benches = [
        Bench(CLIPS),
        Bench(CLIPS, small=True),
        Bench(CLIPS, settings=("--data.balanced=true",)),
        Bench(CLIPS, select="val-best"),
        Bench(CLIPS, select="test-best"),
    ]
    runs = [bench.finetuning("mamp", 0) for bench in benches]
    assert len({run.folder for run in runs}) == len(runs)
    about = {(run.row["protocol"], *run.metrics.values()) for run in runs}
    assert len(about) == len(runs)
    assert ("finetune, small", "top1", "mean_class") in about
    assert ("finetune, balanced=true", "top1", "mean_class") in about
    assert ("finetune", "top1, val-best", "mean_class, val-best") in about


def test_selections_share_a_pre_training():
    last, best = (Bench(CLIPS, select=select) for select in ("last", "test-best"))
    assert last.pretraining("mamp", 0) == best.pretraining("mamp", 0)


def test_coordinates_have_one_seed_but_where_labels_are_drawn():
    bench = Bench(CLIPS)
    assert list(bench.coordinates(3, "knn")) == list(bench.coordinates(0, "knn"))
    drawn = ("--data.label_fraction=0.1", "--data.label_draw=3")
    assert {run.row["seed"] for run in bench.coordinates(3, "semi 10 %", drawn)} == {"3"}


def test_mamp_in_small_is_what_the_benchmark_runs():
    """The options that the comment gives are those of its row."""
    lines = (CONFIGS / "pretrain" / "st_mae_vit_small.yaml").read_text().splitlines()
    words = " ".join(line.lstrip("# ") for line in lines if line.startswith("#     --")).split()
    given = [f"{key}={value}" for key, value in zip(words[::2], words[1::2], strict=True)]
    assert given == list(SMALL["mamp"].settings)
