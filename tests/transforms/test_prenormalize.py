import math

import pytest
import torch
from torch_geometric.data import Batch
from transforms_helpers import check_transform, make_clip, make_clips

from pyg_skeletonmae.batch import as_tracks
from pyg_skeletonmae.errors import ConfigError, DataError, SkeletonError
from pyg_skeletonmae.layouts import COCO17, UIPRMD22
from pyg_skeletonmae.transforms import PreNormalize3D
from pyg_skeletonmae.transforms.prenormalize import shortest_rotation

V = UIPRMD22.num_joints
PELVIS, SPINE, LEFT, RIGHT = (
    UIPRMD22.index(joint) for joint in ("pelvis", "spine", "left_shoulder", "right_shoulder")
)


def lines(clip):
    pose = as_tracks(clip.pos, V)[0, :, 0]
    spine, shoulders = pose[SPINE] - pose[PELVIS], pose[RIGHT] - pose[LEFT]
    return spine / spine.norm(), shoulders / shoulders.norm()


@pytest.mark.parametrize("align", ["upright", "pyskl", "none"])
@pytest.mark.parametrize("channels", [3, 4])
def test_alike_on_clip_and_batch(align, channels):
    transform = PreNormalize3D(UIPRMD22, align, half=align == "pyskl")
    check_transform(transform, make_clips(channels=channels))


def test_upright_keeps_the_spine_along_z():
    for number in range(20):
        spine, shoulders = lines(PreNormalize3D(UIPRMD22)(make_clip(number=number, missing=0.0)))
        torch.testing.assert_close(spine, torch.tensor([0.0, 0.0, 1.0]), rtol=0, atol=1e-5)
        assert abs(shoulders[1]) < 1e-5 and shoulders[0] > 0


def test_pyskl_turns_the_shoulders_to_x_and_tilts_the_spine():
    spine, shoulders = lines(PreNormalize3D(UIPRMD22, "pyskl")(make_clip(missing=0.0)))
    torch.testing.assert_close(shoulders, torch.tensor([1.0, 0.0, 0.0]), rtol=0, atol=1e-5)
    assert spine[2] < 0.99


def test_distances_stay():
    clip = make_clip(2, missing=0.0)
    out = PreNormalize3D(UIPRMD22)(clip)
    before, after = (torch.cdist(c.pos[:, 3].double(), c.pos[:, 3].double()) for c in (clip, out))
    torch.testing.assert_close(before, after, rtol=0, atol=1e-4)


def test_the_centre_of_the_first_frame_is_the_origin():
    clip = make_clip(missing=0.0)
    out = PreNormalize3D(UIPRMD22, "none", center="pelvis")(clip)
    assert out.pos[PELVIS, 0].abs().max() == 0
    assert out.pos.equal(clip.pos - clip.pos[PELVIS, 0])
    clip.valid[PELVIS, 0] = False
    assert PreNormalize3D(UIPRMD22, "none", center="pelvis")(clip).pos.equal(clip.pos)


@pytest.mark.parametrize("align", ["none", "upright"])
def test_what_a_missing_centre_holds_has_no_say(align):
    clip = make_clip(missing=0.0)
    clip.valid[PELVIS, 0] = False
    clip.pos[PELVIS, 0] = torch.nan
    out = PreNormalize3D(UIPRMD22, align, center="pelvis")(clip)
    assert out.pos[out.valid].isfinite().all()


def test_missing_joints_stay():
    clip = make_clip(missing=0.3)
    out = PreNormalize3D(UIPRMD22, "none")(clip)
    assert out.pos[~clip.valid].equal(clip.pos[~clip.valid])


def test_the_person_who_is_there_longest_comes_first_and_sets_the_frames():
    clip = make_clip(3, frames=6, missing=0.0)
    clip.valid[:V, 2:] = False
    clip.valid[2 * V :, 0] = False
    out = PreNormalize3D(UIPRMD22, "none")(clip)
    tracks, old = as_tracks(out.valid, V), as_tracks(clip.valid, V)
    assert tracks[0].equal(old[1]) and tracks[1].equal(old[0])  # nobody else is there always
    clip.valid[V : 2 * V, :3] = False
    out = PreNormalize3D(UIPRMD22, "none")(clip)
    assert out.pos.size(1) == 5 and as_tracks(out.valid, V)[0].all()
    assert as_tracks(out.valid, V)[2].equal(old[0][:, 1:])


def test_clips_of_a_batch_may_lose_equally_many_frames_only():
    clips = make_clips((1, 1), missing=0.0)
    clips[0].valid[:, 3] = False
    with pytest.raises(DataError, match="8 to 9 frames: use PreNormalize3D as pre_transform"):
        PreNormalize3D(UIPRMD22)(Batch.from_data_list(clips))
    clips[1].valid[:, 7] = False
    assert all(clip.pos.size(1) == 8 for clip in check_transform(PreNormalize3D(UIPRMD22), clips))


def test_nobody_and_clips_without_valid():
    clip = make_clip()
    clip.valid[:] = False
    assert PreNormalize3D(UIPRMD22)(clip).pos.equal(clip.pos)
    del clip.valid
    assert PreNormalize3D(UIPRMD22)(clip).pos.size(1) == clip.pos.size(1)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_shortest_rotation(axis):
    generator = torch.Generator().manual_seed(0)
    line = torch.randn(50, 3, generator=generator, dtype=torch.double)
    line[0] = 0.0
    line[1] = torch.eye(3)[axis] * 2
    line[2] = -line[1]
    matrix = shortest_rotation(line, axis)
    turned = (matrix @ line[..., None])[..., 0]
    wanted = torch.eye(3, dtype=torch.double)[axis] * line.norm(dim=1, keepdim=True)
    torch.testing.assert_close(turned, wanted, rtol=0, atol=1e-7)
    eye = torch.eye(3, dtype=torch.double).expand(50, 3, 3)
    torch.testing.assert_close(matrix @ matrix.mT, eye)
    torch.testing.assert_close(torch.linalg.det(matrix), torch.ones(50, dtype=torch.double))
    kept = shortest_rotation(line, axis, half_turns=False)
    assert kept[:3].equal(eye[:3]) and kept[3:].equal(matrix[3:])
    # The shortest way: the angle is that between the two directions.
    angle = torch.arccos((matrix.diagonal(dim1=1, dim2=2).sum(1) - 1).div(2).clamp(-1, 1))
    assert (angle[3:] - torch.arccos(line[3:, axis] / line[3:].norm(dim=1))).abs().max() < 1e-6
    assert angle[2] == pytest.approx(math.pi)


def test_bad_settings():
    with pytest.raises(ConfigError, match="align 'z'"):
        PreNormalize3D(UIPRMD22, "z")
    with pytest.raises(SkeletonError, match="pelvis"):
        PreNormalize3D(COCO17)
    with pytest.raises(SkeletonError, match="chin"):
        PreNormalize3D(UIPRMD22, center="chin")
    assert PreNormalize3D(COCO17, "none", center="nose").center == "nose"
    with pytest.raises(DataError, match="three coordinates"):
        PreNormalize3D(UIPRMD22)(make_clip(channels=2))


def test_repr():
    expected = "PreNormalize3D(uiprmd22, align='upright', center='pelvis', half=False)"
    assert repr(PreNormalize3D(UIPRMD22, center="pelvis")) == expected
