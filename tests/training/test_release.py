from __future__ import annotations

import json
import re

import pytest
import torch
from safetensors.torch import load_file, save_file
from training_helpers import Task

from pyg_skeletonmae import __version__
from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.models import GraphSkeletonMAE, Preprocessing
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.training import (
    load_release,
    release,
    release_config,
    release_preprocessing,
    save_release,
)


def make_model(hidden: int = 4) -> GraphSkeletonMAE:
    return GraphSkeletonMAE(UIPRMD22, hidden_channels=hidden, depth=1)


@pytest.fixture
def folder(tmp_path):
    return save_release(make_model(), tmp_path / "release", {"classes": ["a", "b"]})


def test_round_trip(tmp_path):
    model = make_model()
    folder = save_release(model, tmp_path / "deep" / "release", {"classes": ["a", "b"]})
    files = ["README.md", "config.json", "manifest.json", "model.safetensors", "skeleton.yaml"]
    assert sorted(p.name for p in folder.iterdir()) == files
    assert len({p.stat().st_mode for p in folder.iterdir()}) == 1  # who may read one, may all
    assert Skeleton.from_yaml(folder / "skeleton.yaml") == UIPRMD22
    assert [p.name for p in folder.parent.iterdir()] == ["release"]
    again = load_release(folder)
    assert type(again) is GraphSkeletonMAE and not again.training
    assert again.config == model.config
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)
    config = release_config(folder)
    assert config["version"] == __version__ and config["extra"] == {"classes": ["a", "b"]}


def test_preprocessing_goes_with_the_model(tmp_path, folder):
    assert release_preprocessing(folder) is None and load_release(folder).preprocessing is None
    told = Preprocessing(frames=90, scale=None, unit="m")
    save_release(make_model(), folder, preprocessing=told)
    model = load_release(folder)
    assert model.preprocessing == release_preprocessing(folder) == told
    again = save_release(model, tmp_path / "again")
    assert (again / "preprocessing.yaml").read_text() == told.to_yaml()
    save_release(make_model(), again)
    assert not (again / "preprocessing.yaml").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"format: 3\n", "format: expected 2, found 3"),
        (b"format: 2\nfrmes: 9\n", "'frmes': no such key; did you mean frames?"),
        (b"\xff\xfe", "cannot be read: expected text in UTF-8"),
        (b"#" * 2**17, "cannot be read: larger than 64 KiB"),
    ],
)
def test_damaged_preprocessing(folder, content, message):
    (folder / "preprocessing.yaml").write_bytes(content)
    for read in (load_release, release_preprocessing):
        with pytest.raises(CheckpointError, match=rf"preprocessing.yaml: {re.escape(message)}"):
            read(folder)
    (folder / "preprocessing.yaml").unlink()
    (folder / "preprocessing.yaml").mkdir()
    with pytest.raises(CheckpointError, match=r"preprocessing.yaml: cannot be read"):
        load_release(folder)


def test_an_older_release_is_replaced_and_nothing_else(tmp_path, folder):
    save_release(make_model(8), folder)
    assert load_release(folder).config["init_args"]["hidden_channels"] == 8
    assert [p.name for p in tmp_path.iterdir()] == ["release"]
    (tmp_path / "mine").mkdir()
    with pytest.raises(CheckpointError, match="mine: exists and is no release folder"):
        save_release(make_model(), tmp_path / "mine")


def test_what_cannot_be_released(tmp_path):
    with pytest.raises(CheckpointError, match="Task has no config"):
        save_release(Task(), tmp_path / "release")
    with pytest.raises(CheckpointError, match="extra: not JSON"):
        save_release(make_model(), tmp_path / "release", {"skeleton": UIPRMD22})
    assert not list(tmp_path.iterdir())


def test_weights_that_do_not_fit_are_named(folder):
    path = folder / "model.safetensors"
    weights = load_file(path)
    name = next(name for name, tensor in weights.items() if tensor.ndim == 2)
    save_file({k: v for k, v in weights.items() if k != name}, path)
    with pytest.raises(CheckpointError, match=f"model.safetensors: .* needs the tensor '{name}'"):
        load_release(folder)
    save_file(weights | {"extra": torch.ones(1)}, path)
    with pytest.raises(CheckpointError, match="the tensor 'extra' does not belong"):
        load_release(folder)
    save_file(weights | {name: torch.ones(1, 1)}, path)
    with pytest.raises(CheckpointError, match=rf"{name}: .* found \[1, 1\]"):
        load_release(folder)


@pytest.mark.parametrize("content", [b"", b"\xff" * 8, b"\x10" + b"\0" * 7 + b"{"])
def test_damaged_weights(folder, content):
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"model.safetensors: no readable safetensors"):
        load_release(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model.safetensors: no readable safetensors"):
        load_release(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not the config of a release"),
        ('{"format": 7}', "not the config of a release"),
        ('{"format": 1, "extra": {}}', "model: expected an object, found None"),
        ('{"format": 1, "extra": 3, "model": {}}', "extra: expected an object, found 3"),
        (
            '{"format": 1, "extra": {}, "model": {"class_path": "os.system", "init_args": {}}}',
            "model: unknown class 'os.system'",
        ),
    ],
)
def test_damaged_config(folder, content, message):
    (folder / "config.json").write_text(content)
    with pytest.raises(CheckpointError, match=rf"config.json: {message}"):
        load_release(folder)


def test_config_with_arguments_the_model_refuses(folder):
    config = json.loads((folder / "config.json").read_text())
    config["model"]["init_args"]["hidden_channels"] = -1
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"config.json: model: "):
        load_release(folder)


@pytest.mark.parametrize("skeleton", [None, "coco17", 3])
def test_config_with_a_skeleton_that_is_none(folder, skeleton):
    config = json.loads((folder / "config.json").read_text())
    config["model"]["init_args"]["skeleton"] = skeleton
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"config.json: model: "):
        load_release(folder)


def test_a_full_disk_leaves_the_old_release_and_nothing_else(tmp_path, folder, monkeypatch):
    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(release, "save", full)
    with pytest.raises(OSError, match="No space"):
        save_release(make_model(8), folder)
    assert [path.name for path in tmp_path.iterdir()] == ["release"]
    assert load_release(folder)


def test_no_release(tmp_path):
    with pytest.raises(CheckpointError, match=r"config.json: no such file"):
        load_release(tmp_path)
