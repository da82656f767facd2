from __future__ import annotations

import numpy as np
import pytest
import torch
from inference_helpers import poses
from torch_geometric.data import Data

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.inference.files import Reading
from pyg_skeletonmae.inference.inputs import recordings
from pyg_skeletonmae.layouts import COCO17


def read(clips, **said):
    return list(recordings(clips, COCO17, Reading(**said)))


def test_clips_are_numbered_through(tmp_path):
    found = read([poses(), [poses(2), torch.from_numpy(poses(frames=7)[0])]])
    assert [recording.name for recording in found] == ["clip 0", "clip 1", "clip 2"]
    assert [recording.tracks.pos.shape[:2] for recording in found] == [(1, 40), (2, 40), (1, 7)]


def test_nothing_that_is_given_is_changed():
    pos = poses()
    pos[0, 3, 2] = np.nan
    before = pos.copy()
    tracks = read(pos)[0].tracks
    assert not tracks.valid[0, 3, 2] and np.array_equal(pos, before, equal_nan=True)


def test_another_order_of_the_axes_is_refused_or_noted():
    ((_, tracks, _),) = read(np.moveaxis(poses(2), (0, 3), (3, 0)))
    assert "axes='CTVM' settles it" in tracks.notes[0]
    pos = poses(2)
    pos[1] = np.nan
    with pytest.raises(ConfigError, match=r"clip 0: .*person who is absent"):
        read(np.moveaxis(pos, (0, 3), (3, 0)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Data(), "'pos' is missing"),
        (
            Data(pos=torch.zeros(17, 3), num_tracks=torch.tensor([1])),
            r"expected floats \[N, T, C\]",
        ),
        (Data(pos=torch.zeros(18, 4, 3), num_tracks=torch.tensor([1])), "18 nodes are no whole"),
        (Data(pos=torch.zeros(34, 4, 3), num_tracks=torch.tensor([1])), "34 nodes are not 1 pers"),
        (Data(pos=torch.full((17, 4, 3), torch.nan), num_tracks=torch.tensor([1])), "not finite"),
    ],
)
def test_data_that_is_no_clip_is_refused(data, message):
    with pytest.raises(DataError, match=message):
        read(data)
