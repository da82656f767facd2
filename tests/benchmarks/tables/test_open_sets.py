from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from tables.open_sets import OpenSet, Protocol
from tables.rows import Row
from tables.runner import collect, execute
from tables.variants import PRETRAINED

CLIPS = ("--data.name=synthetic", "--data.num_clips=24", "--data.num_classes=2")
SHORT = ("--trainer.max_steps=3", "--trainer.progress=false", "--keep_memory=false")
TOOK = {"seconds", "peak_mib"}


def open_set(*settings: str) -> OpenSet:
    draws = Protocol(
        "odd/even", lambda seed: ("--data.label_fraction=0.5", f"--data.label_draw={seed}"), True
    )
    return OpenSet("Synthetic", settings, {"full": Protocol("odd/even"), "some labels": draws})


def made(root: Path) -> tuple[list[Row], dict[str, torch.Tensor]]:
    data = open_set(*CLIPS)
    runs = list(data.runs("frozen", ["graph_mae squared"], ["full"], [0]))
    runs[0].command.extend(SHORT)
    assert execute(runs, root, jobs=0) == []
    rows = [{k: v for k, v in row.items() if k not in TOOK} for row in collect(runs, root)]
    return rows, load_file(root / runs[0].folder / "release/model.safetensors")


def test_the_same_commands_on_one_machine_give_the_same_rows_bit_for_bit(tmp_path):
    rows, weights = made(tmp_path / "once")
    again, others = made(tmp_path / "twice")
    assert rows == again and len(rows) == 24
    assert weights.keys() == others.keys()
    assert all(torch.equal(value, others[name]) for name, value in weights.items())


def test_networks_with_batch_norm_have_two_twins_of_random_weights():
    data = open_set()
    for method, twins in (("graph_mae", 2), ("st_mae_vit", 1), ("st_gcn_mae", 2), ("mamp", 0)):
        runs = list(data.runs("frozen", [method], ["full"], [0]))[1:]
        names = [run.row["method"].removeprefix(method) for run in runs]
        told = [" pre-trained", " random", " random, statistics of clips"]
        assert names == told[: 1 + twins], method
        assert len({run.folder for run in runs}) == min(2, len(runs))
        assert {run.pretrained for run in runs} == {f"{method}-0"}
        assert ["--statistics=both" in run.command for run in runs[1:]] == [twins == 2] * twins


def test_labels_are_drawn_by_the_seed_and_coordinates_measured_once_where_nothing_is_drawn():
    data = open_set(*CLIPS)
    (run, *_), drawn = (
        list(data.runs("frozen", ["coordinates"], [name], [4, 5])) for name in data.protocols
    )
    assert run.row["seed"] == "0" and len(drawn) == 6
    assert {r for run in drawn for r in run.command if "label_draw" in r} == {
        "--data.label_draw=4",
        "--data.label_draw=5",
    }
    assert all("--data.num_clips=24" in run.command for run in drawn)


def test_variants_of_one_network_share_its_random_weights_and_name_their_own_rows():
    method = "graph_mae random joints"
    runs = list(open_set().runs("frozen", [method], ["full"], [0]))
    assert [run.row.get("method") for run in runs] == [None, f"{method} pre-trained"]
    assert set(PRETRAINED[method].settings) <= set(runs[0].command)
    own = list(open_set().runs("frozen", ["st_gcn_mae token"], ["full"], [0]))
    assert len(own) == 4 and "--data.frames=32" in own[1].command
