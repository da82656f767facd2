import numpy as np
import pytest
import torch
from evaluation_helpers import batches, clip
from oracle_helpers import real_data
from torch import nn

from pyg_skeletonmae.batch import as_tracks
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.evaluation import (
    Features,
    extract_features,
    few_shot,
    knn,
    knn_curve,
    linear_probe,
    raw_features,
    retrieval,
    ridge,
)


class Doubling(nn.Module):
    """An encoder that doubles the coordinates and forgets every other frame."""

    def __init__(self):
        super().__init__()
        self.inner = nn.BatchNorm1d(3).eval()

    def forward(self, batch):
        assert not self.training
        return 2 * as_tracks(batch.pos, 22)[:, :, ::2]


def clips():
    generator = torch.Generator().manual_seed(0)
    persons = [1, 2, 1, 3, 1]
    return [
        clip(torch.randn(m, 22, 8, 3, generator=generator), y=m, subject=i + 1, number=i)
        for i, m in enumerate(persons)
    ]


def test_pools_over_frames_joints_and_persons():
    data = clips()
    encoder = Doubling().train()
    encoder.inner.eval()
    features = extract_features(encoder, batches(data, 2))
    expected = torch.stack([2 * d.pos[:, ::2].mean((0, 1)) for d in data])
    torch.testing.assert_close(features.x, expected)
    assert features.y.tolist() == [1, 2, 1, 3, 1]
    assert features.subject.tolist() == [1, 2, 3, 4, 5]
    assert encoder.training
    assert not encoder.inner.training
    assert repr(features) == "Features(clips=5, dim=3)"


def test_keeps_joints_and_segments_on_demand():
    features = extract_features(Doubling(), batches(clips(), 5), joints="concat", time=2)
    assert features.x.shape == (5, 22 * 2 * 3)


def test_raw_features_follow_the_recipe():
    data = clips()[0]
    x = data.pos.numpy()
    expected = (x - x.mean((0, 1))) / (x - x.mean((0, 1))).std()
    result = raw_features(batches([data], 1)).x
    assert sorted(result.flatten().tolist()) == pytest.approx(sorted(expected.ravel()), abs=1e-5)


def test_raw_features_ignore_place_size_person_order_and_missing_joints():
    tracks = torch.randn(2, 22, 8, 3, generator=torch.Generator().manual_seed(1))
    moved = clip(3.0 * tracks.flip(0) + 5.0, y=1)
    torch.testing.assert_close(
        raw_features(batches([clip(tracks)], 1)).x,
        raw_features(batches([moved], 1)).x,
        rtol=1e-4,
        atol=1e-4,
    )
    holes = [clip(tracks), clip(tracks)]
    for data, value in zip(holes, (0.0, 1e3), strict=True):
        data.valid[3, 2] = False
        data.pos[3, 2] = value
    first, second = (raw_features(batches([data], 1)).x for data in holes)
    torch.testing.assert_close(first, second)


def test_features_need_no_labels_but_who_judges_by_them_says_so():
    unlabelled = [clip(torch.rand(1, 22, 8, 3), y=None) for _ in range(4)]
    for found in (
        extract_features(Doubling(), batches(unlabelled, 3)),
        raw_features(batches(unlabelled, 3)),
    ):
        assert found.y.tolist() == [-1] * 4 and len(found) == 4
        labelled = Features(found.x, torch.arange(4) % 2, found.subject)
        for judge in (knn, linear_probe, ridge, retrieval, knn_curve):
            for sides in ((found, labelled), (labelled, found)):
                with pytest.raises(DataError, match="4 of 4 have none"):
                    judge(*sides, *([(1,)] if judge in (retrieval, knn_curve) else []))
        with pytest.raises(DataError, match="4 of 4 have none"):
            few_shot(found)
    no_subject = clips()
    for data in no_subject:
        del data.subject
    assert extract_features(Doubling(), batches(no_subject, 2)).subject.tolist() == [-1] * 5


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_missing_joints_do_not_enter_features(share):
    """The mean over what is there, whatever stands where nothing is."""
    generator = torch.Generator().manual_seed(4)
    data = clips()[:1]
    data[0].valid = torch.rand(22, 8, generator=generator) >= share
    for value in (0.0, 50.0):
        data[0].pos[~data[0].valid] = value
        x = extract_features(Doubling(), batches(data, 1)).x[0]
        there = data[0].valid[:, ::2] | data[0].valid[:, 1::2]  # a token of two frames
        torch.testing.assert_close(x, 2 * data[0].pos[:, ::2][there].mean(0))
    assert len(raw_features(batches(data, 1)).x[0]) == 22 * 8 * 3


def test_bad_data():
    with pytest.raises(DataError, match="no clip"):
        extract_features(Doubling(), [])
    broken = clips()
    broken[3].pos[0, 0] = torch.nan
    with pytest.raises(DataError, match="number 3"):
        extract_features(Doubling(), batches(broken, 2))
    with pytest.raises(DataError, match="Resample clips to one number of frames"):
        raw_features([next(iter(batches([clip(torch.rand(1, 2, t, 3))], 1))) for t in (3, 4)])
    with pytest.raises(DataError, match="without persons or frames"):
        raw_features(batches([clip(torch.rand(1, 2, 0, 3))], 1))
    with pytest.raises(DataError, match="do not fit"):
        Features(torch.zeros(2, 3), torch.zeros(3), torch.zeros(2))


def test_one_nearest_neighbour_on_uiprmd_is_the_known_bar():
    """20 classes, odd subjects against even ones: .775 by the usual recipe."""
    with np.load(real_data() / "uiprmd" / "uiprmd_kinect.npz") as file:
        joints, offset = file["joints"] * np.float32(file["scale"]), file["offset"]
        label = 2 * file["label"] + file["correct"]
        subject = file["subject"]
    data = []
    for i in range(len(label)):
        frames = torch.from_numpy(joints[offset[i] : offset[i + 1]]).permute(1, 2, 0)
        frames = nn.functional.interpolate(frames, 32, mode="linear", align_corners=True)
        data.append(clip(frames.transpose(1, 2)[None], int(label[i]), int(subject[i])))
    features = raw_features(batches(data, 200))
    odd = features.subject % 2 == 1
    result = knn(features.select(odd), features.select(~odd), metric="euclidean")
    assert result["top1"] == pytest.approx(0.775, abs=0.002)
