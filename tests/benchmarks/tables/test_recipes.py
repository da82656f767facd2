from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from tables.command import clips_of
from tables.protocols import CONFIGS, METHODS, SMALL, Bench
from tables.recipes import recipe


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
    assert recipe("pretrain", "mamp", "ntu60-xsub") == ()
    found = recipe("pretrain", "mamp", "ntu120-xset")
    assert [setting.rpartition(".")[2] for setting in found] == ["decoder_depth=5", "75"]
    assert recipe("finetune", "skeleton2vec", "ntu60-xsub") == ()


MODEL, OPTIM = "model.init_args", "trainer.optim"
S2V, MAMP = "Skeleton2vec, branch dev, 983164ab", "MAMP, 09e6252a"
TEACHER = f"{MODEL}.ema_steps"
VALUES: list[tuple[str, str, str, Any, str]] = [
    # file of ours, clips, key, value, source
    *(
        ("pretrain/skeleton2vec", clips, TEACHER, steps, S2V)
        for clips, steps in (
            ("ntu60-xsub", 251200), ("ntu60-xview", 236000), ("ntu120-xsub", 395200),
            ("ntu120-xset", 340800), ("pkummd1-xsub", 118400), ("pkummd2-xsub", 33600),
        )
    ),
    *(
        ("pretrain/skeleton2vec", clips, f"{MODEL}.mask.init_args.beta", beta, S2V)
        for clips, beta in (
            ("ntu60-xsub", 0.1), ("ntu60-xview", 0.1), ("ntu120-xsub", 0.2),
            ("ntu120-xset", 0.2), ("pkummd1-xsub", 0.1), ("pkummd2-xsub", 0.1),
        )
    ),
    *(
        ("pretrain/skeleton2vec", clips, f"{OPTIM}.min_lr", rate, S2V)
        for clips, rate in (("ntu60-xsub", 1e-5), ("ntu120-xset", 1e-5), ("pkummd1-xsub", 5e-4),
                            ("pkummd2-xsub", 1e-5))
    ),
    ("pretrain/skeleton2vec", "ntu60-xsub", f"{MODEL}.mask.init_args.ratio", 0.9, S2V),
    ("pretrain/skeleton2vec", "ntu60-xsub", f"{MODEL}.mask.init_args.tube", 5, S2V),
    ("pretrain/skeleton2vec", "ntu60-xsub", f"{MODEL}.ema_start", 0.9999, S2V),
    ("pretrain/skeleton2vec", "ntu60-xsub", f"{MODEL}.ema_end", 1.0, S2V),
    ("pretrain/skeleton2vec", "ntu60-xsub", f"{OPTIM}.lr", 1e-3, S2V),
    ("pretrain/skeleton2vec", "ntu60-xsub", f"{OPTIM}.betas", [0.9, 0.95], S2V),
    ("pretrain/skeleton2vec", "ntu60-xsub", f"{OPTIM}.weight_decay", 0.05, S2V),
    ("pretrain/skeleton2vec", "ntu60-xsub", f"{OPTIM}.warmup_epochs", 20, S2V),
    ("pretrain/skeleton2vec", "ntu60-xsub", "trainer.max_epochs", 800, S2V),
    ("pretrain/skeleton2vec", "ntu60-xsub", "trainer.clip_norm", 4.0, S2V),
    ("pretrain/skeleton2vec", "ntu60-xsub", "data.frames", 90, S2V),
    ("pretrain/skeleton2vec", "ntu60-xsub", "data.rotate", math.degrees(0.3), S2V),
    ("pretrain/skeleton2vec", "ntu60-xsub", "data.batch_size", 128, S2V),
    ("finetune/joints_mlp", "ntu60-xsub", "data.rotate", math.degrees(0.3), S2V),
    ("finetune/joints_mlp", "ntu60-xsub", "data.batch_size", 48, S2V),
    ("finetune/joints_mlp", "ntu60-xsub", f"{OPTIM}.lr", 3e-4, S2V),
    ("finetune/joints_mlp", "ntu60-xsub", f"{OPTIM}.min_lr", 1e-5, S2V),
    ("finetune/joints_mlp", "ntu60-xsub", f"{OPTIM}.warmup_epochs", 5, S2V),
    ("finetune/joints_mlp", "ntu60-xsub", f"{OPTIM}.layer_decay", 0.8, S2V),
    ("finetune/joints_mlp", "ntu60-xsub", f"{OPTIM}.weight_decay", 0.05, S2V),
    ("finetune/joints_mlp", "ntu60-xsub", "trainer.max_epochs", 100, S2V),
    ("finetune/joints_mlp", "ntu60-xsub", "drop_path", 0.3, S2V),
    ("finetune/joints_mlp", "ntu120-xsub", "data.batch_size", 64, S2V),
    ("finetune/joints_mlp", "ntu120-xsub", f"{OPTIM}.lr", 3e-4, S2V),
    ("finetune/joints_mlp", "ntu120-xset", f"{OPTIM}.lr", 1e-4, S2V),
    ("finetune/joints_mlp", "ntu120-xset", "data.batch_size", 48, S2V),
    *(
        ("pretrain/mamp", clips, f"{MODEL}.mask.init_args.tau", tau, MAMP)
        for clips, tau in (("ntu60-xsub", 0.8), ("ntu60-xview", 0.8), ("ntu120-xsub", 0.75),
                           ("ntu120-xset", 0.75), ("pkummd1-xsub", 0.8), ("pkummd2-xsub", 0.8))
    ),
    *(
        (file, clips, f"{MODEL}.backbone.init_args.decoder_depth", depth, MAMP)
        for file in ("pretrain/mamp", "pretrain/st_mae_vit")
        for clips, depth in (("ntu60-xsub", 3), ("ntu120-xsub", 5), ("pkummd1-xsub", 5),
                             ("pkummd2-xsub", 5))
    ),
    *(
        (file, "ntu60-xsub", key, value, MAMP)
        for file in ("pretrain/mamp", "pretrain/st_mae_vit")
        for key, value in (
            (f"{OPTIM}.lr", 1e-3), (f"{OPTIM}.min_lr", 5e-4), (f"{OPTIM}.warmup_epochs", 20),
            (f"{OPTIM}.betas", [0.9, 0.95]), (f"{OPTIM}.weight_decay", 0.05),
            ("trainer.max_epochs", 400), ("data.frames", 120), ("data.batch_size", 128),
            ("data.rotate", math.degrees(0.3)), (f"{MODEL}.mask.init_args.ratio", 0.9),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(("file", "clips", "key", "value", "source"), VALUES)
def test_values_of_publications(file: str, clips: str, key: str, value: Any, source: str) -> None:
    stage, _, name = file.partition("/")
    method = name if stage == "pretrain" else source.split(",")[0].lower()
    content: Any = yaml.safe_load((CONFIGS / f"{file}.yaml").read_text())
    changes = dict(setting[2:].split("=", 1) for setting in recipe(stage, method, clips))
    if key in changes:
        content = float(changes[key])
    else:
        for part in key.split("."):
            content = content[part]
    assert content == pytest.approx(value, rel=1e-12), source


def test_the_linear_probe_of_skeleton2vec_on_pku() -> None:
    """16 on each of 2 GPUs (branch dev, 983164ab)."""
    clips = clips_of("pkummd2", "xsub", None, Path("data"))
    (probe, _) = Bench(clips).linear("skeleton2vec", 0)
    sizes = [s for s in probe.command if s.startswith("--data.batch_size=")]
    assert sizes[-1] == "--data.batch_size=32" and "--tune.lr=0.01" in probe.command


def test_full_size_runs_follow_them_and_small_ones_do_not():
    clips = clips_of("pkummd2", "xsub", None, Path("data"))
    for small, there in ((False, True), (True, False)):
        (probe, _) = Bench(clips, small).linear("skeleton2vec", 0)
        assert ("--tune.lr=0.01" in probe.command) == there
        start = Bench(clips, small).pretraining("mamp", 0)
        assert any(s.endswith("decoder_depth=5") for s in start.command) == there
