import pytest
import torch
from torch_geometric.data import Batch
from transforms_helpers import check_transform, make_clip, make_clips, shares_draws

from pyg_skeletonmae.batch import as_tracks
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.layouts import COCO17, KINECT20, LAYOUTS, NTU25, UIPRMD22
from pyg_skeletonmae.models import GraphSkeletonMAE
from pyg_skeletonmae.transforms import MaskEdges, MaskJoints, MotionMask, PartMask, RandomMask
from pyg_skeletonmae.transforms.masking import hidden_bones


@pytest.mark.parametrize("frames", [1, 9])
@pytest.mark.parametrize(
    "transform",
    [
        MaskJoints(RandomMask(0.4), UIPRMD22),
        MaskJoints(PartMask("random"), UIPRMD22),
        MaskEdges(0.5, UIPRMD22),
    ],
    ids=repr,
)
def test_alike_on_clip_and_batch(transform, frames):
    check_transform(transform, make_clips(frames=frames))


def test_joints_are_masked_by_the_policy_where_they_are_present():
    clip = make_clip(2, missing=0.2)
    mask = MaskJoints(PartMask(["head"]), UIPRMD22)(clip).joint_mask
    head = [UIPRMD22.index(joint) for joint in UIPRMD22.parts["head"]]
    expected = torch.zeros(2, UIPRMD22.num_joints, clip.pos.size(1), dtype=torch.bool)
    expected[:, head] = True
    assert mask.equal(expected.flatten(0, 1) & clip.valid)


def test_what_missing_joints_hold_has_no_say():
    clip = make_clip(1, missing=0.2)
    other = clip.clone()
    other.pos[~clip.valid] = torch.nan
    for data in (clip, other):
        data.key = torch.tensor([5])
    masks = [MaskJoints(MotionMask(0.5), UIPRMD22)(data).joint_mask for data in (clip, other)]
    assert masks[0].any() and torch.equal(*masks)


def test_exact_count_for_every_person():
    batch = Batch.from_data_list(make_clips((1, 2, 5), missing=0.0))
    mask = as_tracks(MaskJoints(RandomMask(0.5), UIPRMD22)(batch).joint_mask, UIPRMD22.num_joints)
    assert (mask.sum(dim=1) == UIPRMD22.num_joints // 2).all()
    assert len({tuple(track[:, 0].tolist()) for track in mask}) == 8


def test_draws_differ_between_clips():
    assert not shares_draws(MaskJoints(RandomMask(0.5), UIPRMD22), "joint_mask")
    assert not shares_draws(MaskEdges(0.5, UIPRMD22), "edge_mask")


@pytest.mark.parametrize("skeleton", [UIPRMD22, COCO17, NTU25], ids=lambda s: s.name)
@pytest.mark.parametrize("ratio", [0.0, 0.3, 0.99])
def test_edges_are_masked_as_bones_in_both_directions(skeleton, ratio):
    clips = [make_clip(p, number=p, skeleton=skeleton) for p in (1, 2, 5)]
    batch = MaskEdges(ratio, skeleton)(Batch.from_data_list(clips))
    bones = skeleton.edge_index.size(1) // 2
    masked = {tuple(e) for e in batch.edge_index[:, batch.edge_mask].t().tolist()}
    assert masked == {(b, a) for a, b in masked}
    per_track = batch.edge_mask.view(8, -1).sum(dim=1)
    assert (per_track == 2 * hidden_bones(bones, ratio)).all()


def test_every_person_loses_bones_of_its_own():
    mask = MaskEdges(0.5, UIPRMD22)(make_clip(5)).edge_mask.view(5, -1)
    assert len({tuple(track.tolist()) for track in mask}) == 5


def test_edges_of_another_skeleton_are_refused():
    with pytest.raises(DataError, match="expected 32 edges, found 42"):
        MaskEdges(0.5, COCO17)(make_clip())
    with pytest.raises(ConfigError, match="edge mask ratio 1"):
        MaskEdges(1.0, UIPRMD22)


def test_repr():
    assert repr(MaskEdges(0.5, UIPRMD22)) == "MaskEdges(ratio=0.5, uiprmd22)"
    joints = repr(MaskJoints(RandomMask(0.5), UIPRMD22))
    assert joints == "MaskJoints(RandomMask(ratio=0.5, keep='exact'), uiprmd22)"


@pytest.mark.parametrize("skeleton", LAYOUTS.values(), ids=lambda s: s.name)
@pytest.mark.parametrize("ratio", [0.0, 0.001, 0.25, 0.5, 0.75, 0.999])
def test_the_model_hides_as_many_bones_as_the_transform(skeleton, ratio):
    clips = [make_clip(p, number=p, skeleton=skeleton) for p in (1, 3)]
    mask = MaskEdges(ratio, skeleton)(Batch.from_data_list(clips)).edge_mask.view(4, -1)
    hidden = hidden_bones(skeleton.edge_index.size(1) // 2, ratio)
    assert (mask.sum(1) == 2 * hidden).all() and 2 * hidden < mask.size(1)
    model = GraphSkeletonMAE(skeleton, hidden_channels=8, edge_ratio=ratio, edge_weight=ratio)
    masks = []
    model.encoder.masked_adjacency = lambda m: masks.append(m) or model.encoder.adjacency
    model(Batch.from_data_list(clips))
    assert [m.view(4, -1).sum(1).tolist() for m in masks] == [[2 * hidden] * 4] * (ratio > 0)
    assert (hidden > 0) == (ratio > 0)


def test_halves_of_an_odd_number_of_bones():
    assert KINECT20.edge_index.size(1) == 2 * 19 and hidden_bones(19, 0.5) == 9
    assert [hidden_bones(bones, 0.9) for bones in (0, 1, 2)] == [0, 0, 1]


@pytest.mark.parametrize("ratio", [-0.1, 1.0, 1.5, float("nan")])
def test_ratios_out_of_range_are_refused_on_construction(ratio):
    with pytest.raises(ConfigError, match="edge mask ratio"):
        MaskEdges(ratio, UIPRMD22)
    with pytest.raises(ConfigError, match="edge mask ratio"):
        GraphSkeletonMAE(UIPRMD22, edge_ratio=ratio, edge_weight=1.0)
