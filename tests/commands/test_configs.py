"""Presets by name, from wherever the command is called."""

from pathlib import Path

import pytest
import yaml
from cli_helpers import runner, the_error

from pyg_skeletonmae.commands.configs import CONFIGS, about, preset, presets
from pyg_skeletonmae.errors import ConfigError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return runner(capsys)


def test_all_are_listed_with_a_line_each(run):
    code, out, err = run("configs")
    rows = [line.split(maxsplit=2) for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert [row[1] for row in rows] == sorted(path.stem for path in CONFIGS.rglob("*.yaml"))
    assert all((CONFIGS / kind / f"{name}.yaml").is_file() for kind, name, _ in rows)
    assert all(10 < len(about(path)) <= 100 for path in presets().values())
    assert about(preset("strl")) == "STRL on UI-PRMD, fine-tuned from graph_mae.yaml"


def test_one_is_printed_as_it_is(run):
    path = CONFIGS / "finetune" / "strl.yaml"
    assert run("configs", "strl")[1] == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", ["mamp", "mamp.yaml", "pretrain/mamp", "configs/pretrain/mamp.yaml", "./mamp"]
)
def test_a_name_and_the_path_in_the_sources_mean_the_same_anywhere(run, name):
    assert preset(name) == CONFIGS / "pretrain" / "mamp.yaml"
    code, out, err = run("pretrain", f"--config={name}", "--print_config")
    assert code == 0, err
    assert yaml.safe_load(out)["out"] == "runs/mamp"


def test_a_file_of_that_path_wins(run, tmp_path):
    (tmp_path / "mamp").write_text("out: runs/mine\n")
    out = run("pretrain", "--config", "mamp", "--print_config")[1]
    assert yaml.safe_load(out)["out"] == "runs/mine"


def test_settings_may_still_stand_on_the_command_line(run):
    out = run("pretrain", "--config", "{seed: 3}", "--print_config")[1]
    assert yaml.safe_load(out)["seed"] == 3


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("graph_mae_smal", "did you mean graph_mae_small"),
        ("configs/finetune/mamp.yaml", "did you mean mamp"),
        ("elsewhere/strl.yaml", "did you mean strl"),
        ("nothing_like_it", "skeletonmae configs lists the presets"),
        ("..", "skeletonmae configs lists the presets"),
        (".yaml", "skeletonmae configs lists the presets"),
    ],
)
def test_an_unknown_name_is_answered_with_the_near_ones(run, name, hint):
    with pytest.raises(ConfigError) as error:
        preset(name)
    assert str(error.value).startswith(f"{name}: no such file and no preset; {hint}")
    if name != "..":  # which is a folder
        for command in ("pretrain", "finetune", "evaluate"):
            assert the_error(run(command, "--config", name)) == str(error.value)
    assert the_error(run("configs", name)) == str(error.value)


def test_the_folder_at_the_top_of_the_sources_is_the_same():
    linked = {str(path.relative_to(ROOT / "configs")) for path in ROOT.glob("configs/*/*.yaml")}
    assert linked == {str(path.relative_to(CONFIGS)) for path in CONFIGS.rglob("*.yaml")}
