import pytest
import torch
from torch_geometric.data import Batch
from transforms_helpers import check_transform, make_clip, make_clips, shares_draws

from pyg_skeletonmae.batch import as_tracks, tracks_edge_index
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.transforms import CropResize, MaskJoints, RandomMask, UniformSample
from pyg_skeletonmae.transforms.sampling import crop_length, middle_crop, spread_frames
from pyg_skeletonmae.transforms.timeplan import Window

V = UIPRMD22.num_joints
ORIGINS = ["ours", "UniformSample", "UniformSampleDecode"]


@pytest.mark.parametrize("frames", [1, 9, 40])
@pytest.mark.parametrize(
    "transform",
    [
        CropResize(8),
        CropResize(8, least=4),
        CropResize(8, 0.9, None),
        UniformSample(16),
        UniformSample(6, views=3),
        UniformSample(6, views=3, train=False),
        UniformSample(12, 2, 0.3, 0.6),
        *(UniformSample(8, 2, 0.5, train=False, origin=origin) for origin in ORIGINS),
    ],
    ids=repr,
)
def test_alike_on_clip_and_batch(transform, frames):
    for clip in check_transform(transform, make_clips((1, 2, 5), frames=frames)):
        assert clip.pos.size(1) == transform.frames


def timed_clip(frames: int, number: int = 0, persons: int = 1):
    """A clip whose coordinates are the numbers of its frames."""
    clip = make_clip(persons, frames=frames, number=number, missing=0.0)
    clip.pos = torch.arange(float(frames))[None, :, None].expand(clip.pos.shape).contiguous()
    return clip


@pytest.mark.parametrize(("length", "frames"), [(5, 8), (8, 8), (13, 8), (16, 8), (90, 8)])
def test_one_frame_of_each_part(length, frames):
    starts, seen = set(), set()
    for number in range(120):
        times = UniformSample(frames)(timed_clip(length, number)).pos[0, :, 0].long().tolist()
        starts.add(times[0])
        seen.update(times)
        if length < frames:
            assert times == [(times[0] + step) % length for step in range(frames)]
            continue
        assert times == sorted(set(times)) and len(times) == frames
        if length >= 2 * frames:
            assert all(
                i * length // frames <= t < (i + 1) * length // frames for i, t in enumerate(times)
            )
    assert seen == set(range(length))
    assert len(starts) > 1 or length == frames


def test_spread_frames_jumps_over_what_is_skipped():
    skipped = torch.zeros(1, 5, dtype=torch.bool)
    skipped[0, [0, 2]] = True
    none = torch.zeros(1, 4, dtype=torch.long)
    found = spread_frames(torch.tensor([6]), torch.tensor([9]), skipped, none)
    assert found.tolist() == [[1, 2, 4, 5]]


def test_crop_keeps_frames_inside_and_one_origin_does_not():
    def times(origin):
        clips = [timed_clip(40, number) for number in range(100)]
        sample = UniformSample(32, 1, 0.3, 0.3, origin=origin)
        return [sample(clip).pos[0, :, 0].long() for clip in clips]

    for origin in ("ours", "UniformSampleDecode"):
        assert all(len(t.unique()) == 12 for t in times(origin))
    assert all(len(t.unique()) == 32 for t in times("UniformSample"))


def test_a_crop_has_at_least_one_frame():
    out = UniformSample(4, 1, 0.1, 0.1)(timed_clip(5))
    assert len(out.pos[0, :, 0].unique()) == 1


def test_testing_is_the_same_every_time_for_every_clip():
    for length in (5, 12, 40):
        sample = UniformSample(8, views=3, train=False)
        first, second = (sample(timed_clip(length, number)).pos for number in (0, 7))
        assert first.equal(second)
    starts = UniformSample(8, 3, train=False)(timed_clip(6)).pos[::V, 0, 0].tolist()
    assert starts == [0, 2, 4]
    decode = UniformSample(8, 3, train=False, origin="UniformSampleDecode")
    assert decode(timed_clip(6)).pos[::V, 0, 0].tolist() != starts


def test_views_are_further_tracks():
    clip = timed_clip(40, persons=2)
    clip.pos = clip.pos + 1000.0 * torch.arange(2.0).repeat_interleave(V)[:, None, None]
    out = UniformSample(8, views=3)(clip)
    assert out.num_views.tolist() == [3]
    assert out.num_tracks.tolist() == [6] and out.pos.shape == (6 * V, 8, 3)
    assert out.edge_index.equal(tracks_edge_index(UIPRMD22, 6))
    tracks = as_tracks(out.pos, V)[:, 0, :, 0]
    assert (tracks >= 1000).all(dim=1).tolist() == [False, True] * 3  # persons within a view
    assert (tracks[::2] + 1000).equal(tracks[1::2])  # who see the same frames
    assert len({tuple(t) for t in tracks[::2].tolist()}) == 3
    batch = UniformSample(8, views=3)(Batch.from_data_list(make_clips((1, 2), frames=20)))
    assert batch.batch.bincount().tolist() == [3 * V, 6 * V] and batch.ptr.tolist() == [0, 66, 198]


def test_crop_rules():
    length = torch.tensor([40, 100, 300])
    assert crop_length(length, torch.full((3,), 0.5).double(), 64).tolist() == [40, 64, 150]
    window = middle_crop(Window(torch.zeros(3, dtype=torch.long), length), 0.95)
    assert window.start.tolist() == [1, 2, 7] and window.length.tolist() == [38, 96, 286]


def test_draws_differ_between_clips_and_move_on():
    assert not shares_draws(CropResize(8, least=2))
    assert not shares_draws(UniformSample(3))
    clip = make_clip(frames=30)
    assert not UniformSample(3)(clip).key.equal(clip.key)


def test_windows_of_a_plan_stay_inside():
    window = Window(torch.tensor([5, 9]), torch.tensor([30, 4]))
    for sampler in (CropResize(7, least=2), UniformSample(7, 2, 0.2)):
        for seed in range(20):
            plan = sampler.plan(window, Draws(torch.tensor([seed, -seed])))
            first = window.start.repeat_interleave(sampler.views)[:, None]
            last = first + window.length.repeat_interleave(sampler.views)[:, None] - 1
            assert (plan.low >= first).all() and (plan.high <= last).all()


def test_masks_are_refused():
    clip = MaskJoints(RandomMask(0.5), UIPRMD22)(make_clip())
    for transform in (CropResize(4), UniformSample(4, 2)):
        with pytest.raises(DataError, match="draw masks as the last step"):
            transform(clip)


def test_bad_settings():
    with pytest.raises(ConfigError, match="frames 0"):
        CropResize(0)
    with pytest.raises(ConfigError, match="views 0"):
        UniformSample(4, 0)
    with pytest.raises(ConfigError, match=r"crop 0\.9 to 0\.5"):
        CropResize(4, 0.9, 0.5)
    with pytest.raises(ConfigError, match=r"crop 0\.0 to 1\.0"):
        UniformSample(4, 1, 0.0)
    with pytest.raises(ConfigError, match="origin 'pyskl'"):
        UniformSample(4, origin="pyskl")


def test_repr():
    assert repr(CropResize(120)) == "CropResize(120, 0.5, 1.0, least=64)"
    expected = "UniformSample(48, 1.0, 1.0, views=10, train=False, origin='ours')"
    assert repr(UniformSample(48, 10, train=False)) == expected
