"""Clips for the tests of transforms and loader, and what every transform must satisfy."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch_geometric.data import Batch, Data

from pyg_skeletonmae.batch import tracks_edge_index
from pyg_skeletonmae.draws import clip_keys
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.skeleton import Skeleton


def make_clip(
    persons: int = 1,
    frames: int = 9,
    channels: int = 3,
    number: int = 0,
    missing: float = 0.1,
    skeleton: Skeleton = UIPRMD22,
) -> Data:
    """A random clip some way off the origin, with a share of its joints missing."""
    random = torch.Generator().manual_seed(number)
    nodes = persons * skeleton.num_joints
    clip_id = torch.tensor([number])
    return Data(
        pos=torch.randn(nodes, frames, channels, generator=random) + 2.0,
        edge_index=tracks_edge_index(skeleton, persons),
        valid=torch.rand(nodes, frames, generator=random) >= missing,
        num_tracks=torch.tensor([persons]),
        clip_id=clip_id,
        subject=clip_id % 3,
        key=clip_keys(seed=7, epoch=1, clip_id=clip_id),
        y=clip_id % 4,
    )


def make_clips(
    persons: Sequence[int] = (1, 2, 5, 1), frames: int = 9, channels: int = 3, missing: float = 0.1
) -> list[Data]:
    return [make_clip(p, frames, channels, i, missing) for i, p in enumerate(persons)]


def assert_same(first: Data, second: Data) -> None:
    """All fields are equal, bit for bit; for batches the tables that cut them as well."""
    assert set(first.keys()) == set(second.keys())
    for name, value in first.to_dict().items():
        assert value.dtype == second[name].dtype, name
        assert torch.equal(value, second[name]), name
    for table in ("_slice_dict", "_inc_dict"):
        if isinstance(first, Batch):
            ours, theirs = getattr(first, table), getattr(second, table)
            assert all(torch.equal(ours[name], theirs[name]) for name in theirs), table


def check_transform(
    transform: Callable[[Data], Data], clips: Sequence[Data] | None = None
) -> list[Data]:
    """Clips alone = clips in a batch, and nothing that was passed in has changed."""
    clips = make_clips() if clips is None else clips
    batch = Batch.from_data_list(list(clips))
    before, batch_before = copy.deepcopy(list(clips)), copy.deepcopy(batch)
    alone = [transform(clip) for clip in clips]
    together = transform(batch)
    assert_same(together, Batch.from_data_list(alone))
    for i, clip in enumerate(alone):
        assert_same(together.get_example(i), clip)
    for clip, old in zip(clips, before, strict=True):
        assert_same(clip, old)
    assert_same(batch, batch_before)
    return alone


def shares_draws(transform: Callable[[Data], Data], field: str = "pos") -> bool:
    """Whether two clips that differ in their number alone come out alike."""
    first, second = make_clip(), make_clip()
    second.key = clip_keys(seed=7, epoch=1, clip_id=torch.tensor([1]))
    a: Tensor = transform(first)[field]
    return torch.equal(a, transform(second)[field])
