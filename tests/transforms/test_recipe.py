from typing import get_args

import numpy as np
import pytest
import torch
from oracle_helpers import real_data
from transforms_helpers import make_clip, make_clips

from pyg_skeletonmae.datasets import UIPRMD, SkeletonDataset
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.transforms import ToStreams, standard_transform
from pyg_skeletonmae.transforms.streams import Stream


def names(transform) -> list[str]:
    return [type(step).__name__ for step in transform.transforms]


def test_order_of_the_steps():
    everything = {"rotate": (0, 30, 0), "flip": 0.5, "shape": 0.03, "jitter": 0.01}
    everything |= {"drop_frames": 0.1}
    train = standard_transform(UIPRMD22, 8, train=True, stream="motion", **everything)
    assert names(train) == [
        "CropTime", "Resample", "CenterRoot", "ScaleBody", "RandomRotate3D", "FlipSides",
        "JitterJoints", "JitterJoints", "ToMotion", "DropFrames",
    ]  # fmt: skip
    test = standard_transform(UIPRMD22, 8, train=False, stream="bone", **everything)
    assert names(test) == ["Resample", "CenterRoot", "ScaleBody", "ToBones"]
    least = standard_transform(UIPRMD22, 8, train=True, crop=None, center=None, scale=None)
    assert names(least) == ["Resample"]


def test_streams_are_those_of_to_streams():
    bones = standard_transform(UIPRMD22, 8, train=False, stream="bone_motion")
    assert names(bones)[-2:] == ["ToBones", "ToMotion"]
    joints = standard_transform(UIPRMD22, 8, train=False)
    for stream in get_args(Stream):
        out = standard_transform(UIPRMD22, 8, train=False, stream=stream)(make_clip())
        expected = ToStreams(UIPRMD22, [stream])(joints(make_clip()))
        assert out.pos.equal(expected.pos) and out.valid.equal(expected.valid)


def test_nothing_is_random_in_evaluation():
    transform = standard_transform(UIPRMD22, 8, train=False, rotate=90.0, jitter=1.0, flip=1.0)
    clip = make_clip()
    out = transform(clip)
    clip.key = clip.key + 1
    assert transform(clip).pos.equal(out.pos)
    assert out.pos.shape == (UIPRMD22.num_joints, 8, 3)


def test_recipe_of_nearest_neighbours_on_coordinates():
    clip = make_clip(frames=50, missing=0.0)
    out = standard_transform(UIPRMD22, 32, train=False, center="mean", scale="std")(clip)
    source, at = clip.pos.double().numpy(), np.linspace(0, 49, 32)
    x = np.stack([[np.interp(at, np.arange(50), c) for c in joint.T] for joint in source])
    x = x.transpose(0, 2, 1)
    x = x - x.mean(axis=(0, 1))
    np.testing.assert_allclose(out.pos.numpy(), x / x.std(), atol=1e-5)


@pytest.mark.parametrize("stream", ["joint", "bone", "motion", "bone_motion"])
def test_clips_of_any_length_come_out_alike(stream):
    transform = standard_transform(UIPRMD22, 8, train=True, rotate=10.0, stream=stream)
    for clip in make_clips(frames=1) + make_clips(frames=40):
        out = transform(clip)
        assert out.pos.size(1) == out.valid.size(1) == 8
        assert torch.isfinite(out.pos).all()


def test_unknown_settings():
    with pytest.raises(ConfigError, match="stream 'speed'"):
        standard_transform(UIPRMD22, 8, train=True, stream="speed")
    with pytest.raises(ConfigError, match="CenterRoot mode 'hip'"):
        standard_transform(UIPRMD22, 8, train=True, center="hip")


def test_nearest_neighbour_on_real_clips_scores_what_is_known(tmp_path):
    dataset = UIPRMD(real_data() / "uiprmd", "movement+correctness", processed_root=tmp_path)
    transform = standard_transform(dataset.skeleton, 32, train=False, center="mean", scale="std")

    def read(view: SkeletonDataset) -> tuple[torch.Tensor, torch.Tensor]:
        batches = list(SkeletonLoader(view, 100, transform))
        return (
            torch.cat([batch.pos.view(batch.num_graphs, -1) for batch in batches]),
            torch.cat([batch.y for batch in batches]),
        )

    train, test = dataset.split(by="subject", train=[1, 3, 5, 7, 9])
    (x, y), (query, label) = read(train), read(test)
    right = y[torch.cdist(query, x).argmin(dim=1)] == label
    assert right.double().mean() == pytest.approx(0.775, abs=0.001)


def test_view_turns_tested_clips_too_and_always_alike():
    transform = standard_transform(UIPRMD22, 8, train=False, view=180.0)
    assert names(transform)[-1] == "RandomRotate3D"
    clip = make_clip()
    plain = standard_transform(UIPRMD22, 8, train=False)(clip)
    turned = transform(clip)
    assert torch.equal(turned.pos, transform(clip).pos)
    present = plain.valid
    assert torch.allclose(turned.pos[present][:, 1], plain.pos[present][:, 1], atol=1e-5)
    assert not torch.allclose(turned.pos[present], plain.pos[present], atol=1e-2)
