import pytest
import torch
from transforms_helpers import assert_same, check_transform, make_clip, make_clips, shares_draws

from pyg_skeletonmae.batch import as_tracks
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.layouts import HAND21, UIPRMD22
from pyg_skeletonmae.transforms import FlipSides, JitterJoints


@pytest.mark.parametrize("frames", [1, 9])
@pytest.mark.parametrize(
    "transform", [JitterJoints(0.1), JitterJoints(0.1, steady=True), FlipSides(UIPRMD22)]
)
def test_alike_on_clip_and_batch(transform, frames):
    check_transform(transform, make_clips(frames=frames))


def test_jitter_has_the_asked_size_and_spares_missing_joints_and_scores():
    clip = make_clip(5, frames=50, channels=4)
    noise = JitterJoints(0.5)(clip).pos - clip.pos
    assert noise[clip.valid][:, :3].std() == pytest.approx(0.5, rel=0.02)
    assert noise[clip.valid][:, :3].mean() == pytest.approx(0.0, abs=0.01)
    assert noise[~clip.valid].abs().max() == 0 and noise[..., 3].abs().max() == 0


def test_jitter_differs_between_clips_and_between_persons():
    assert not shares_draws(JitterJoints(0.1))
    clip = make_clip(2, missing=0.0)
    noise = as_tracks(JitterJoints(0.1)(clip).pos - clip.pos, UIPRMD22.num_joints)
    assert not torch.allclose(noise[0], noise[1])


def test_steady_jitter_is_one_offset_per_joint():
    clip = make_clip(3, missing=0.0)
    noise = JitterJoints(0.5, steady=True)(clip).pos - clip.pos
    torch.testing.assert_close(noise, noise[:, :1].expand_as(noise), atol=1e-5, rtol=0)
    assert 0.3 < noise[:, 0].std() < 0.7


def test_flip_twice_is_the_identity():
    for clip in make_clips():
        flip = FlipSides(UIPRMD22, p=1.0)
        twice = flip(flip(clip))
        twice.key = clip.key
        assert_same(twice, clip)


def test_flip_exchanges_sides_and_mirrors():
    clip = make_clip()
    out = FlipSides(UIPRMD22, p=1.0)(clip)
    left, right = UIPRMD22.index("left_wrist"), UIPRMD22.index("right_wrist")
    assert out.pos[left].equal(clip.pos[right] * torch.tensor([-1.0, 1.0, 1.0]))
    assert out.valid[left].equal(clip.valid[right])
    up = FlipSides(UIPRMD22, p=1.0, axis=1)(make_clip(channels=2))
    assert up.pos[left].equal(make_clip(channels=2).pos[right] * torch.tensor([1.0, -1.0]))


def test_flip_is_drawn_per_clip():
    clips = [make_clip(number=i) for i in range(200)]
    flipped = [not FlipSides(UIPRMD22, p=0.3)(clip).pos.equal(clip.pos) for clip in clips]
    assert 40 <= sum(flipped) <= 80
    assert FlipSides(UIPRMD22, p=0.0)(clips[0]).pos.equal(clips[0].pos)


def test_bad_settings():
    with pytest.raises(ConfigError, match="hand21 has no left-right pairs"):
        FlipSides(HAND21)
    with pytest.raises(ConfigError, match=r"p 1\.5"):
        FlipSides(UIPRMD22, p=1.5)
    with pytest.raises(ConfigError, match="sigma -1"):
        JitterJoints(-1)
    with pytest.raises(DataError, match="the clips have 2 channels, none is 2"):
        FlipSides(UIPRMD22, axis=2)(make_clip(channels=2))


def test_repr():
    assert repr(JitterJoints(0.1)) == "JitterJoints(sigma=0.1, steady=False)"
    assert repr(FlipSides(UIPRMD22)) == "FlipSides(uiprmd22, p=0.5, axis=0)"
