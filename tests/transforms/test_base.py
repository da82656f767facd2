import inspect
import re

import pytest
import torch
from torch.utils.data import IterDataPipe
from torch_geometric.data import Batch
from torch_geometric.data.datapipes import DatasetAdapter
from torch_geometric.transforms import BaseTransform, Compose
from transforms_helpers import assert_same, make_clip, make_clips

from pyg_skeletonmae import transforms
from pyg_skeletonmae.errors import ArgumentError, DataError
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.transforms import (
    CenterRoot,
    CropTime,
    FlipSides,
    JitterJoints,
    RandomRotate3D,
    Resample,
)
from pyg_skeletonmae.transforms.base import (
    ClipMean,
    add_field,
    first_tracks,
    for_nodes,
    replace_leading,
)


def test_clip_mean_counts_only_what_has_weight():
    clips = make_clips((1, 2), frames=4)
    batch = Batch.from_data_list(clips)
    means = ClipMean(batch, batch.valid)(batch.pos)
    for (mean,), clip in zip(means, clips, strict=True):
        torch.testing.assert_close(mean, clip.pos[clip.valid].mean(dim=0))


def test_clip_mean_of_nothing_is_zero():
    clip = make_clip(missing=1.1)
    assert ClipMean(clip, clip.valid)(clip.pos).tolist() == [[[0.0, 0.0, 0.0]]]


def test_a_clip_in_which_nothing_is_missing_is_centred_alone_as_in_a_batch():
    clips = make_clips((1, 2), frames=4, missing=0.0)
    batch = Batch.from_data_list(clips)
    assert batch.valid.all()
    alone = torch.cat([ClipMean(clip, clip.valid)(clip.pos) for clip in clips])
    assert torch.equal(alone, ClipMean(batch, batch.valid)(batch.pos))
    nobody = ClipMean(clips[0], clips[0].valid[:0])(clips[0].pos[:0])
    assert nobody.tolist() == [[[0.0, 0.0, 0.0]]]


def test_values_of_clips_for_their_nodes():
    clips = make_clips((1, 2), frames=4)
    batch, values = Batch.from_data_list(clips), torch.tensor([[1.0], [2.0]])
    assert torch.equal(for_nodes(batch, values), values[batch.batch])
    assert for_nodes(clips[0], values[:1]).tolist() == [[1.0]]


def test_first_tracks():
    assert first_tracks(Batch.from_data_list(make_clips((1, 2, 5, 1)))).tolist() == [0, 1, 3, 8]


def test_replace_leading_keeps_further_channels():
    x = torch.arange(8.0).reshape(2, 4)
    out = replace_leading(x, -x[:, :3])
    assert out.tolist() == [[0, -1, -2, 3], [-4, -5, -6, 7]]
    assert replace_leading(x, -x).equal(-x)


def test_added_fields_come_back_from_a_batch():
    batch = Batch.from_data_list(make_clips((1, 2)))
    add_field(batch, "twice", batch.pos * 2, like="pos")
    assert batch.get_example(1).twice.equal(batch.get_example(1).pos * 2)


def test_key_moves_on_so_that_the_next_transform_draws_afresh():
    transform = JitterJoints(1.0)
    clip = make_clip(missing=0.0)
    once = transform(clip)
    twice = transform(once)
    assert int(once.key) != int(clip.key)
    assert not torch.allclose(twice.pos - once.pos, once.pos - clip.pos)


def test_same_key_same_draws():
    assert RandomRotate3D(30)(make_clip()).pos.equal(RandomRotate3D(30)(make_clip()).pos)


def test_clips_without_keys_draw_from_the_generator():
    clips = make_clips((1, 2))
    for clip in clips:
        del clip.key
    batch = Batch.from_data_list(clips)

    def run(seed: int) -> torch.Tensor:
        return JitterJoints(1.0, generator=torch.Generator().manual_seed(seed))(batch).pos

    assert run(0).equal(run(0))
    assert not run(0).equal(run(1))
    assert "key" not in JitterJoints(1.0)(batch)


def test_clips_without_keys_draw_from_the_global_generator_by_default():
    clip = make_clip()
    del clip.key
    torch.manual_seed(3)
    first = JitterJoints(1.0)(clip).pos
    torch.manual_seed(3)
    assert first.equal(JitterJoints(1.0)(clip).pos)


@pytest.mark.parametrize("name", ["joint_mask", "edge_mask"])
def test_masks_come_last(name):
    clip = make_clip()
    clip[name] = clip.valid
    for transform in (Resample(4), CropTime(0.5), FlipSides(UIPRMD22)):
        with pytest.raises(DataError, match=f"does not carry {name}: draw masks as the last step"):
            transform(clip)


@pytest.mark.parametrize(
    "name", [name for name in transforms.__all__ if isinstance(getattr(transforms, name), type)]
)
def test_wrong_arguments_are_named(name: str) -> None:
    with pytest.raises(ArgumentError, match=rf"^{name}: no_such: no such argument"):
        getattr(transforms, name)(no_such=1)


def test_the_nearest_argument_is_named() -> None:
    with pytest.raises(ArgumentError, match=r"Resample: framesx: .* did you mean frames"):
        Resample(framesx=3)
    with pytest.raises(ArgumentError, match="Resample: frames: expected a whole number"):
        Resample("3")


def functional_name(cls: type) -> str:
    """``random_rotate_3d`` of ``RandomRotate3D``."""
    words = re.findall("[A-Z][a-z]+|[0-9]D", cls.__name__)
    return "_".join(words).lower()


TRANSFORMS = [
    cls
    for cls in (getattr(transforms, name) for name in transforms.__all__)
    if isinstance(cls, type) and issubclass(cls, BaseTransform) and not inspect.isabstract(cls)
]


@pytest.mark.parametrize("cls", TRANSFORMS, ids=lambda cls: cls.__name__)
def test_every_transform_has_a_name_in_pipes_of_pyg(cls):
    assert functional_name(cls) in IterDataPipe.functions


def test_a_pipe_of_pyg_does_what_the_transforms_do():
    clips = make_clips((1, 2, 1, 1))
    pipe = DatasetAdapter(clips).center_root(UIPRMD22).resample(5).jitter_joints(0.1)
    steps = Compose([CenterRoot(UIPRMD22), Resample(5), JitterJoints(0.1)])
    for mine, other in zip(pipe, map(steps, clips), strict=True):
        assert_same(mine, other)
    batches = list(pipe.batch_graphs(2))
    assert [batch.num_graphs for batch in batches] == [2, 2]
    assert batches[0].pos.equal(torch.cat([steps(clip).pos for clip in clips[:2]]))
