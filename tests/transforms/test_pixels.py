import pytest
import torch
from transforms_helpers import check_transform, make_clip, make_clips

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.transforms import PreNormalize2D


def pixels(clip):
    """Pixels, and a score if there is a third channel."""
    clip.pos[..., :2] = clip.pos[..., :2] * 100 + 500
    if clip.pos.size(-1) > 2:
        clip.pos[..., 2] = clip.pos[..., 2].sigmoid()
    return clip


@pytest.mark.parametrize("channels", [2, 3])
@pytest.mark.parametrize("transform", [PreNormalize2D((640, 480)), PreNormalize2D(None)], ids=repr)
def test_alike_on_clip_and_batch(transform, channels):
    check_transform(transform, [pixels(clip) for clip in make_clips(channels=channels)])


def test_the_image_becomes_minus_one_to_one():
    clip = make_clip(channels=2, missing=0.0)
    clip.pos[0, :3] = torch.tensor([[0.0, 0.0], [640.0, 480.0], [320.0, 120.0]])
    out = PreNormalize2D((640, 480))(clip)
    assert out.pos[0, :3].tolist() == [[-1.0, -1.0], [1.0, 1.0], [0.0, -0.5]]


def test_the_box_around_present_joints_does():
    clip = pixels(make_clip(2, channels=2, missing=0.3))
    out = PreNormalize2D(None)(clip)
    assert out.pos[clip.valid].amin(0).tolist() == pytest.approx([-1.0, -1.0])
    assert out.pos[clip.valid].amax(0).tolist() == pytest.approx([1.0, 1.0])
    assert out.pos[~clip.valid].abs().max() == 0


def test_small_boxes_stay():
    clip = make_clip(channels=2, missing=0.0)
    assert PreNormalize2D(None)(clip).pos.equal(clip.pos)
    clip.valid[:] = False
    assert PreNormalize2D(None)(clip).pos.abs().max() == 0


def test_low_scores_are_missing_and_zero_and_scores_stay():
    clip = pixels(make_clip(channels=3, missing=0.0))
    out = PreNormalize2D(threshold=0.9)(clip)
    assert out.valid.equal(clip.pos[..., 2] > 0.9) and not out.valid.all()
    assert out.pos[~out.valid][:, :2].abs().max() == 0
    assert out.pos[..., 2].equal(clip.pos[..., 2])


def test_bad_settings_and_repr():
    with pytest.raises(ConfigError, match="image_size"):
        PreNormalize2D((0, 5))
    with pytest.raises(ConfigError, match="threshold"):
        PreNormalize2D(threshold=1.0)
    with pytest.raises(DataError, match="two coordinates"):
        PreNormalize2D()(make_clip(channels=1))
    assert repr(PreNormalize2D()) == "PreNormalize2D(image_size=(1920, 1080), threshold=0.01)"
