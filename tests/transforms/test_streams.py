import pytest
import torch
from torch_geometric.data import Data
from transforms_helpers import check_transform, make_clip, make_clips

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.transforms import ToBones, ToMotion, ToStreams

CHILD, PARENT = (UIPRMD22.index(joint) for joint in ("left_elbow", "left_shoulder"))
ROOT = UIPRMD22.index("pelvis")


@pytest.mark.parametrize("frames", [1, 9])
@pytest.mark.parametrize("transform", [ToBones(UIPRMD22), ToMotion()], ids=repr)
def test_alike_on_clip_and_batch(transform, frames):
    check_transform(transform, make_clips(frames=frames))


def test_bones_point_from_parent_to_joint():
    clip = make_clip(2, missing=0.0, channels=4)
    out = ToBones(UIPRMD22)(clip)
    for person in (0, UIPRMD22.num_joints):
        bone = clip.pos[person + CHILD] - clip.pos[person + PARENT]
        assert out.pos[person + CHILD, :, :3].equal(bone[:, :3])
        assert out.pos[person + ROOT, :, :3].abs().max() == 0
    assert out.pos[..., 3].equal(clip.pos[..., 3]) and out.valid.all()


def test_bones_sum_up_to_the_pose():
    clip = make_clip(missing=0.0)
    bones, pose = ToBones(UIPRMD22)(clip).pos, torch.zeros_like(clip.pos)
    for joint in range(UIPRMD22.num_joints):
        step = joint
        while step >= 0:
            pose[joint] += bones[step]
            step = int(UIPRMD22.parents[step])
    torch.testing.assert_close(pose, clip.pos - clip.pos[ROOT])


def test_a_bone_is_missing_where_an_end_is():
    clip = make_clip(missing=0.0)
    clip.valid[PARENT, 2] = False
    clip.valid[ROOT, 3] = False
    out = ToBones(UIPRMD22)(clip)
    assert not out.valid[CHILD, 2] and not out.valid[PARENT, 2] and out.valid[CHILD, 3]
    assert out.pos[CHILD, 2].abs().max() == 0
    assert not out.valid[ROOT, 3]


def test_motion_is_the_change_until_the_next_frame():
    clip = make_clip(missing=0.0, channels=4)
    out = ToMotion()(clip)
    assert out.pos[:, :-1, :3].equal(clip.pos[:, 1:, :3] - clip.pos[:, :-1, :3])
    assert out.pos[:, -1, :3].abs().max() == 0
    assert out.pos[..., 3].equal(clip.pos[..., 3]) and out.valid.all()


def test_a_motion_is_missing_where_a_frame_is():
    clip = make_clip(frames=5, missing=0.0)
    clip.valid[0] = torch.tensor([1, 1, 0, 1, 0], dtype=torch.bool)
    out = ToMotion()(clip)
    assert out.valid[0].tolist() == [True, False, False, False, False]
    assert out.pos[0, 1:].abs().max() == 0


def test_motion_of_a_single_node():
    data = Data(pos=torch.rand(1, 50, 3), valid=torch.ones(1, 50, dtype=torch.bool))
    assert ToMotion()(data).valid.all()


def test_streams_say_what_is_missing_where_the_clip_did_not():
    clip = make_clip()
    del clip.valid
    assert ToBones(UIPRMD22)(clip).valid.all() and ToMotion()(clip).valid.all()


def test_repr():
    assert repr(ToBones(UIPRMD22)) == "ToBones(uiprmd22)"
    assert repr(ToMotion()) == "ToMotion()"


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("scores", ["keep", "mean"])
def test_streams_alike_on_clip_and_batch(channels, scores):
    check_transform(ToStreams(UIPRMD22, scores=scores), make_clips(channels=channels))


def test_streams_stand_side_by_side():
    clip = make_clip(2, missing=0.1)
    out = ToStreams(UIPRMD22, ["bone_motion", "joint"])(clip)
    bone_motion = ToMotion()(ToBones(UIPRMD22)(clip))
    assert out.pos[..., :3].equal(bone_motion.pos) and out.pos[..., 3:].equal(clip.pos)
    assert out.valid.equal(bone_motion.valid & clip.valid)


def test_scores_as_means():
    clip = make_clip(channels=4, missing=0.0)
    score = clip.pos[..., 3]
    bones = ToBones(UIPRMD22, scores="mean")(clip).pos[..., 3]
    assert bones[CHILD].equal((score[CHILD] + score[PARENT]) / 2)
    assert bones[ROOT].equal(score[ROOT])
    motion = ToMotion(scores="mean")(clip).pos[..., 3]
    assert motion[:, :-1].equal((score[:, 1:] + score[:, :-1]) / 2)
    assert motion[:, -1].abs().max() == 0


def test_bad_streams():
    for make in (lambda: ToBones(UIPRMD22, scores="max"), lambda: ToMotion(scores="max")):
        with pytest.raises(ConfigError, match="scores 'max'"):
            make()
    with pytest.raises(ConfigError, match="stream 'bones'"):
        ToStreams(UIPRMD22, ["bones"])
    with pytest.raises(ConfigError, match="at least one"):
        ToStreams(UIPRMD22, [])
    assert repr(ToStreams(UIPRMD22, ["joint", "bone"])) == "ToStreams(uiprmd22, joint, bone)"
