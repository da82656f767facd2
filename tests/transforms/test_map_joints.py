from __future__ import annotations

import pytest
import torch
from transforms_helpers import check_transform, make_clip

from pyg_skeletonmae.batch import as_tracks
from pyg_skeletonmae.errors import DataError, SkeletonError
from pyg_skeletonmae.layouts import NTU25, UIPRMD22
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.map_joints import MapJoints


def test_a_batch_is_its_clips_and_nothing_is_changed():
    (clip, *_) = check_transform(MapJoints(UIPRMD22, NTU25))
    assert clip.pos.shape == (NTU25.num_joints, 9, 3)
    assert int(clip.edge_index.max()) == NTU25.num_joints - 1


def test_joints_go_by_their_names():
    clip = make_clip(persons=2, missing=0.2)
    out = MapJoints(UIPRMD22, NTU25)(clip)
    before = as_tracks(clip.pos, UIPRMD22.num_joints), as_tracks(clip.valid, UIPRMD22.num_joints)
    after = as_tracks(out.pos, NTU25.num_joints), as_tracks(out.valid, NTU25.num_joints)
    for joint in ("head", "left_knee", "right_wrist"):
        i, j = UIPRMD22.index(joint), NTU25.index(joint)
        for old, new in zip(before, after, strict=True):
            assert torch.equal(old[:, i], new[:, j])
    absent = [j for j, i in enumerate(UIPRMD22.map_to(NTU25).tolist()) if i < 0]
    assert absent and not after[1][:, absent].any() and not after[0][:, absent].any()
    assert torch.equal(MapJoints(UIPRMD22, UIPRMD22)(clip).pos, clip.pos)


def test_skeletons_without_a_common_joint_and_masks():
    other = Skeleton("other", ("a", "b"), (("b", "a"),), root="a")
    with pytest.raises(SkeletonError, match="no common joint"):
        MapJoints(UIPRMD22, other)
    clip = make_clip()
    clip.joint_mask = clip.valid
    with pytest.raises(DataError, match="joint_mask"):
        MapJoints(UIPRMD22, NTU25)(clip)


def test_repr():
    assert repr(MapJoints(UIPRMD22, NTU25)) == "MapJoints(uiprmd22, ntu25)"
