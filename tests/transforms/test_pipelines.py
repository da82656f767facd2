"""What the pipelines are made of; that they equal the public feeders is in ``test_fidelity.py``."""

from __future__ import annotations

import math

import pytest
import torch
from transforms_helpers import make_clip

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.layouts import COCO17, NTU25, UIPRMD22
from pyg_skeletonmae.transforms import once_per_clip, public_transform
from pyg_skeletonmae.transforms.pipelines import PUBLIC


def steps(transform) -> list[str]:
    return [repr(step) for step in transform.transforms]


def test_mamp():
    assert steps(once_per_clip("mamp", NTU25)) == ["CutEmpty()"]
    train = public_transform("mamp", NTU25, 120, train=True, stream="bone_motion")
    degrees = math.degrees(0.3)
    assert steps(train) == [
        "CropResize(120, 0.5, 1.0, least=64)", "FillMissing()",
        "KeepPersons(persons=2, fill='zeros')", f"RandomRotate3D(degrees={(degrees,) * 3})",
        "ToBones(ntu25_ctrgcn)", "ToMotion()",
    ]  # fmt: skip
    test = public_transform("mamp", NTU25, 120, train=False, fill="loop")
    assert steps(test) == [
        "CropResize(120, 0.95, None, least=64)", "FillMissing()",
        "KeepPersons(persons=2, fill='loop')",
    ]  # fmt: skip
    whole = public_transform("mamp", NTU25, 120, train=True, crop=None, rotate=[0.0, 0.0, 0.0])
    assert steps(whole)[0] == "CropResize(120, 1.0, 1.0, least=64)" and len(steps(whole)) == 3


@pytest.mark.parametrize(
    ("name", "align", "origin"),
    [
        ("skeleton2vec", "none", "UniformSampleDecode"),
        ("pyskl3d", "pyskl", "UniformSample"),
    ],
)
def test_those_that_sample_frames(name, align, origin):
    once = once_per_clip(name, NTU25)
    assert steps(once)[:2] == [
        "ZerosMissing()", f"PreNormalize3D(ntu25, align={align!r}, center='spine', half=None)",
    ]  # fmt: skip
    train = steps(public_transform(name, NTU25, 90, train=True))
    assert train[:3] == [
        f"UniformSample(90, 1.0, 1.0, views=1, train=True, origin={origin!r})", "FillMissing()",
        "KeepPersons(persons=2, fill='zeros')",
    ]  # fmt: skip
    assert len(train) == (4 if name == "skeleton2vec" else 3)  # pyskl turns nothing at random
    test = steps(public_transform(name, NTU25, 90, train=False))
    assert test == [
        f"UniformSample(90, 1.0, 1.0, views=10, train=False, origin={origin!r})", "FillMissing()",
        "KeepPersons(persons=2, fill='zeros')",
    ]  # fmt: skip
    fewer = steps(public_transform(name, NTU25, 90, train=False, views=3))
    assert "views=3" in fewer[0]


def test_other_bodies_are_centred_on_their_last_joint_and_may_be_aligned_otherwise():
    assert (
        "align='upright', center='right_foot'"
        in steps(once_per_clip("skeleton2vec", UIPRMD22, align="upright"))[1]
    )


def test_pyskl_makes_streams_before_it_samples():
    flat = once_per_clip("pyskl2d", COCO17, stream="bone")
    assert steps(flat) == [
        "ScoresMissing(threshold=0.01)", "FillMissing()", "ToStreams(coco17_pairs, bone)",
    ]  # fmt: skip
    assert steps(once_per_clip("pyskl2d", COCO17)) == steps(flat)[:2]
    assert steps(once_per_clip("pyskl3d", NTU25, stream="motion"))[2:] == [
        "FillMissing()", "ToStreams(ntu25_ctrgcn, motion)",
    ]  # fmt: skip
    for name, skeleton in (("pyskl2d", COCO17), ("pyskl3d", NTU25)):
        assert len(steps(public_transform(name, skeleton, 9, train=True, stream="bone"))) == 3
        assert "ToStreams" not in str(once_per_clip(name, skeleton))


def test_augmentations_of_ours_come_after_the_steps_of_the_public_code():
    train = public_transform(
        "pyskl2d", COCO17, 9, train=True, flip=0.5, jitter=0.1, drop_frames=0.2
    )
    assert [step.split("(")[0] for step in steps(train)[3:]] == [
        "FlipSides", "JitterJoints", "DropFrames",
    ]  # fmt: skip


@pytest.mark.parametrize("name", PUBLIC)
@pytest.mark.parametrize("persons", [1, 2, 3])
def test_every_clip_comes_out_with_two_persons_who_are_there(name, persons):
    channels = 3
    clip = make_clip(persons, frames=30, channels=channels, missing=0.0, skeleton=UIPRMD22)
    once = once_per_clip(name, UIPRMD22)(clip)
    for train in (True, False):
        views = 1 if train else PUBLIC[name].views
        found = public_transform(name, UIPRMD22, 12, train=train)(once)
        assert found.pos.shape == (2 * views * UIPRMD22.num_joints, 12, channels)
        assert found.valid.all() and found.num_tracks.tolist() == [2 * views]
        second = found.pos.view(views, 2, -1)[:, 1]
        assert bool(second.any()) == (persons > 1)


def test_nothing_is_done_once_in_ours_and_others_are_unknown():
    assert once_per_clip("ours", UIPRMD22) is None
    with pytest.raises(ConfigError, match="pipeline 'theirs': expected one of ours, mamp"):
        once_per_clip("theirs", UIPRMD22)
    assert torch.tensor([p.frames for p in PUBLIC.values()]).tolist() == [120, 90, 100, 100]
