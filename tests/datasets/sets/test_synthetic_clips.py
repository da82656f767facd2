import pytest
import torch

from pyg_skeletonmae.datasets.sets.synthetic_clips import MAX_FRAMES, MIN_FRAMES, SyntheticClips
from pyg_skeletonmae.errors import ConfigError, SkeletonError
from pyg_skeletonmae.layouts import COCO17, HAND21, NTU25

ARGUMENTS = {
    "num_clips": 36, "skeleton": NTU25, "num_classes": 12, "num_subjects": 3, "seed": 0,
    "num_channels": 3, "noise": 1.0,
}  # fmt: skip


def clips(**changes):
    return list(SyntheticClips(**{**ARGUMENTS, **changes}))


def test_labels_subjects_and_persons():
    made = clips(num_classes=6, num_clips=40)
    assert [clip.label for clip in made[:7]] == [0, 1, 2, 3, 4, 5, 0]
    assert [clip.subject for clip in made[::6]] == [1, 2, 3, 1, 2, 3, 1]
    assert made[0].name == "wave-s01-00000"
    assert [clip.pos.shape[0] for clip in made[:6]] == [1, 1, 1, 1, 1, 2]
    for clip in made:
        persons, frames, joints, channels = clip.pos.shape
        assert MIN_FRAMES <= frames <= MAX_FRAMES
        assert (joints, channels) == (25, 3)
        assert clip.valid.shape == (persons, frames, joints)
    assert len({clip.pos.shape[1] for clip in made}) > 10


def test_a_clip_depends_on_seed_and_number_alone():
    few, many, other = clips(num_clips=5), clips(num_clips=36), clips(num_clips=5, seed=1)
    for a, b, c in zip(few, many[:5], other, strict=True):
        assert torch.equal(a.pos, b.pos)
        assert torch.equal(a.valid, b.valid)
        assert a.pos.shape != c.pos.shape or not torch.equal(a.pos, c.pos)


def test_known_numbers():
    """The same on every platform; these change only when the motion is changed on purpose."""
    first = clips(num_clips=1)[0].pos
    assert first.shape == (1, 72, 25, 3)
    pelvis = torch.tensor([0.24243, 0.10327, 3.32080])
    torch.testing.assert_close(first[0, 0, 0], pelvis, atol=5e-4, rtol=0)


def test_people_are_people():
    for clip in clips(noise=0.0):
        place = dict(zip(NTU25.joints, clip.pos.unbind(2), strict=True))
        tall = (place["head"] - place["left_foot"])[..., 1]
        assert tall[:, 0].min() > 1.1
        assert tall.max() < 2.1
        thigh = (place["left_hip"] - place["left_knee"]).norm(dim=-1)
        assert thigh.std(1).max() < 1e-3  # bones are stiff
        assert thigh.min() > 0.3
        assert thigh.max() < 0.55
        assert clip.pos[..., 2].min() > 0.5  # before the camera
        assert clip.valid.all()


def test_feet_stay_near_the_floor_unless_it_is_a_jump():
    for clip in clips(noise=0.0):
        foot = torch.minimum(clip.pos[..., 15, 1], clip.pos[..., 19, 1])
        rise = float((foot.amax(1) - foot.amin(1)).max())
        assert (rise > 0.2) if "jump" in clip.name else rise < 0.75


def test_two_people_face_each_other_and_meet():
    for clip in clips(num_classes=6, num_clips=60, noise=0.0)[5::6]:
        place = dict(zip(NTU25.joints, clip.pos.unbind(2), strict=True))
        hands = [place[f"{side}_hand"] for side in ("left", "right")]
        between = torch.stack([(a[0] - b[1]).norm(dim=-1) for a in hands for b in hands])
        assert between.min() < 0.45
        assert (place["pelvis"][0] - place["pelvis"][1]).norm(dim=-1).min() > 0.6


def test_noise_is_a_factor():
    quiet, usual, loud = (clips(noise=noise)[3].pos for noise in (0.0, 1.0, 3.0))
    assert 0.010 < (usual - quiet).std() < 0.020
    torch.testing.assert_close(loud - quiet, 3 * (usual - quiet), atol=2e-3, rtol=0)


def test_limbs_drop_out_whole_and_for_a_while():
    made = clips(num_clips=60)
    missing = torch.tensor([float((~clip.valid).float().mean()) for clip in made])
    assert 0.05 < (missing > 0).float().mean() < 0.6
    assert missing.mean() < 0.05
    for clip in made:
        gone = ~clip.valid
        assert int(gone.any(-1).sum(1).max()) <= 16
        wrists = [NTU25.index(f"{side}_wrist") for side in ("left", "right")]
        hands = [NTU25.index(f"{side}_hand") for side in ("left", "right")]
        assert torch.equal(gone[..., wrists], gone[..., hands])
        assert clip.valid[..., NTU25.index("pelvis")].all()


def test_a_camera_sees_two_channels():
    flat, deep = (clips(skeleton=COCO17, num_channels=c, noise=0.0)[1].pos for c in (2, 3))
    assert flat.shape[-1] == 2
    torch.testing.assert_close(flat, -deep[..., :2] / deep[..., 2:], atol=1e-3, rtol=0)
    nose, ankle = COCO17.index("nose"), COCO17.index("left_ankle")
    assert (flat[0, :, nose, 1] < flat[0, :, ankle, 1]).all()  # y down


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_clips", 0), ("num_classes", 1), ("num_classes", 17), ("num_subjects", 0),
        ("num_channels", 4), ("noise", -1.0),
    ],
)  # fmt: skip
def test_bad_settings(name, value):
    with pytest.raises(ConfigError, match=f"{name} = {value}"):
        clips(**{name: value})


def test_a_hand_cannot_kick():
    with pytest.raises(SkeletonError, match="hand21"):
        clips(skeleton=HAND21)
