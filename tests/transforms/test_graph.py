import pytest
import torch
from torch_geometric.data import Batch
from torch_geometric.nn import GCNConv, global_mean_pool
from transforms_helpers import check_transform, make_clip, make_clips

from pyg_skeletonmae.batch import as_tracks
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.transforms import MaskEdges, MaskJoints, RandomMask, ToFrameGraphs


@pytest.mark.parametrize("frames", [1, 9])
def test_alike_on_clip_and_batch(frames):
    check_transform(ToFrameGraphs(), make_clips(frames=frames))


def test_masks_are_unrolled_alike_too():
    joints, edges = MaskJoints(RandomMask(0.5), UIPRMD22), MaskEdges(0.5, UIPRMD22)
    clips = check_transform(ToFrameGraphs(), [edges(joints(clip)) for clip in make_clips()])
    source = edges(joints(make_clips()[1]))
    mask = clips[1].edge_mask.view(-1, 9)
    assert (mask == source.edge_mask[:, None]).all()
    assert clips[1].joint_mask.view(-1, 9).equal(source.joint_mask)


def test_batches_that_were_never_clips():
    batch = Batch.from_data_list(make_clips((1, 2)))
    bare = batch.clone()
    bare._slice_dict = bare._inc_dict = None
    assert ToFrameGraphs()(bare).x.equal(ToFrameGraphs()(batch).x)


def test_a_stock_layer_sees_each_frame_as_its_own_graph():
    batch = Batch.from_data_list(make_clips((1, 2), missing=0.0))
    unrolled = ToFrameGraphs()(batch)
    torch.manual_seed(0)
    conv = GCNConv(3, 4)
    out = conv(unrolled.x, unrolled.edge_index).view(-1, 9, 4)
    for t in range(9):
        torch.testing.assert_close(out[:, t], conv(batch.pos[:, t], batch.edge_index))


def test_pooling_by_frame_and_by_clip():
    batch = Batch.from_data_list(make_clips((1, 2), missing=0.0))
    unrolled = ToFrameGraphs()(batch)
    frames = global_mean_pool(unrolled.x, unrolled.frame_batch).view(3, 9, 3)
    torch.testing.assert_close(frames, as_tracks(batch.pos, UIPRMD22.num_joints).mean(dim=1))
    clips = global_mean_pool(unrolled.x, unrolled.batch)
    torch.testing.assert_close(clips[0], batch.get_example(0).pos.mean(dim=(0, 1)))
    assert unrolled.num_graphs == 2 and unrolled.num_nodes == batch.pos[..., 0].numel()


def test_edges_stay_inside_of_a_frame_and_person():
    clip = ToFrameGraphs()(make_clip(2, frames=3))
    graph = clip.frame_batch[clip.edge_index]
    assert graph[0].equal(graph[1])
    assert int(graph.max()) == 5 and int(clip.num_frames) == 3
    assert clip.edge_index.size(1) == 6 * UIPRMD22.edge_index.size(1)


def test_repr():
    assert repr(ToFrameGraphs()) == "ToFrameGraphs()"
