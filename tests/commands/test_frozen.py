"""Protocols on frozen features: which features and which clips they ask for."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from job_helpers import make_job
from page_helpers import content

from pyg_skeletonmae.commands.frozen import _actions, detect, episodes
from pyg_skeletonmae.commands.options import FewShotConfig, Options
from pyg_skeletonmae.commands.protocols import PROTOCOLS
from pyg_skeletonmae.datasets.sets.pkummd import Action
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.evaluation import centroid
from pyg_skeletonmae.evaluation.detection import Segment
from pyg_skeletonmae.io.pku import NUM_CLASSES


def test_all_is_each_protocol_on_each_kind_of_features(tmp_path):
    together, notes = PROTOCOLS["all"].run(make_job(tmp_path, joints="mean"), Options(k=1)), []
    for kind, joints in (("pooled", "mean"), ("per_joint", "concat")):
        job = make_job(tmp_path, joints=joints)
        for protocol in ("knn", "linear"):
            alone = PROTOCOLS[protocol].run(job, Options())
            assert together.pop(f"{protocol}_{kind}") == alone["top1"]
            notes += [f"{protocol}_{kind}: {note}" for note in alone.get("notes", [])]
    assert sorted(together.pop("notes")) == sorted(notes) and not together
    assert all("chosen at chance level" in note for note in notes)  # of eight clips


def test_coordinates_are_of_one_kind(tmp_path):
    job = make_job(tmp_path, trained=False)
    assert set(PROTOCOLS["all"].run(job, Options(k=1))) - {"notes"} == {
        "knn_per_joint",
        "linear_per_joint",
    }


def test_all_takes_one_number_of_neighbours(tmp_path, monkeypatch):
    job = make_job(tmp_path)
    monkeypatch.setattr(job, "both", lambda *_: pytest.fail("nothing has to be computed for this"))
    with pytest.raises(ConfigError, match=r"k \[1, 2\]: expected one number for protocol all"):
        PROTOCOLS["all"].run(job, Options(k=[1, 2]))


def test_several_numbers_of_neighbours_are_each_of_them(tmp_path):
    job = make_job(tmp_path)
    curve = PROTOCOLS["knn"].run(job, Options(k=[1, 3]))
    for k in (1, 3):
        alone = PROTOCOLS["knn"].run(job, Options(k=k))
        assert alone == {name: curve[f"{name}_k{k}"] for name in ("top1", "mean_class")}


@pytest.mark.parametrize("protocol", ["knn", "linear", "ridge", "centroid"])
def test_a_run_folder_gets_the_confusion_of_its_test_clips(tmp_path, protocol):
    pytest.importorskip("plotly")
    pytest.importorskip("matplotlib")
    job = replace(make_job(tmp_path), folder=tmp_path / "run")
    (tmp_path / "run").mkdir()
    told = PROTOCOLS[protocol].run(job, Options())
    assert "predicted" not in told and (tmp_path / "run/confusion.png").stat().st_size > 3000
    (chart,) = content(tmp_path / "run/confusion.html")["charts"]
    counts = np.array(chart["data"][0]["customdata"])
    assert counts.sum() == len(job.splits.test)
    assert np.trace(counts) / counts.sum() == pytest.approx(told["top1"])


def test_several_numbers_of_neighbours_have_no_one_confusion(tmp_path):
    job = replace(make_job(tmp_path), folder=tmp_path)
    PROTOCOLS["knn"].run(job, Options(k=[1, 3]))
    assert not [*tmp_path.glob("confusion*")]


def test_class_means_are_those_of_training_clips(tmp_path):
    job = make_job(tmp_path)
    told = PROTOCOLS["centroid"].run(job, Options())
    assert told["top1"] == centroid(*job.both())["top1"] and "logits" not in told


def test_episodes_are_drawn_from_test_clips(tmp_path):
    """Of which each class has four; with the training clips there were eight."""
    job = make_job(tmp_path)
    options = Options(few_shot=FewShotConfig(ways=2, shots=1, queries=3, episodes=4))
    found = episodes(job, options)
    assert {name: found[name] for name in ("ways", "shots", "queries", "episodes")} == {
        "ways": 2, "shots": 1, "queries": 3, "episodes": 4
    }  # fmt: skip
    assert episodes(job, options) == found
    options.few_shot.queries = 4
    with pytest.raises(DataError, match="2 classes with 5 clips each are needed, found 0"):
        episodes(job, options)


def test_actions_end_where_their_recording_does():
    written = [
        Action(3, -2, 5),
        Action(4, 10, 20),
        Action(5, 15, 99),
        Action(6, 20, 30),  # behind the end
        Action(7, -9, 0),
        Action(8, 7, 7),  # of no frame
    ]
    recording = SimpleNamespace(
        store=SimpleNamespace(length=torch.tensor([20]), names=["0002-L"]),
        annotations={"0002-L": written}.__getitem__,
    )
    assert _actions(recording, 0) == [Segment(0, 5, 3), Segment(10, 20, 4), Segment(15, 20, 5)]
    assert max(action.label for action in written) < NUM_CLASSES


def test_detection_needs_recordings(tmp_path):
    with pytest.raises(ConfigError, match="pkummd1 or pkummd2"):
        detect(make_job(tmp_path), Options())
