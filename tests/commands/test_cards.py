from __future__ import annotations

import json

import numpy as np
import pytest
from cli_helpers import FAST, TINY, runner
from inference_helpers import poses

from pyg_skeletonmae.commands.cards import model_card, training_data
from pyg_skeletonmae.commands.data_clips import open_dataset, split
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.inference import Recognizer
from pyg_skeletonmae.training import release_data


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    return runner(capsys)


def made_up(**settings):
    return DataConfig(name="synthetic", num_clips=24, num_classes=3, **settings)


def test_data_are_told_by_counts_and_a_hash(tmp_path):
    data = made_up(cache=str(tmp_path))
    dataset = open_dataset(data)
    told = training_data(data, dataset[:10])
    assert (told.name, told.clips, told.licence, told.commercial) == (
        "SyntheticActions", 10, "MIT", True,
    )  # fmt: skip
    store = dataset.store
    assert told.tracks == int(store.num_tracks[:10].sum()) >= 10
    assert told.frames == int((store.length * store.num_tracks)[:10].sum())
    assert told.content_hash == store.content_hash and 1 <= told.subjects <= 10
    own = training_data(made_up(cache=str(tmp_path), licence="CC-BY-NC-4.0"), dataset)
    assert own.licence == "CC-BY-NC-4.0" and own.commercial is False


def test_the_protocol_is_told_without_names(tmp_path):
    cache = str(tmp_path)
    for settings, text in (
        ({}, "odd performers trained on; "),
        ({"train_subjects": [1, 2]}, "divided by performer; "),
        ({"split_by": "label", "train_values": ["wave"]}, "divided by a column of the clips; "),
    ):
        data = made_up(cache=cache, **settings)
        splits = split(open_dataset(data), data)
        card = model_card(data, splits, {"top1": 0.5, "notes": ["runs/anna"]}, "finetune")
        assert card.protocol.startswith(f"finetune; {text}")
        assert card.metrics == {"top1": 0.5} and len(card.class_names) == 3
        assert "wave" not in card.protocol


def test_no_name_of_a_person_file_or_folder_gets_into_a_release(run, tmp_path):
    """Pre-trained, fine-tuned and evaluated on folders, files and performers of a person's name."""
    root = tmp_path / "anna_schmidt"
    rows = ["file,label,subject"]
    for person in ("Anna Schmidt", "Bo"):
        (root / person).mkdir(parents=True)
        for number, label in enumerate(("wave", "squat") * 3):
            np.save(root / person / f"anna_{number}.npy", poses(1, 20 + number))
            rows.append(f"{person}/anna_{number}.npy,{label},{person}")
    (root / "labels.csv").write_text("\n".join(rows) + "\n")
    data = ["--data.name=poses", f"--data.path={root}", "--data.format=arrays",
            "--data.skeleton=coco17", *FAST]  # fmt: skip
    code, _, err = run("pretrain", "--out=anna/pretrain", *TINY, *data)
    assert code == 0, err
    model = ["--model.hidden_channels=8", "--model.depth=1", "--model.num_layers=1"]
    code, _, err = run("finetune", "--out=anna/tuned", "--pretrained=anna/pretrain", *model, *data)
    assert code == 0, err
    code, _, err = run(
        "evaluate", "--out=anna/probed", "--pretrained=anna/pretrain", "--protocol=linear-sgd",
        "--tune.epochs=1", *data[:-3], "--data.frames=8", "--data.batch_size=4",
    )  # fmt: skip
    assert code == 0, err
    for name in ("pretrain", "tuned", "probed"):
        folder = tmp_path / "anna" / name / "release"
        files = {path.name for path in folder.iterdir()}
        assert {"README.md", "metrics.json", "preprocessing.yaml", "skeleton.yaml"} <= files
        for path in folder.iterdir():
            content = path.read_bytes().lower()
            assert b"anna" not in content and b"schmidt" not in content, path
            assert str(tmp_path).encode() not in content, path
        told = release_data(folder)
        assert told.name == "own clips" and told.clips == 6 and told.subjects == 1
        figures = json.loads((folder / "metrics.json").read_text())
        assert figures["protocol"].endswith(
            "odd performers trained on; 6 training and 6 test clips"
        )
        assert (figures["pretraining"] is None) == (name == "pretrain")
    assert "test/top1" in figures["metrics"]
    assert (tmp_path / "anna/tuned/release/labels.txt").read_text() == "squat\nwave\n"
    recognizer = Recognizer.from_pretrained(tmp_path / "anna/tuned")
    assert recognizer.class_names == ("squat", "wave")
    (found,) = recognizer.predict(root / "Bo/anna_0.npy")
    assert found.label in ("squat", "wave")
