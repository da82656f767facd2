"""Batches straight from the store: one gather for all clips, with crop and resampling inside it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import takewhile
from typing import cast

import torch
from torch import Tensor
from torch_geometric.data import Batch, Data
from torch_geometric.transforms import Compose

from pyg_skeletonmae.batch import on_device, tracks_edge_index
from pyg_skeletonmae.datasets.store import ClipStore
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.transforms.sampling import FrameSampler
from pyg_skeletonmae.transforms.stacked_rows import tensors
from pyg_skeletonmae.transforms.temporal import CropTime, Resample
from pyg_skeletonmae.transforms.timeplan import TimePlan, Window, take_frames, window_plan
from pyg_skeletonmae.transforms.tracks import cut_into_clips, repeat_tracks

Transform = Callable[[Data], Data]
_AT_ONCE = 2**19  # bytes
_EMPTY = cast(Data, Batch())  # PyG makes a class for each new one, a copy shares it


def flatten_transforms(transforms: Sequence[Transform | None]) -> list[Transform]:
    """The single steps of transforms that may be ``None`` or (nested) ``Compose``."""
    steps: list[Transform] = []
    for transform in transforms:
        if isinstance(transform, Compose):
            steps += flatten_transforms(transform.transforms)
        elif transform is not None:
            steps.append(transform)
    return steps


class StoreCollater:
    """Makes the ``Batch`` that PyG would collate from single clips, without making the clips.

    ``CropTime``, and what makes all clips equally long (``Resample``, ``CropResize``,
    ``UniformSample``), at the head of the transforms only say which frames are read; the rest of
    the transforms then runs on the whole batch.

    Args:
        store: The clips.
        transforms: The steps, see :func:`flatten_transforms`.
        device: Where batches live. On a GPU all clips are copied there once and gathered there.
        staged: Whether clips stay where the store is, and the frames of each batch are gathered
            there and copied by way of pinned memory, which nothing waits for. None: where the
            store would take more than half of the memory that is free on the GPU.
    """

    def __init__(
        self,
        store: ClipStore,
        transforms: Sequence[Transform],
        device: torch.device | str = "cpu",
        staged: bool | None = None,
    ) -> None:
        self.store, self.device = store, torch.device(device)
        crops = takewhile(lambda step: isinstance(step, CropTime), transforms)
        self.crops = cast(list[CropTime], list(crops))
        self.rest = list(transforms[len(self.crops) :])
        self.sampler: Resample | FrameSampler | None = None
        if self.rest and isinstance(self.rest[0], Resample | FrameSampler):
            self.sampler = cast(Resample | FrameSampler, self.rest.pop(0))
        store.check_files()
        self._views = self.sampler.views if isinstance(self.sampler, FrameSampler) else 1
        self._joints, self._channels = store.pos.shape[1:]
        self.staged = is_too_large(store, self.device) if staged is None else staged
        self._rows_device = torch.device("cpu") if self.staged else self.device
        self._pos = store.pos.to(self._rows_device).flatten(1)
        self._valid = None if store.valid is None else store.valid.to(self._rows_device)
        self._num_tracks = store.num_tracks
        self._edges = on_device(tracks_edge_index(store.skeleton, 64), self.device)

    def __call__(self, clips: Tensor, keys: Tensor) -> Data:
        """The batch of some clips.

        Args:
            clips: Their numbers in the store, ``[B]``, long.
            keys: What their random draws derive from, ``[B]``, long.

        Raises:
            DataError: Their lengths differ and nothing makes them equal.
        """
        store = self.store
        store.check_files()
        # Bookkeeping stays on the CPU, where the tables of a batch lie: a device is only given what
        # comes of it, and nothing waits for it.
        plan, keys = self._plan(clips, keys)
        first, num_tracks = store.clip_track[clips], self._num_tracks[clips]
        track, view = repeat_tracks(first, num_tracks, self._views)
        start = on_device(store.track_start[track], self._rows_device)
        gathered = self._gather(start, plan.of(view).on(self._rows_device))
        fields = {name: on_device(value, self.device) for name, value in gathered.items()}
        edges = len(track) * store.skeleton.edge_index.size(1)
        if edges > self._edges.size(1):  # a template that grows on demand
            self._edges = on_device(tracks_edge_index(store.skeleton, 2 * len(track)), self.device)
        # A copy: whose batch it is may change it.
        fields["edge_index"] = self._edges.narrow_copy(1, 0, edges)
        if store.label is not None:
            fields["y"] = on_device(store.label[clips], self.device)
        if self._views > 1:
            fields["num_views"] = torch.full_like(first, self._views, device=self.device)
        fields |= {
            "num_tracks": num_tracks if self._views == 1 else num_tracks * self._views,
            "clip_id": on_device(clips.clone(), self.device),
            "subject": on_device(store.subject[clips], self.device),
            "key": on_device(keys, self.device),
        }
        batch = _as_batch(fields, len(track))
        for transform in self.rest:
            batch = transform(batch)
        return batch

    def _plan(self, clips: Tensor, keys: Tensor) -> tuple[TimePlan, Tensor]:
        length = self.store.length[clips]
        window = Window(torch.zeros_like(length), length)
        for crop in self.crops:
            draws = Draws(keys)
            window, keys = crop.narrow(window, draws), draws.fork()
        if self.sampler is None:
            return window_plan(window), keys
        if isinstance(self.sampler, Resample):
            return self.sampler.plan(window), keys
        draws = Draws(keys)
        return self.sampler.plan(window, draws), draws.fork()

    def _gather(self, start: Tensor, plan: TimePlan) -> dict[str, Tensor]:
        """``pos [N, F, C]`` and ``valid [N, F]`` of tracks that begin in the rows ``start [P]``."""
        tracks, frames = len(start), plan.low.size(1)
        pos = torch.empty(tracks, self._joints, frames, self._channels, device=self._rows_device)
        valid = torch.ones(
            tracks * self._joints, frames, dtype=torch.bool, device=self._rows_device
        )
        # A few tracks at a time, so that what is gathered is still in the cache when it is turned
        # from [P, F, V, C], as it lies in the store, to nodes with time as their first axis.
        step = max(_AT_ONCE * tracks // max(pos.nbytes, 1), 1) if pos.is_cpu else tracks
        for first in range(0, tracks, step):
            part = slice(first, first + step)
            here, own = (plan, start) if step >= tracks else (plan.of(part), start[part])
            rows = take_frames(self._pos, own, here)
            pos[part] = rows.view(*rows.shape[:2], self._joints, self._channels).transpose(1, 2)
            if self._valid is not None:
                nodes = valid.view(tracks, self._joints, frames)
                nodes[part] = take_frames(self._valid, own, here).transpose(1, 2)
        return {"pos": pos.flatten(0, 1), "valid": valid}


def is_too_large(store: ClipStore, device: torch.device) -> bool:
    """Whether a store would take more than half of what is free on a GPU."""
    rows = [store.pos] if store.valid is None else [store.pos, store.valid]
    size = sum(part.nbytes for own in rows for part in tensors(own))
    return device.type == "cuda" and 2 * size > torch.cuda.mem_get_info(device)[0]


@lru_cache(maxsize=8)
def _tables(clips: int) -> tuple[Tensor, Tensor]:
    """What PyG adds to fields that hold one value of each clip, and where these begin."""
    return torch.zeros(clips, dtype=torch.long), torch.arange(clips + 1)


def _as_batch(fields: dict[str, Tensor], tracks: int) -> Data:
    """A batch that PyG can take apart again: with the slice tables its own collate would make.

    ``num_tracks`` is still on the CPU, where those tables lie.
    """
    num_tracks, device = fields["num_tracks"], fields["pos"].device
    clips = len(num_tracks)
    joints, edges = fields["pos"].size(0) // tracks, fields["edge_index"].size(1) // tracks
    fields["num_tracks"] = on_device(num_tracks, device)
    none, one_each = _tables(clips)
    batch = copy.copy(_EMPTY)
    batch._store._mapping.update(fields)
    batch._num_graphs, batch._tracks = clips, (clips, tracks)
    batch._slice_dict = dict.fromkeys(fields, one_each)
    batch._inc_dict = dict.fromkeys(fields, none)
    cut_into_clips(batch, num_tracks, joints, edges)
    return batch
