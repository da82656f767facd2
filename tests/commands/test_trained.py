"""Protocols with classifiers: which they take, and which results they take up again."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml
from job_helpers import make_job, tiny_encoder

from pyg_skeletonmae.commands.data_clips import open_dataset, split
from pyg_skeletonmae.commands.options import EnsembleConfig, Options, SemiConfig, TuneConfig
from pyg_skeletonmae.commands.trained import _as_in_its_run, semi, together
from pyg_skeletonmae.errors import CheckpointError, ConfigError, DataError
from pyg_skeletonmae.evaluation import linear_probe
from pyg_skeletonmae.models import Classifier
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.training import save_release

OTHER = Skeleton.from_parents("other", ["a", "b", "c"], [-1, 0, 1])  # as many joints
TUNE = TuneConfig(epochs=1)


def ensembled(job, *runs):
    return together(job, Options(ensemble=EnsembleConfig(list(runs))))


@pytest.fixture
def job(tmp_path):
    return make_job(tmp_path)


@pytest.fixture
def classifier(tmp_path, job):
    """Writes the run folder of a classifier, with a configuration, and returns its name."""

    def classifier(name, skeleton=None, channels=3, classes=2, config="data: {frames: 4}"):
        encoder = tiny_encoder(skeleton or job.splits.test.skeleton, channels)
        save_release(Classifier(encoder, classes, "linear"), tmp_path / name / "release")
        (tmp_path / name / "config.yaml").write_text(config)
        return str(tmp_path / name)

    return classifier


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"skeleton": OTHER}, "bad: pre-trained on other with 3 channels, the clips are"),
        ({"channels": 2}, "bad: pre-trained on .* with 2 channels"),
        ({"classes": 5}, "bad: a classifier of 5 classes, the clips have 2"),
        ({"config": "data: [: broken"}, "config.yaml: damaged"),
        ({"config": "- 1"}, "config.yaml: expected a mapping, found list"),
        ({"config": "data: [1]"}, "config.yaml: data: expected a mapping, found list"),
    ],
    ids=str,
)
def test_an_ensemble_of_what_does_not_fit(job, classifier, wrong, said):
    """Other joints of the same number would be scored all the same, and mean nothing."""
    with pytest.raises(CheckpointError, match=said):
        ensembled(job, classifier("good"), classifier("bad", **wrong))


def test_an_ensemble_of_encoders(job, classifier, tmp_path):
    save_release(job.encoder, tmp_path / "encoder" / "release")
    with pytest.raises(CheckpointError, match="encoder: expected a classifier, found GraphEncoder"):
        ensembled(job, str(tmp_path / "encoder"), classifier("good"))


def test_an_ensemble_of_another_split(job, classifier):
    """Its test clips may be the ones that the classifier was trained on."""
    other = classifier("other", config="data: {name: npz, train_subjects: [2, 4]}")
    with pytest.raises(ConfigError, match=r"other: trained on another split: data\.train_subjects"):
        ensembled(job, other, classifier("good"))


@pytest.mark.parametrize(
    "said",
    [
        "train_subjects: [1, 3]",
        "train_subjects: [3, 1], test_subjects: [4, 2]",
        "train_subjects: null, test_subjects: null",
    ],
)
def test_an_ensemble_of_the_same_split_in_other_words(job, classifier, said):
    run = classifier("run", config=f"data: {{name: npz, frames: 4, {said}}}")
    assert 0 <= ensembled(job, run, classifier("other"))["top1"] <= 1
    job.data = replace(job.data, train_subjects=[1, 3], test_subjects=[2, 4])
    job.splits = split(open_dataset(job.data), job.data)
    assert 0 <= ensembled(job, run, classifier("more"))["top1"] <= 1


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("train_subjects: [1]", r"another split: data\.train_subjects is None, was \[1\]"),
        ("train_subjects: [1, 9]", r"another split: data\.train_subjects"),
        ("test_subjects: [2]", r"another split: data\.test_subjects"),
        ("train_subjects: [a]", r"config.yaml: DataConfig: train_subjects: expected a list"),
        ("train_subjects: {a: 1}", r"config.yaml: DataConfig: train_subjects: expected a list"),
        ("frames: many", r"config.yaml: .*frames: expected a whole number, found 'many'"),
        ("stream: [bone]", r"config.yaml: .*stream: expected one of joint"),
    ],
)
def test_an_ensemble_of_other_or_damaged_settings(job, classifier, config, said):
    run = classifier("run", config=f"data: {{name: npz, {config}}}")
    with pytest.raises((ConfigError, CheckpointError), match=said):
        ensembled(job, run, run)


def test_clips_are_prepared_as_in_the_run_and_read_as_now(job, tmp_path):
    own = {
        "frames": 9,
        "center": None,
        "scale": None,
        "stream": "bone",
        "batch_size": 1,
        "path": "x",
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"data": own}))
    found = _as_in_its_run(tmp_path, job.data)
    assert (found.frames, found.center, found.scale, found.stream) == (9, None, None, "bone")
    assert (found.batch_size, found.path) == (job.data.batch_size, job.data.path)
    (tmp_path / "config.yaml").write_text("data:\n")
    assert _as_in_its_run(tmp_path, job.data) == job.data
    with pytest.raises(ConfigError, match="no run folder; its config"):
        _as_in_its_run(tmp_path / "nowhere", job.data)


def test_finished_draws_are_not_trained_again(job, tmp_path):
    """There is no encoder here to train on."""
    job.encoder, job.folder, job.select = None, tmp_path / "semi", "test-best"
    options = SemiConfig([0.5], draws=2)
    with pytest.raises(ConfigError, match="protocol: this one trains on an encoder"):
        semi(job, Options(tune=TUNE, semi=options))
    for draw, top1 in enumerate((0.25, 0.75)):
        folder = job.folder / f"0.5-draw{draw}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "results.json").write_text(json.dumps({"top1": top1, "loss": None}))
    found = semi(job, Options(tune=TUNE, semi=options))
    assert (found["top1_0.5"], found["top1_0.5_draw1"]) == (0.5, 0.75)
    assert (found["by"], found["balanced"], found["selected_on"]) == ("finetune", False, "test")


def test_a_draw_without_its_measure_is_named(job, tmp_path):
    job.folder = tmp_path / "semi"
    (job.folder / "1-draw0").mkdir(parents=True)
    (job.folder / "1-draw0" / "results.json").write_text('{"loss": 1.0}')
    with pytest.raises(DataError, match="1-draw0: expected top1, found"):
        semi(job, Options(tune=TUNE, semi=SemiConfig([1.0], draws=1)))


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_damaged_draw_is_named(job, tmp_path, text):
    job.folder = tmp_path / "semi"
    (job.folder / "1-draw0").mkdir(parents=True)
    (job.folder / "1-draw0" / "results.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"1-draw0/results\.json: (damaged|expected)"):
        semi(job, Options(tune=TUNE, semi=SemiConfig([1.0], draws=1)))


def test_a_linear_probe_of_all_labels_is_the_linear_protocol(job, tmp_path):
    job.l2 = 0.1
    found = semi(job, Options(tune=TUNE, semi=SemiConfig([1.0], draws=2, by="linear")))
    alone = linear_probe(*job.both(), (0.1,), job.seed)["top1"]
    assert found["top1_1_draw0"] == found["top1_1_draw1"] == alone and found["clips_1"] == 8
    assert {path.name for path in tmp_path.iterdir()} == {"sticks.npz", "cache"}  # no run folder
