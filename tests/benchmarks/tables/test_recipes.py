from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tables.command import clips_of
from tables.protocols import CONFIGS, METHODS, SMALL, Bench
from tables.recipes import finetuning, pretraining


def settings(folder: str, config: str, changes: tuple[str, ...]) -> dict[str, Any]:
    """The data section of a preset with some changes."""
    data: dict[str, Any] = yaml.safe_load((CONFIGS / folder / f"{config}.yaml").read_text())["data"]
    for change in changes:
        key, _, value = change.removeprefix("--data.").partition("=")
        if change.startswith("--data."):
            data[key] = yaml.safe_load(value)
    return data


@pytest.mark.parametrize("methods", [METHODS, SMALL], ids=["full size", "small"])
@pytest.mark.parametrize("name", METHODS)
def test_a_network_is_fine_tuned_on_clips_as_it_was_pre_trained_on(methods, name):
    """A transformer takes no other number of frames; other units mean other features.

    What a fine-tuning leaves out comes from the release of the pre-training.
    """
    own = methods[name]
    before = settings("pretrain", own.config, own.settings)
    after = settings("finetune", own.finetune, own.finetune_settings)
    keys = ("pipeline", "center", "scale", *(() if name == "graph_mae" else ("frames",)))
    for key in keys:
        assert after.get(key, before.get(key)) == before.get(key)
    assert "pipeline" not in after and ("frames" in after) == ("pipeline" not in before)


def test_pipelines_of_publications_are_for_their_data_sets():
    for dataset, split, expected in (
        ("ntu60", "xsub", None),
        ("pkummd1", "xsub", None),
        ("finegym", "official", "pyskl2d"),
        ("diving48", "official", "pyskl2d"),
        ("uiprmd", "odd/even", "ours"),
    ):
        clips = clips_of(dataset, split, None, Path("data"))
        for name in METHODS:
            for small in (True, False):
                command = Bench(clips, small).pretraining(name, 0).command
                said = [s for s in command if s.startswith("--data.pipeline=")]
                other = expected and not small and name != "graph_mae"
                assert said == ([f"--data.pipeline={expected}"] if other else [])
    clips = clips_of("ntu60", "xsub", Path("ntu60_hrnet.pkl"), Path("data"))
    assert clips.pipeline == "pyskl2d"


def test_publications_differ_from_data_set_to_data_set():
    assert pretraining("mamp", "ntu60-xsub") == ()
    found = pretraining("mamp", "ntu120-xset")
    assert [setting.rpartition(".")[2] for setting in found] == ["decoder_depth=5", "75"]
    assert finetuning("mamp", "ntu60-xsub") == ()
    assert "--trainer.optim.swa_start=100" in finetuning("skeleton2vec", "ntu60-xview")
    assert "--trainer.optim.swa_start=100" not in finetuning("skeleton2vec", "ntu60-xsub")


def test_full_size_runs_follow_them_and_small_ones_do_not():
    clips = clips_of("pkummd2", "xsub", None, Path("data"))
    for small, there in ((False, True), (True, False)):
        (probe, _) = Bench(clips, small).linear("skeleton2vec", 0)
        assert ("--tune.recipe=skeleton2vec" in probe.command) == there
        assert ("--data.batch_size=256" in probe.command) != there
        start = Bench(clips, small).pretraining("mamp", 0)
        assert any(s.endswith("decoder_depth=5") for s in start.command) == there
        tuned = Bench(clips, small).finetuning("skeleton2vec", 0)
        assert ("--trainer.optim.read_at=end" in tuned.command) == there


def test_the_graph_auto_encoder_is_fed_pixels_where_poses_are_flat():
    """And its fine-tuning has an encoder for each of two persons, as in the paper."""
    for dataset, split, flat in (("finegym", "official", True), ("ntu60", "xsub", False)):
        bench = Bench(clips_of(dataset, split, None, Path("data")))
        start, tuned = bench.pretraining("graph_mae", 0), bench.finetuning("graph_mae", 0)
        (probe, _) = bench.linear("graph_mae", 0)
        names = [
            [Path(s).stem for s in run.command if s.startswith("--config=")]
            for run in (start, tuned, probe)
        ]
        more = (["graph_mae_2d"], ["strl_2d"]) if flat else ([], [])
        assert names[0] == names[2] == ["graph_mae", *more[0]]
        assert names[1] == ["strl", "strl_two_encoders", *more[1]]
