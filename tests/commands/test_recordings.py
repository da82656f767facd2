from __future__ import annotations

import pytest
from inference_helpers import release
from jsonargparse import ArgumentParser

from pyg_skeletonmae.commands.option_names import option_names
from pyg_skeletonmae.commands.recordings import (
    add_recording_arguments,
    open_release,
    reading,
    told_preprocessing,
)
from pyg_skeletonmae.errors import CheckpointError, ConfigError
from pyg_skeletonmae.inference import Embedder, Recognizer
from pyg_skeletonmae.inference.files import Reading
from pyg_skeletonmae.io import PoseOptions, TableOptions


def chosen(*argv):
    parser = ArgumentParser()
    add_recording_arguments(parser)
    return vars(parser.parse_args(["run", "a.csv", *argv]))


def test_options_that_are_not_given_change_nothing():
    assert reading(chosen(), "ours") == Reading(pipeline="ours")
    told = reading(
        chosen("--image_size=[640,480]", "--min_score=0.5", "--strict", "--ignore=[a]",
               "--format=table", "--skeleton=coco17", "--partial", "--first_index=0"),
        "mamp",
    )  # fmt: skip
    options = PoseOptions(image_size=(640.0, 480.0), min_score=0.5)
    table = TableOptions(ignore=["a"], strict=True, first_index=0)
    assert told == Reading("table", "coco17", options, table, True, "mamp")
    with pytest.raises(ConfigError, match=r"fps=-1"):
        reading(chosen("--fps=-1"), "ours")


def test_the_three_commands_know_their_options_without_being_imported():
    for command, own in (("predict", "watch"), ("embed", "out"), ("cluster", "min_size")):
        names = option_names(command)
        assert {own, "release", "windows", "image_size", "allow_class"} <= set(names)


def test_preprocessing_from_a_file(tmp_path):
    path = tmp_path / "p.yaml"
    assert told_preprocessing(None) is None
    path.write_text("format: 2\nframes: 12\n")
    assert told_preprocessing(str(path)).frames == 12
    for content, message in ((b"\xff", "UTF-8"), (b"format: 1", "format"), (b"[", "no plain YAML")):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=rf"p.yaml: .*{message}"):
            told_preprocessing(str(path))
    with pytest.raises(CheckpointError, match=r"no\.yaml: cannot be read"):
        told_preprocessing(str(tmp_path / "no.yaml"))


def test_both_kinds_of_release_are_opened_alike(tmp_path):
    path = release(tmp_path / "run/release")
    for kind in (Recognizer, Embedder):
        opened = open_release(kind, chosen() | {"release": str(path)})
        assert isinstance(opened, kind) and opened.preprocessing.frames == 16
    (tmp_path / "p.yaml").write_text("format: 2\nframes: 12\n")
    told = chosen("--preprocessing", str(tmp_path / "p.yaml")) | {"release": str(path)}
    assert open_release(Embedder, told).preprocessing.frames == 12
