import pytest
import torch
from torch_geometric.data import Batch, Data

from pyg_skeletonmae import batch as layout
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.skeleton import Skeleton

STICK = Skeleton.from_parents("stick", ["hip", "neck", "head"], [-1, 0, 1])


def clip(number: int, tracks: int, frames: int = 4, **fields) -> Data:
    pos = torch.arange(tracks * 3 * frames * 2, dtype=torch.float).reshape(-1, frames, 2)
    return Data(
        pos=pos + 1000 * number,
        edge_index=layout.tracks_edge_index(STICK, tracks),
        num_tracks=torch.tensor([tracks]),
        clip_id=torch.tensor([number]),
        **fields,
    )


BATCH = Batch.from_data_list([clip(0, 2), clip(1, 1), clip(2, 3)])


def test_whether_all_is_present():
    assert layout.all_present(None) and layout.all_present(torch.ones(2, 3, dtype=torch.bool))
    assert not layout.all_present(torch.eye(2).bool())


def test_as_tracks_is_a_view():
    tracks = layout.as_tracks(BATCH.pos, 3)
    assert tracks.shape == (6, 3, 4, 2)
    assert tracks.data_ptr() == BATCH.pos.data_ptr()
    assert torch.equal(tracks[2], clip(1, 1).pos)


def test_as_tracks_refuses_another_skeleton():
    with pytest.raises(DataError, match="18 nodes are no whole number of tracks of 5 joints"):
        layout.as_tracks(BATCH.pos, 5)


def test_counts_and_owners():
    assert layout.num_clips(BATCH) == 3
    assert layout.num_clips(clip(0, 2)) == 1
    assert layout.clip_of_track(BATCH).tolist() == [0, 0, 1, 2, 2, 2]
    assert torch.equal(layout.clip_of_node(BATCH), BATCH.batch)
    assert torch.equal(layout.clip_of_node(BATCH), layout.clip_of_track(BATCH).repeat_interleave(3))
    assert layout.clip_of_node(clip(0, 2)).tolist() == [0] * 6


def test_joints_are_present_unless_the_clip_says_otherwise():
    assert layout.valid_joints(BATCH).shape == (18, 4)
    assert layout.valid_joints(BATCH).all()
    valid = torch.rand(6, 4) > 0.5
    assert layout.valid_joints(clip(0, 2, valid=valid)) is valid


def test_missing_joints_are_read_as_zero_and_nothing_is_overwritten():
    valid = torch.ones(6, 4, dtype=torch.bool)
    valid[1, 2] = False
    data = clip(7, 2, valid=valid)
    tracks = layout.pos_tracks(data, 3)
    assert tracks[0, 1, 2].tolist() == [0, 0]
    assert torch.equal(tracks.reshape(6, 4, 2)[valid], data.pos[valid])
    assert torch.equal(data.pos, clip(7, 2).pos)
    assert torch.equal(layout.pos_tracks(clip(7, 2), 3).reshape(6, 4, 2), data.pos)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (Data(pos=torch.rand(6, 0, 3)), "with persons and frames"),
        (Data(pos=torch.rand(0, 4, 3)), "with persons and frames"),
        (Data(pos=torch.rand(6, 4)), "with persons and frames"),
        (Data(pos=torch.rand(6, 4, 2)), "clips of 2 channels, expected 3"),
        (Data(pos=torch.rand(6, 4, 3), num_tracks=torch.tensor([3])), "from another skeleton"),
        (Data(pos=torch.rand(7, 4, 3)), "from another skeleton"),
    ],
    ids=str,
)
def test_clips_that_are_none_for_a_model(data, said):
    """Six nodes of three persons would be two persons of three joints, and mix."""
    with pytest.raises(DataError, match=said):
        layout.pos_tracks(data, 3, channels=3)


def test_a_clip_without_coordinates_is_refused():
    with pytest.raises(DataError, match="'pos' is missing"):
        layout.positions(Data(num_tracks=torch.tensor([1])))


def test_zeros_are_not_missing():
    data = clip(0, 1)
    data.pos = torch.zeros_like(data.pos)
    assert layout.valid_joints(data).all()


def test_draws_follow_the_key_of_each_clip():
    keyed = [clip(i, 1, key=torch.tensor([100 + i])) for i in range(3)]
    together = layout.clip_draws(Batch.from_data_list(keyed)).uniform(5)
    alone = torch.cat([layout.clip_draws(data).uniform(5) for data in keyed])
    assert torch.equal(together, alone)


def test_draws_come_from_the_generator_without_keys():
    generator = torch.Generator().manual_seed(0)
    first = layout.clip_draws(BATCH, generator).uniform(5)
    second = layout.clip_draws(BATCH, generator).uniform(5)
    again = layout.clip_draws(BATCH, torch.Generator().manual_seed(0)).uniform(5)
    assert first.shape == (3, 5)
    assert not torch.equal(first, second)
    assert torch.equal(first, again)


def test_edges_of_tracks_are_what_collate_makes():
    one = layout.tracks_edge_index(STICK, 1)
    assert torch.equal(one, STICK.edge_index)
    people = [Data(edge_index=one, num_nodes=3) for _ in range(4)]
    assert torch.equal(layout.tracks_edge_index(STICK, 4), Batch.from_data_list(people).edge_index)
    assert layout.tracks_edge_index(STICK, 0).shape == (2, 0)


def test_missing_joints_read_as_zero():
    valid = torch.ones(6, 4, dtype=torch.bool)
    valid[4, 2] = False
    data = clip(5, 2, valid=valid)
    tracks = layout.pos_tracks(data, 3)
    assert (tracks[1, 1, 2] == 0).all()
    assert torch.equal(tracks.flatten(0, 1)[valid], data.pos[valid])
    assert (data.pos[4, 2] > 1000).all()


def test_positions_are_needed():
    with pytest.raises(DataError, match="'pos' is missing"):
        layout.pos_tracks(Data(num_tracks=torch.tensor([1])), 3)
