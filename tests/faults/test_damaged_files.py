"""Checkpoints, releases and stores of which a bit flipped, or the end is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from flip_helpers import outcomes
from training_helpers import Task, make_loader

from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.models import Classifier, GraphEncoder, Preprocessing
from pyg_skeletonmae.training import (
    ModelCard,
    Trainer,
    TrainingData,
    load_checkpoint,
    load_release,
    release_classes,
    release_config,
    release_data,
    release_preprocessing,
    save_release,
)


def plain(content: object) -> object:
    """The same without tensors, to be compared."""
    if isinstance(content, torch.Tensor):
        return [str(content.dtype), content.shape, content.flatten().view(torch.uint8).tolist()]
    if isinstance(content, dict):
        return [[key, plain(value)] for key, value in content.items()]
    return [plain(x) for x in content] if isinstance(content, list | tuple) else content


def make_release(folder: Path) -> Path:
    torch.manual_seed(0)
    model = Classifier(GraphEncoder(UIPRMD22, hidden_channels=4, depth=1), num_classes=2)
    card = ModelCard(("left", "right"), TrainingData("own clips", 4), metrics={"top1": 0.5})
    return save_release(model, folder, preprocessing=Preprocessing(frames=8), card=card)


def read_release(folder: Path) -> object:
    return [
        plain(load_release(folder).state_dict()),
        release_config(folder),
        release_preprocessing(folder),
        release_classes(folder),
        release_data(folder),
    ]


def test_flipped_bits_of_releases(tmp_path):
    folder = make_release(tmp_path / "release")
    found = outcomes(sorted(folder.iterdir()), 400, lambda: read_release(folder))
    assert found["other content"] == 0 and found["noticed"] > 200


def test_truncated_and_missing_files_of_releases(tmp_path):
    folder = make_release(tmp_path / "release")
    whole = {path: path.read_bytes() for path in folder.iterdir()}
    for path, content in whole.items():
        for length in (0, len(content) // 2, len(content) - 2):
            path.write_bytes(content[:length])
            if path.name in ("README.md", "skeleton.yaml"):  # which are for people
                assert read_release(folder)
            else:
                with pytest.raises(CheckpointError, match=path.name):
                    read_release(folder)
        path.unlink()
        if path.name in ("README.md", "skeleton.yaml", "manifest.json"):
            assert read_release(folder)
        else:
            with pytest.raises(CheckpointError, match=path.name):
                read_release(folder)
        path.write_bytes(content)
    (folder / "manifest.json").unlink()  # as versions before wrote them
    (folder / "labels.txt").write_text("links\nrechts\n")
    assert load_release(folder).class_names == ("links", "rechts")


@pytest.mark.parametrize("count", [150, pytest.param(2000, marks=pytest.mark.slow)])
def test_flipped_bits_of_checkpoints(tmp_path, count):
    Trainer(max_steps=2).fit(Task(), make_loader(), run_dir=tmp_path)
    path = tmp_path / "last.ckpt"
    found = outcomes([path], count, lambda: plain(load_checkpoint(path)))
    assert found["other content"] == 0 and found["noticed"] > count / 2


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 0.99, 0.999])
def test_truncated_checkpoints(tmp_path, share):
    Trainer(max_steps=2).fit(Task(), make_loader(), run_dir=tmp_path)
    path = tmp_path / "last.ckpt"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match=r"last\.ckpt: "):
        load_checkpoint(path)
    done = Trainer(max_steps=2).fit(Task(), make_loader(), run_dir=tmp_path, resume=True)
    assert done["finished"]
