import pytest
import torch
from torch_geometric.transforms import Compose
from transforms_helpers import check_transform, make_clip, make_clips

from pyg_skeletonmae.batch import as_tracks
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.transforms import KeepPersons, UniformSample
from pyg_skeletonmae.transforms.tracks import repeat_tracks

V = UIPRMD22.num_joints


def test_repeat_tracks():
    track, view = repeat_tracks(torch.tensor([10, 0]), torch.tensor([2, 1]), 2)
    assert track.tolist() == [10, 11, 10, 11, 0, 0]
    assert view.tolist() == [0, 0, 1, 1, 2, 3]
    track, view = repeat_tracks(torch.tensor([4, 7]), torch.tensor([1, 2]), 1)
    assert (track.tolist(), view.tolist()) == ([4, 7, 8], [0, 1, 1])


@pytest.mark.parametrize("fill", ["none", "loop"])
@pytest.mark.parametrize("persons", [1, 2, 3])
def test_alike_on_clip_and_batch(persons, fill):
    clips = check_transform(KeepPersons(persons, fill), make_clips((1, 2, 5)))
    wanted = [min(persons, p) if fill == "none" else persons for p in (1, 2, 5)]
    assert [int(clip.num_tracks) for clip in clips] == wanted


def test_who_is_kept():
    clip = make_clip(3)
    tracks = as_tracks(clip.pos, V)
    assert as_tracks(KeepPersons(2)(clip).pos, V).equal(tracks[:2])
    lone = KeepPersons(3, "loop")(make_clip(1))
    assert as_tracks(lone.pos, V).equal(as_tracks(make_clip(1).pos, V).expand(3, -1, -1, -1))
    two = as_tracks(KeepPersons(4, "loop")(make_clip(2)).pos, V)
    assert two[2].equal(two[0]) and two[3].equal(two[0]) and not two[1].equal(two[0])


def test_clips_without_valid_stay_without():
    clip = make_clip(2)
    del clip.valid
    assert "valid" not in KeepPersons(1)(clip)


def test_bad_settings_and_repr():
    with pytest.raises(ConfigError, match="persons 0"):
        KeepPersons(0)
    with pytest.raises(ConfigError, match="fill 'zero'"):
        KeepPersons(1, "zero")
    assert repr(KeepPersons(2, "loop")) == "KeepPersons(persons=2, fill='loop')"


def test_zeros_stand_for_who_is_absent():
    clip = make_clip(1)
    two = KeepPersons(2, "zeros")(clip)
    first, second = as_tracks(two.pos, V)
    assert first.equal(clip.pos) and not second.any()
    assert two.valid[:V].equal(clip.valid) and two.valid[V:].all()
    check_transform(KeepPersons(2, "zeros"), make_clips((1, 2, 5)))


@pytest.mark.parametrize("fill", ["none", "loop", "zeros"])
def test_each_view_keeps_its_persons(fill):
    clip = make_clip(3, frames=6)
    views = UniformSample(6, views=2)
    for persons in (1, 2, 4):
        transform = Compose([views, KeepPersons(persons, fill)])
        found = as_tracks(check_transform(transform, make_clips((3, 1), frames=6))[0].pos, V)
        alone = as_tracks(KeepPersons(persons, fill)(clip).pos, V)
        assert len(found) == 2 * len(alone)
        seen = as_tracks(views(clip).pos, V)[3 : 3 + min(persons, 3)]  # the second view
        assert found[len(alone) : len(alone) + len(seen)].equal(seen)
