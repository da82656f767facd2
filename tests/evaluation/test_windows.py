from __future__ import annotations

import pytest
import torch
from data_helpers import STICK, array
from torch_geometric.transforms import Compose

from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.evaluation import Segment, extract_features, raw_features
from pyg_skeletonmae.evaluation.windows import WindowLoader, cut_window
from pyg_skeletonmae.models import GraphEncoder
from pyg_skeletonmae.transforms import Resample

TRUTH = [[Segment(0, 6, 0), Segment(6, 12, 1)], [Segment(1, 3, 1)]]


@pytest.fixture
def dataset(tmp_path):
    valid = torch.ones(2, 12, STICK.num_joints, dtype=torch.bool)
    valid[1, :8] = False  # the second person comes late
    return SkeletonDataset.from_arrays(
        [array(2, 12), array(1, 3)], None, STICK, root=tmp_path / "store", valid=[valid, None]
    )


def loader(dataset, **changes) -> WindowLoader:
    settings = {"window": 4, "stride": 4, "background": 2, "transform": Resample(4)}
    return WindowLoader(dataset, TRUTH, **{**settings, **changes})


def test_windows_are_clips_of_the_recordings(dataset):
    windows = loader(dataset)
    assert windows.starts == [[0, 4, 8], [0]] and windows.frames == [12, 3]
    first, second = windows
    assert first.y.tolist() == [0, 1, 1] and second.y.tolist() == [1]
    assert first.num_tracks.tolist() == [1, 1, 2] and second.num_tracks.tolist() == [1]
    own = dataset[0].pos.view(2, STICK.num_joints, 12, 3)
    assert torch.equal(first.pos[: STICK.num_joints], own[0, :, :4])
    assert torch.equal(first.pos[-STICK.num_joints :], own[1, :, 8:])
    assert first.valid.all() and int(first.edge_index.max()) == first.pos.size(0) - 1
    assert repr(windows) == "WindowLoader(recordings=2, windows=4, window=4)"


def test_batches_do_not_matter_and_features_go_back_to_recordings(dataset):
    whole, single = (raw_features(loader(dataset, batch_size=size)) for size in (64, 1))
    torch.testing.assert_close(whole.x, single.x)
    parts = loader(dataset).split(whole.x)
    assert [len(part) for part in parts] == [3, 1]
    torch.manual_seed(0)
    encoder = GraphEncoder(STICK, hidden_channels=4, depth=1)
    assert extract_features(encoder, loader(dataset, transform=Compose([Resample(4)]))).x.shape == (
        4,
        4,
    )


def test_a_window_that_shows_nobody_keeps_a_track(dataset):
    recording = dataset[0]
    recording.valid = torch.zeros_like(recording.valid)
    window = cut_window(recording, STICK, 2, 4, 2)
    assert window.num_tracks.tolist() == [1] and not window.valid.any()


def test_annotations_of_every_recording_are_needed(dataset):
    with pytest.raises(DataError, match="2 recordings, annotations of 1"):
        WindowLoader(dataset, TRUTH[:1], 4, 4, 2, Resample(4))
