import math

import pytest
import torch
from transforms_helpers import check_transform, make_clip, make_clips, shares_draws

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.layouts import HAND21, UIPRMD22
from pyg_skeletonmae.transforms import AlignTorso, RandomRotate3D
from pyg_skeletonmae.transforms.rotation import axis_rotations

LEFT, RIGHT = UIPRMD22.index("left_shoulder"), UIPRMD22.index("right_shoulder")


@pytest.mark.parametrize("frames", [1, 9])
@pytest.mark.parametrize("degrees", [30.0, (0, 180, 0)])
def test_rotate_alike_on_clip_and_batch(degrees, frames):
    check_transform(RandomRotate3D(degrees), make_clips(frames=frames))


def test_rotations_turn_x_then_y_then_z():
    quarter = math.pi / 2
    angles = torch.eye(3, dtype=torch.double) * quarter
    x, y, z = axis_rotations(angles)
    unit = torch.eye(3, dtype=torch.double)
    torch.testing.assert_close(x @ unit[1], unit[2])
    torch.testing.assert_close(y @ unit[2], unit[0])
    torch.testing.assert_close(z @ unit[0], unit[1])
    both = axis_rotations(torch.tensor([[0.3, 0.4, 0.5]], dtype=torch.double))[0]
    single = axis_rotations(torch.diag(torch.tensor([0.3, 0.4, 0.5], dtype=torch.double)))
    torch.testing.assert_close(both, single[2] @ single[1] @ single[0])


def test_rotation_keeps_distances_and_further_channels():
    clip = make_clip(2, channels=4)
    out = RandomRotate3D(90)(clip)
    assert not torch.allclose(out.pos, clip.pos)
    torch.testing.assert_close(out.pos[..., :3].norm(dim=-1), clip.pos[..., :3].norm(dim=-1))
    before, after = (x.pos[..., :3].flatten(0, 1).double() for x in (clip, out))
    torch.testing.assert_close(
        torch.cdist(after, after), torch.cdist(before, before), atol=1e-4, rtol=1e-4
    )
    assert out.pos[..., 3].equal(clip.pos[..., 3])


def test_yaw_only_keeps_height():
    clip = make_clip()
    out = RandomRotate3D((0, 180, 0))(clip)
    torch.testing.assert_close(out.pos[..., 1], clip.pos[..., 1])
    assert not torch.allclose(out.pos[..., 0], clip.pos[..., 0])


def test_every_clip_its_own_angle_within_the_limit():
    assert not shares_draws(RandomRotate3D(30))
    clips = [make_clip(number=i) for i in range(200)]
    angles = []
    for clip in clips:
        clip.pos = torch.tensor([1.0, 0.0, 0.0]).expand_as(clip.pos)
        x, y, _ = RandomRotate3D((0, 0, 20))(clip).pos[0, 0].tolist()
        angles.append(math.degrees(math.atan2(y, x)))
    assert -20 <= min(angles) < -18 and 18 < max(angles) <= 20


@pytest.mark.parametrize("degrees", [-1, (1, 2), (1, 2, -3)])
def test_bad_degrees(degrees):
    with pytest.raises(ConfigError, match="expected one or three numbers"):
        RandomRotate3D(degrees)


@pytest.mark.parametrize("transform", [RandomRotate3D(10), AlignTorso(UIPRMD22)])
def test_planar_clips_are_refused(transform):
    with pytest.raises(DataError, match="needs three coordinates, these clips have 2"):
        transform(make_clip(channels=2))


@pytest.mark.parametrize("frames", [1, 9])
@pytest.mark.parametrize("missing", [0.0, 0.1, 0.9])
def test_align_alike_on_clip_and_batch(frames, missing):
    check_transform(AlignTorso(UIPRMD22), make_clips(frames=frames, missing=missing))


@pytest.mark.parametrize("vertical", [0, 1, 2])
def test_align_lays_the_shoulders_along_the_first_horizontal_axis(vertical):
    clip = make_clip(missing=0.0)
    clip.valid[LEFT, :2] = False
    out = AlignTorso(UIPRMD22, vertical=vertical)(clip)
    line = (out.pos[RIGHT] - out.pos[LEFT])[2]
    first, second = (axis for axis in range(3) if axis != vertical)
    assert line[first] > 0 and abs(float(line[second])) < 1e-5
    assert out.pos[..., vertical].equal(clip.pos[..., vertical])
    torch.testing.assert_close(out.pos.norm(dim=-1), clip.pos.norm(dim=-1))


def test_align_undoes_a_turn_about_the_vertical():
    align, clip = AlignTorso(UIPRMD22), make_clip(2)
    torch.testing.assert_close(
        align(RandomRotate3D((0, 180, 0))(clip)).pos, align(clip).pos, atol=1e-5, rtol=1e-4
    )


def test_align_leaves_a_clip_that_never_shows_both():
    clip = make_clip()
    clip.valid[LEFT] = False
    assert AlignTorso(UIPRMD22)(clip).pos.equal(clip.pos)


def test_align_settings():
    assert AlignTorso(UIPRMD22, left="left_hip").right == "right_hip"
    assert AlignTorso(UIPRMD22, left="LeftUpperArm", right="RightUpperArm").left == "left_shoulder"
    with pytest.raises(ConfigError, match="hand21 has no left-right pair"):
        AlignTorso(HAND21)
    with pytest.raises(ConfigError, match="vertical 3"):
        AlignTorso(UIPRMD22, vertical=3)


def test_repr():
    assert repr(RandomRotate3D(30)) == "RandomRotate3D(degrees=(30.0, 30.0, 30.0))"
    assert repr(AlignTorso(UIPRMD22)) == "AlignTorso(uiprmd22, left_shoulder -> right_shoulder)"
