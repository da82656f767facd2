from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from inference_helpers import TOLD, classifier, poses, release

from pyg_skeletonmae.errors import CheckpointError, ConfigError, DataError
from pyg_skeletonmae.inference import Embedder, Recognizer
from pyg_skeletonmae.io.poses import PoseTracks
from pyg_skeletonmae.layouts import COCO17
from pyg_skeletonmae.training import save_release


def test_a_run_folder_and_a_release_folder_are_taken(tmp_path):
    release(tmp_path / "run/release")
    for folder in (tmp_path / "run", str(tmp_path / "run/release")):
        recognizer = Recognizer.from_pretrained(folder)
        assert recognizer.preprocessing == TOLD and recognizer.skeleton == COCO17
    with pytest.raises(CheckpointError, match=r"nothing/config\.json: no such file"):
        Recognizer.from_pretrained(tmp_path / "nothing")


def test_a_release_that_does_not_say_how_clips_are_prepared_has_to_be_told(tmp_path):
    folder = save_release(classifier(), tmp_path / "old")
    for name in ("README.md", "skeleton.yaml"):  # as an earlier version wrote it
        (folder / name).unlink()
    with pytest.raises(CheckpointError, match=r"old: .*preprocessing=Preprocessing\("):
        Recognizer.from_pretrained(folder)
    recognizer = Recognizer.from_pretrained(folder, preprocessing=TOLD)
    assert recognizer.class_names == ("0", "1", "2")
    assert len(recognizer.predict(poses())) == 1
    with pytest.raises(ConfigError, match=r"not known how"):
        Embedder(classifier())


def test_an_older_run_tells_by_its_settings(tmp_path):
    save_release(classifier(), tmp_path / "run/release")
    text = "data: {name: uiprmd, frames: 12, center: first, scale: null, stream: joint}\nseed: 0\n"
    (tmp_path / "run/config.yaml").write_text(text)
    told = Recognizer.from_pretrained(tmp_path / "run").preprocessing
    assert (told.frames, told.center, told.scale, told.stream) == (12, "first", None, "joint")


def test_other_channels_are_refused_and_another_rate_is_said(tmp_path, caplog):
    recognizer = Recognizer(classifier(), TOLD)
    with pytest.raises(DataError, match=r"clip 0: 2 coordinates of each joint, the model reads 3"):
        recognizer.predict(poses(channels=2))
    pos = poses()
    tracks = PoseTracks(pos, pos[..., 0] == pos[..., 0], COCO17, 60.0, ("a note",))
    with caplog.at_level(logging.INFO, "pyg_skeletonmae"):
        recognizer.predict([tracks, replace(tracks, fps=30.0)])
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == "clip 0: 60 frames a second; the model was trained on 30"
    assert said[1:] == ["clip 0: a note", "clip 1: a note"]
