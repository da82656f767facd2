from __future__ import annotations

from pathlib import Path

from tables import uiprmd_runs


def test_every_folder_is_one_run_and_follows_its_pre_training():
    """Two runs in one folder would be one row; a pre-training that is not listed would be none."""
    seen: dict[str, object] = {}
    for gpu in (False, True):
        for run, why in uiprmd_runs.grid([0, 1, 2], gpu):
            assert seen.setdefault(run.folder, (run.command, run.pretrained)) == (
                run.command,
                run.pretrained,
            )
            assert why and (run.pretrained is None or run.pretrained in seen)


def test_the_grid_is_what_was_promised():
    rows = uiprmd_runs.planned([0, 1, 2])
    about = [(r["protocol"], r["method"], r["metric"], r["seed"]) for r in rows]
    assert len(set(about)) == len(about)
    assert {r["protocol"] for r in rows} == {"full", "label-poor", "yaw", "semi 5 %", "semi 10 %"}
    for method in ("st_mae_vit coordinates", "st_mae_vit", "mamp", "skeleton2vec", "graph_mae"):
        metrics = {r["metric"] for r in rows if r["method"] == f"{method} pre-trained"}
        assert {"knn, per joint", "linear, pooled"} <= metrics
    trained = {r["method"] for r in rows if r["metric"] == "top1" and r["protocol"] == "semi 5 %"}
    assert {
        "STRL pre-trained",
        "STRL from scratch",
        "ST-GCN from scratch",
        "mamp pre-trained",
        "st_mae_vit random",
    } <= trained
    assert {"knn, per joint", "ridge, per joint"} <= {
        r["metric"] for r in rows if r["method"] == "coordinates"
    }
    assert any(r["why"] == "needs a GPU" for r in rows)


def test_a_part_of_the_grid_has_the_same_folders() -> None:
    whole = {run.folder for run, _ in uiprmd_runs.grid([0, 1, 2], gpu=False)}
    part = [run.folder for run in uiprmd_runs.UIPRMD.runs("frozen", ["graph_mae"], ["full"], [0])]
    assert part and set(part) <= whole


def test_no_classifier_of_all_seeds_without_their_runs(tmp_path: Path) -> None:
    assert uiprmd_runs.together([0, 1], "full", tmp_path) is None
    assert list(tmp_path.iterdir()) == []
