from __future__ import annotations

import pytest
import yaml
from transforms_helpers import assert_same, make_clip

from pyg_skeletonmae.commands.data_clips import open_dataset
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.errors import ArgumentError, CheckpointError, ConfigError
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.models import Preprocessing

TOLD = Preprocessing(
    frames=90, center="first", scale=None, stream="bone", skeleton="ntu25", channels=3, unit="m",
    rate=30.0, axes="y up",
)  # fmt: skip


def test_round_trip():
    text = TOLD.to_yaml()
    assert text.startswith("format: 2\npipeline: ours\nframes: 90\ncenter: first\nscale: null\n")
    assert Preprocessing.from_yaml(text) == TOLD
    assert Preprocessing.from_yaml("format: 2\n") == Preprocessing()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected keys and values, format 2 first"),
        ("- 1\n", "expected keys and values"),
        ("frames: 9\n", "format: expected 2, found None"),
        ("format: 3\n", "format: expected 2, found 3; a file of a newer version"),
        ("format: 2\nframe: 9\n", "'frame': no such key; did you mean frames?"),
        ("format: 2\n1: 9\n", "1: no such key"),
        ("format: 2\nframes: many\n", "frames: expected a whole number, found 'many'"),
        ("format: 2\nframes: 0\n", "frames 0: expected 1 to 65536"),
        ("format: 2\nframes: 99999999\n", "frames 99999999: expected 1 to 65536"),
        ("format: 2\ncenter: top\n", "center 'top': expected one of first, frame, mean"),
        ("format: 2\npipeline: null\n", "pipeline: expected one of ours"),
        ("format: 2\npipeline: theirs\n", "pipeline 'theirs': expected one of ours"),
        ("format: 2\nrate: .nan\n", "rate nan: expected frames per second"),
        ("format: 2\nrate: true\n", "rate: expected a number or None, found True"),
        ('format: 2\nunit: "a\\nb"\n', r"unit 'a\nb': expected a short name"),
        ("format: 2\naxes: up\n", "axes 'up': expected one of x up, y up"),
        ("a: &a [*a]\n", "no plain YAML: line 1: an alias of what it stands in"),
        ("format: !!python/object:os.system 2\n", "no plain YAML: line 1: could not determine"),
    ],
)
def test_a_text_that_is_none_is_refused_in_one_line(text, message):
    with pytest.raises(CheckpointError) as error:
        Preprocessing.from_yaml(text, "here/preprocessing.yaml")
    assert str(error.value).startswith(f"here/preprocessing.yaml: {message}")
    assert "\n" not in str(error.value)


def test_wrong_values_are_refused():
    with pytest.raises(ArgumentError, match="Preprocessing: frames: expected a whole number"):
        Preprocessing(frames=1.5)
    with pytest.raises(ConfigError, match="stream 'angle': expected one of joint"):
        Preprocessing(stream="angle")


@pytest.mark.parametrize(
    "settings", [{}, {"center": None, "scale": None, "frames": 5}, {"stream": "bone_motion"}]
)
def test_a_model_is_fed_as_the_data_section_did(settings):
    config = DataConfig("synthetic", num_clips=4, num_classes=2, num_subjects=2, **settings)
    dataset = open_dataset(config)
    told = Preprocessing.from_yaml(config.preprocessing(dataset).to_yaml())
    for clip in dataset:
        ours = told.transform(dataset.skeleton)(clip)
        assert_same(ours, config.transform(dataset, train=False)(clip))
    assert (told.unit, told.rate, told.channels) == (dataset.card["unit"], dataset.card["fps"], 3)


def test_differences():
    assert list(TOLD.differences(TOLD)) == []
    other = Preprocessing(frames=90, center="first", scale="std", stream="bone", unit="mm", rate=25)
    assert list(TOLD.differences(other)) == [
        "scale is 'std', was None",
        "unit is 'mm', was 'm'",
        "rate is 25, was 30.0",
    ]
    scaled = yaml.safe_load(other.to_yaml()) | {"unit": "m"}
    scaled = Preprocessing(**{key: value for key, value in scaled.items() if key != "format"})
    assert list(scaled.differences(other)) == []  # whatever the unit was, it is gone


def test_clips_come_out_with_the_frames_that_are_told():
    assert TOLD.transform(UIPRMD22)(make_clip(2)).pos.shape == (44, 90, 3)
