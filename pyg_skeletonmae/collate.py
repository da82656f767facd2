"""Batches straight from the store: one gather for all clips, with crop and resampling inside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor
from torch_geometric.data import Batch, Data
from torch_geometric.transforms import Compose

from pyg_skeletonmae.batch import tracks_edge_index
from pyg_skeletonmae.datasets.store import ClipStore
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.transforms.temporal import CropTime, Resample
from pyg_skeletonmae.transforms.timeplan import TimePlan, Window, blend, window_plan

Transform = Callable[[Data], Data]


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

    ``CropTime`` and ``Resample`` at the head of the transforms only say which frames are read; the
    rest of the transforms then runs on the whole batch.

    Args:
        store: The clips.
        transforms: The steps, see :func:`flatten_transforms`.
        device: Where batches live. On a GPU all clips are copied there once and gathered there.
    """

    def __init__(
        self, store: ClipStore, transforms: Sequence[Transform], device: torch.device | str = "cpu"
    ) -> None:
        self.store, self.device = store, torch.device(device)
        self.crops, self.resample, self.rest = _split_head(transforms)
        self._pos = store.pos.to(self.device)
        self._valid = None if store.valid is None else store.valid.to(self.device)
        self._edges = tracks_edge_index(store.skeleton, 1)

    def __call__(self, clips: Tensor, keys: Tensor) -> Data:
        """The batch of some clips.

        Args:
            clips: Their numbers in the store, ``[B]``, long.
            keys: What their random draws derive from, ``[B]``, long.

        Raises:
            DataError: Their lengths differ and nothing makes them equal.
        """
        plan, keys = self._plan(clips, keys)
        first, last = self.store.clip_track[clips], self.store.clip_track[clips + 1]
        num_tracks = last - first
        clip = torch.repeat_interleave(num_tracks)
        before = torch.cumsum(num_tracks, 0) - num_tracks
        track = first[clip] + torch.arange(len(clip)) - before[clip]
        fields = self._gather(self.store.track_start[track], plan.of(clip))
        fields["edge_index"] = self._edge_index(len(clip))
        if self.store.label is not None:
            fields["y"] = self.store.label[clips]
        fields |= {"num_tracks": num_tracks, "clip_id": clips}
        fields |= {"subject": self.store.subject[clips], "key": keys}
        batch = _as_batch({name: value.to(self.device) for name, value in fields.items()}, clip)
        for transform in self.rest:
            batch = transform(batch)
        return batch

    def _plan(self, clips: Tensor, keys: Tensor) -> tuple[TimePlan, Tensor]:
        length = self.store.length[clips]
        window = Window(torch.zeros_like(length), length)
        for crop in self.crops:
            draws = Draws(keys)
            window, keys = crop.narrow(window, draws), draws.fork()
        plan = window_plan(window) if self.resample is None else self.resample.plan(window)
        return plan, keys

    def _gather(self, start: Tensor, plan: TimePlan) -> dict[str, Tensor]:
        """``pos [N, F, C]`` and ``valid [N, F]`` of tracks that begin in the rows ``start [P]``."""
        low = (start[:, None] + plan.low).to(self.device)
        high = (start[:, None] + plan.high).to(self.device)
        weight = plan.weight.to(self.device)[..., None, None]
        pos = blend(self._pos[low], self._pos[high], weight)
        if self._valid is None:
            valid = torch.ones(pos.shape[:3], dtype=torch.bool, device=self.device)
        else:
            valid = self._valid[low] & self._valid[high]
        # [P, F, V, ...] as it lies in the store, to nodes with time as their first axis.
        return {
            "pos": pos.transpose(1, 2).flatten(0, 1).contiguous(),
            "valid": valid.transpose(1, 2).flatten(0, 1).contiguous(),
        }

    def _edge_index(self, tracks: int) -> Tensor:
        """The edges of the first ``tracks`` persons, cut from a template that grows on demand."""
        edges = self.store.skeleton.edge_index.size(1)
        if tracks * edges > self._edges.size(1):
            self._edges = tracks_edge_index(self.store.skeleton, 2 * tracks)
        return self._edges[:, : tracks * edges].contiguous()


def _split_head(
    transforms: Sequence[Transform],
) -> tuple[list[CropTime], Resample | None, list[Transform]]:
    crops: list[CropTime] = []
    for number, transform in enumerate(transforms):
        if isinstance(transform, Resample):
            return crops, transform, list(transforms[number + 1 :])
        if not isinstance(transform, CropTime):
            return crops, None, list(transforms[number:])
        crops.append(transform)
    return crops, None, []


def _as_batch(fields: dict[str, Tensor], clip_of_track: Tensor) -> Data:
    """A batch that PyG can take apart again: with the slice tables its own collate would make."""
    num_tracks = fields["num_tracks"].cpu()
    clips, tracks = len(num_tracks), len(clip_of_track)
    joints, edges = fields["pos"].size(0) // tracks, fields["edge_index"].size(1) // tracks
    track_slice = torch.nn.functional.pad(torch.cumsum(num_tracks, 0), (1, 0))
    rows = {"pos": joints, "valid": joints, "edge_index": edges}
    none, one_each = torch.zeros(clips, dtype=torch.long), torch.arange(clips + 1)
    batch = cast(Data, Batch())
    for name, value in fields.items():
        batch[name] = value
    device = fields["pos"].device
    batch["batch"] = torch.repeat_interleave(clip_of_track, joints).to(device)
    batch["ptr"] = (track_slice * joints).to(device)
    batch._num_graphs = clips
    batch._slice_dict = {n: track_slice * rows[n] if n in rows else one_each for n in fields}
    batch._inc_dict = dict.fromkeys(fields, none) | {"edge_index": track_slice[:-1] * joints}
    return batch
