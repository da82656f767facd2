import pytest
import torch
from torch_geometric.data import Batch
from transforms_helpers import check_transform, make_clip, make_clips, shares_draws

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.transforms import CropTime, DropFrames, Resample


@pytest.mark.parametrize("frames", [1, 2, 9])
@pytest.mark.parametrize(
    "transform",
    [
        Resample(5),
        Resample(20),
        Resample(1),
        Resample(7, "nearest"),
        CropTime(0.5),
        CropTime(0.6, random=False),
        DropFrames(0.5),
    ],
    ids=repr,
)
def test_alike_on_clip_and_batch(transform, frames):
    check_transform(transform, make_clips(frames=frames))


def test_resample_keeps_the_ends_and_blends_between():
    clip = make_clip(frames=3, missing=0.0)
    out = Resample(5)(clip)
    assert out.pos[:, ::2].equal(clip.pos)
    torch.testing.assert_close(out.pos[:, 1], (clip.pos[:, 0] + clip.pos[:, 1]) / 2)
    assert out.valid.all()


def test_resample_is_present_where_all_it_reads_is():
    clip = make_clip(frames=3, missing=0.0)
    clip.valid[4, 1] = False
    assert Resample(5)(clip).valid[4].tolist() == [True, False, False, False, True]
    assert Resample(2)(clip).valid[4].tolist() == [True, True]
    assert Resample(5, "nearest")(clip).valid[4].tolist() == [True, False, False, True, True]


def test_one_frame_becomes_many_and_many_one():
    clip = make_clip(frames=1)
    assert Resample(4)(clip).pos.equal(clip.pos.expand(-1, 4, -1))
    long = make_clip(frames=5)
    assert Resample(1)(long).pos[:, 0].equal(long.pos[:, 2])


def test_clips_without_valid_stay_without():
    clip = make_clip()
    del clip.valid
    assert "valid" not in Resample(4)(clip)


def test_crop_takes_windows_of_every_allowed_length_and_place():
    clips = [make_clip(frames=10, number=i) for i in range(200)]
    for clip in clips:
        clip.pos = torch.arange(10.0)[None, :, None].expand(clip.pos.shape)
    outs = [CropTime(0.5, 1.0)(clip).pos[0, :, 0].tolist() for clip in clips]
    assert {len(out) for out in outs} == {5, 6, 7, 8, 9, 10}
    assert {int(out[0]) for out in outs if len(out) == 5} == {0, 1, 2, 3, 4, 5}
    assert all(out == list(range(int(out[0]), int(out[0]) + len(out))) for out in outs)


def test_crop_in_the_middle():
    clip = make_clip(frames=10)
    out = CropTime(0.6, random=False)(clip)
    assert out.pos.equal(clip.pos[:, 2:8]) and out.valid.equal(clip.valid[:, 2:8])


def test_crop_keeps_at_least_one_frame():
    assert CropTime(0.01)(make_clip(frames=3)).pos.size(1) == 1


def test_windows_of_several_lengths_cannot_be_one_batch():
    with pytest.raises(DataError, match="put Resample"):
        CropTime(0.2, 1.0)(Batch.from_data_list(make_clips(frames=50)))


def test_draws_differ_between_clips():
    assert not shares_draws(CropTime(0.5))
    assert not shares_draws(DropFrames(0.5))


def test_dropped_frames_are_missing_for_all_and_hold_nothing():
    clip = make_clip(2, frames=400, missing=0.0)
    out = DropFrames(0.3)(clip)
    dropped = ~out.valid[0]
    assert (out.valid == out.valid[0]).all()
    assert 80 <= int(dropped.sum()) <= 160
    assert out.pos[:, dropped].abs().max() == 0
    assert out.pos[:, ~dropped].equal(clip.pos[:, ~dropped])


def test_dropping_leaves_a_frame_and_finds_no_joint_again():
    clip = make_clip(frames=6)
    out = DropFrames(0.999)(clip)
    assert (out.pos != 0).any() and (out.valid <= clip.valid).all()
    single = make_clip(frames=1)
    assert DropFrames(0.999)(single).pos.equal(single.pos)


def test_dropping_makes_valid_where_there_was_none():
    clip = make_clip(frames=20)
    del clip.valid
    assert not DropFrames(0.5)(clip).valid.all()


def test_bad_settings():
    with pytest.raises(ConfigError, match="frames 0"):
        Resample(0)
    with pytest.raises(ConfigError, match="mode 'cubic'"):
        Resample(3, "cubic")
    for ratios in [(0.0, 1.0), (0.5, 0.4), (0.5, 1.1)]:
        with pytest.raises(ConfigError, match="expected 0 < min <= max <= 1"):
            CropTime(*ratios)
    with pytest.raises(ConfigError, match="one ratio where nothing is random"):
        CropTime(0.5, 1.0, random=False)
    with pytest.raises(ConfigError, match=r"p 1\.0"):
        DropFrames(1.0)


def test_repr():
    assert repr(Resample(64)) == "Resample(frames=64, mode='linear')"
    assert repr(CropTime(0.5, 1.0)) == "CropTime(0.5, 1.0, random=True)"
    assert repr(DropFrames(0.1)) == "DropFrames(p=0.1)"
