"""What the protocols work on: which clips, and what their features are."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from job_helpers import make_job, sticks, tiny_encoder

from pyg_skeletonmae.commands.data_clips import open_dataset, split
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.commands.evaluation_context import Job, by_performance
from pyg_skeletonmae.datasets.sets.pkummd import PKUMMD
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.evaluation import Features
from pyg_skeletonmae.models import GraphEncoder


def test_features_are_pooled_as_the_job_says_or_the_caller(tmp_path):
    job = make_job(tmp_path)
    test = job.splits.test
    assert job.features(test).x.shape == (8, 3 * 8)  # a vector for each joint
    pooled = job.features(test, "mean")
    assert pooled.x.shape == (8, 8) and job.joints == "concat"
    torch.testing.assert_close(pooled.x, job.features(test).x.view(8, 3, 8).mean(1))
    segments = Job(job.data, job.splits, job.encoder, "mean", segments=2).features(test).x
    torch.testing.assert_close(segments.view(8, 2, 8).mean(1), pooled.x)
    assert torch.equal(pooled.y, test.labels) and torch.equal(pooled.subject, test.subjects)


def test_coordinates_have_no_pooling(tmp_path):
    job = make_job(tmp_path, trained=False)
    raw = [job.features(job.splits.test, joints).x for joints in ("mean", "concat")]
    assert raw[0].shape == (8, 3 * 4 * 3) and torch.equal(*raw)


def test_batches_and_memory_are_those_of_the_encoders_device(tmp_path, monkeypatch):
    """On a GPU as well; what it is called is all that can be looked at without one."""
    job = make_job(tmp_path)
    assert job.device == torch.device("cpu")
    job.encoder.to("meta")
    assert job.device == torch.device("meta")
    job.encoder = None
    assert job.device == torch.device("cpu")


def test_both_sides_are_the_labelled_clips_and_the_test_clips(tmp_path):
    data, splits = sticks(tmp_path, label_subjects=[3])
    job = Job(data, splits, tiny_encoder(splits.train.skeleton))
    known, asked = job.both("mean")
    assert known.subject.tolist() == [3] * 4 and set(asked.subject.tolist()) == {2, 4}
    assert known.x.size(1) == asked.x.size(1) == 8


def test_mirrored_training_clips_come_second_and_stay_with_their_own(tmp_path):
    data = DataConfig("synthetic", cache=str(tmp_path), num_clips=24, num_subjects=4, frames=4)
    splits = split(open_dataset(data), data)
    (own, asked), (known, same) = (Job(data, splits, None, flip=f).both() for f in (False, True))
    assert torch.equal(known.x[: len(own)], own.x) and torch.equal(asked.x, same.x)
    for column in ("y", "subject", "clip"):
        assert torch.equal(getattr(known, column), getattr(own, column).repeat(2))
    skeleton = splits.train.skeleton
    other = list(range(skeleton.num_joints))
    for pair in skeleton.left_right:
        left, right = map(skeleton.joints.index, pair)
        other[left], other[right] = right, left
    assert other != sorted(other)
    shape = (-1, 4, skeleton.num_joints, 3)
    expected = own.x.view(shape)[:, :, other] * torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(known.x[len(own) :].view(shape), expected)


def test_statistics_of_training_clips(tmp_path):
    job = make_job(tmp_path)
    before = job.features(job.splits.test).x
    assert job.refit_statistics() == [] and not torch.equal(job.features(job.splits.test).x, before)
    job.encoder = GraphEncoder(job.splits.train.skeleton, 3, 8, depth=1, norm="layer")
    assert "no batch norm" in job.refit_statistics()[0]


def test_nothing_is_random_about_features(tmp_path):
    plain = make_job(tmp_path)
    data, splits = sticks(tmp_path, rotate=90.0, flip=1.0, shape=0.5, jitter=0.5, drop_frames=0.5)
    augmented = Job(data, splits, plain.encoder)
    for one, other in zip(plain.both(), augmented.both(), strict=True):
        assert torch.equal(one.x, other.x)


def test_where_performers_are_unknown_performances_are_held_out(tmp_path):
    def parts(*performers: int) -> Features:
        return Features(torch.rand(4, 2), torch.arange(4), torch.tensor(performers))

    untold, data = parts(-1, -1, -1, -1), pku(tmp_path)
    assert by_performance(untold, data, [1, 2, 1]).subject.tolist() == [0, 0, 0, 1]
    assert by_performance(parts(3, 3, 4, 4), data).subject.tolist() == [3, 3, 4, 4]
    assert by_performance(untold, make_job(tmp_path).splits.test).subject.tolist() == [-1] * 4


def pku(root: Path) -> PKUMMD:
    """Two cameras film one performance, one another."""
    for folder in ("skeleton", "label"):
        (root / folder).mkdir()
    for name in ("0002-L", "0002-M", "0003-R"):
        frame = " ".join(["0.1"] * 75 + ["0"] * 75)
        (root / f"skeleton/{name}.txt").write_text(f"{frame}\n{frame}\n")
        (root / f"label/{name}.txt").write_text("1,0,2,2\n")
    return PKUMMD(root, untrimmed=True)


def test_who_trains_needs_an_encoder(tmp_path):
    job = make_job(tmp_path)
    assert job.needed_encoder() is job.encoder
    job.encoder = None
    with pytest.raises(ConfigError, match="this one trains on an encoder; name it by"):
        job.needed_encoder()
