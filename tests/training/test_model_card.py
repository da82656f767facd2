from __future__ import annotations

import json
import math

import pytest
import yaml
from inference_helpers import TOLD, classifier

from pyg_skeletonmae.errors import CheckpointError, ConfigError
from pyg_skeletonmae.layouts import COCO17
from pyg_skeletonmae.models import GraphSkeletonMAE
from pyg_skeletonmae.training import (
    ModelCard,
    TrainingData,
    load_release,
    release_classes,
    release_data,
    save_release,
)
from pyg_skeletonmae.training.model_card import commercial_use

DATA = TrainingData("UI-PRMD", 120, 130, 4800, 6, "ab" * 32, "PDDL-1.0", True)
FIGURES = {"test/top1": 0.8125, "selected_on": "last", "loss": math.nan}


def test_a_release_says_all_that_using_it_takes(tmp_path):
    card = ModelCard(("wave", "squat", "kick"), DATA, None, "odd/even subjects", FIGURES)
    folder = save_release(classifier(), tmp_path / "release", preprocessing=TOLD, card=card)
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md", "config.json", "labels.txt", "manifest.json", "metrics.json",
        "model.safetensors", "preprocessing.yaml", "skeleton.yaml",
    ]  # fmt: skip
    assert (folder / "labels.txt").read_text() == "wave\nsquat\nkick\n"
    figures = json.loads((folder / "metrics.json").read_text())
    assert figures["protocol"] == "odd/even subjects" and figures["commercial_use"] is True
    assert figures["metrics"] == {"test/top1": 0.8125, "selected_on": "last", "loss": None}
    assert release_data(folder) == DATA
    page = (folder / "README.md").read_text()
    for text in (
        "# Classifier on coco17", "120 clips", "6 performers", "ab" * 32, "PDDL-1.0",
        "it allows commercial use", "| test/top1 | 0.8125 |", "3 classes", "| frames | 16 |",
    ):  # fmt: skip
        assert text in page, text
    head = yaml.safe_load(page.split("---")[1])
    assert head["data_licence"] == "PDDL-1.0" and head["commercial_use"] == "allowed"


def test_the_terms_of_all_data_count(tmp_path):
    closed = TrainingData("NTU RGB+D 60", 9, licence="academic research only", commercial=False)
    card = ModelCard(data=DATA, pretraining=closed)
    assert card.commercial is False and ModelCard(data=DATA).commercial is True
    assert ModelCard().commercial is None
    assert ModelCard(data=DATA, pretraining=TrainingData("own clips", 3)).commercial is None
    model = GraphSkeletonMAE(COCO17, hidden_channels=8, depth=1)
    page = (save_release(model, tmp_path / "r", card=card) / "README.md").read_text()
    assert "it forbids commercial use" in page and "may bind this model" in page
    assert "It is no classifier" in page and not (tmp_path / "r/labels.txt").exists()


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("PDDL-1.0", True), ("cc-by-4.0", True), ("MIT", True), ("CC-BY-NC-SA-4.0", False),
        ("academic research only", False), ("for non-commercial use", False), ("ours", None),
        (None, None),
    ],
)  # fmt: skip
def test_what_licences_allow(licence, allowed):
    assert commercial_use(licence) is allowed


@pytest.mark.parametrize(
    "changes",
    [
        {"clips": -1}, {"name": ""}, {"name": "a\x1b[2J"}, {"licence": "a\nb"},
        {"name": "a" * 999}, {"content_hash": "/home/anna"}, {"clips": "3"},
    ],
)  # fmt: skip
def test_facts_that_cannot_be_are_refused(changes):
    with pytest.raises(ConfigError):
        TrainingData(**{"name": "own clips", "clips": 3, **changes})


def test_damaged_files_are_named(tmp_path):
    folder = save_release(classifier(), tmp_path / "r", card=ModelCard(("a", "b", "c"), DATA))
    (folder / "manifest.json").unlink()  # which would name them first
    for text in ("{", "[]", '{"data": 3}', '{"data": {"nme": 3}}', '{"data": {"name": "a"}}'):
        (folder / "metrics.json").write_text(text)
        with pytest.raises(CheckpointError, match=r"metrics\.json: data: damaged"):
            release_data(folder)
    for text, message in (
        (b"a\nb\n", "2 names for a model of 3 classes"),
        (b"a\nb\x1b[2J\nc\n", "line 2: .*printable"),
        (b"a\xff\n", "UTF-8"),
        (b"a" * 2**21, "larger than"),
    ):
        (folder / "labels.txt").write_bytes(text)
        with pytest.raises(CheckpointError, match=f"labels.txt.*{message}"):
            load_release(folder)
    (folder / "labels.txt").write_bytes("größe\r\nb\r\nc".encode("utf-8-sig"))
    assert release_classes(folder) == load_release(folder).class_names == ("größe", "b", "c")
    again = save_release(load_release(folder), tmp_path / "again")
    assert release_classes(again) == ("größe", "b", "c")


def test_names_of_several_lines_stay_on_one(tmp_path):
    card = ModelCard(("a\nb", "tab\t", ""))
    folder = save_release(classifier(), tmp_path / "r", card=card)
    assert release_classes(folder) == ("a\\nb", "tab\\t", "")
