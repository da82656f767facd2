"""Tracks of clips taken again, left out or put in another order."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.data.datapipes import functional_transform

from pyg_skeletonmae.batch import as_tracks, count_tracks, on_device, readable, tracks_of_views
from pyg_skeletonmae.errors import ConfigError, check_choice
from pyg_skeletonmae.transforms.base import SkeletonTransform, refuse_masks

Fill = Literal["none", "loop", "zeros"]


def repeat_tracks(first: Tensor, num_tracks: Tensor, views: int) -> tuple[Tensor, Tensor]:
    """The tracks of each clip, ``views`` times one after the other.

    Args:
        first: The number of each clip's first track, ``[B]``, long.
        num_tracks: How many it has, ``[B]``, long.
        views: How often they are taken.

    Returns:
        Of each of the ``P * views`` new tracks: the number of the old one, and its view, counted
        through all clips (``clip * views + view``).
    """
    if views > 1:
        first, num_tracks = first.repeat_interleave(views), num_tracks.repeat_interleave(views)
    if readable(first):  # the same by NumPy, which takes no operators
        starts, counts = first.numpy(), num_tracks.numpy()
        of_view = np.repeat(np.arange(len(counts)), counts)
        old = (starts - np.cumsum(counts) + counts)[of_view] + np.arange(len(of_view))
        return torch.from_numpy(old), torch.from_numpy(of_view)
    view = torch.repeat_interleave(num_tracks)
    shift = first - torch.cumsum(num_tracks, 0) + num_tracks
    return shift[view] + torch.arange(len(view), device=view.device), view


def select_tracks(data: Data, track: Tensor, num_tracks: Tensor) -> Data:
    """Makes a clip or batch of other tracks of it, in place; its graphs stay as many.

    Args:
        data: The clip or batch, a shallow copy already.
        track: The old number of each new track, ``[P']``, long; those of a clip stand together.
        num_tracks: How many tracks each clip has then, ``[B]``, long.
    """
    tracks = count_tracks(data)
    joints, edges = data["pos"].size(0) // tracks, data["edge_index"].size(1) // tracks
    for name in ("pos", "valid"):
        if data.get(name) is not None:
            data[name] = as_tracks(data[name], joints)[track].flatten(0, 1)
    offset = torch.arange(len(track), device=track.device)[:, None] * joints
    data["edge_index"] = (data["edge_index"][:, None, :edges] + offset).reshape(2, -1)
    data["num_tracks"] = num_tracks
    if hasattr(data, "_slice_dict"):
        cut_into_clips(data, num_tracks, joints, edges)
    return data


def cut_into_clips(batch: Data, num_tracks: Tensor, joints: int, edges: int) -> None:
    """Sets ``batch`` and ``ptr`` of a batch, and the rows in the tables PyG takes it apart by.

    Args:
        batch: A batch whose other fields are set.
        num_tracks: The tracks of each clip, ``[B]``, long; on the CPU, where the tables lie, this
            waits for no device.
        joints: The nodes of a track.
        edges: The edges of a track.
    """
    device, counts = batch["pos"].device, num_tracks.cpu().numpy()
    first = np.append(0, np.cumsum(counts))
    ptr, clip = torch.from_numpy(first * joints), np.repeat(np.arange(len(counts)), counts * joints)
    batch["batch"] = on_device(torch.from_numpy(clip), device)
    batch["ptr"] = on_device(ptr, device)
    batch._tracks = len(counts), len(batch["pos"]) // joints
    slices = {"pos": ptr, "valid": ptr, "edge_index": torch.from_numpy(first * edges)}
    table = getattr(batch, "_slice_dict", None)
    if table is not None:  # a batch that PyG made
        batch._slice_dict = {name: slices.get(name, rows) for name, rows in table.items()}
        batch._inc_dict = {**batch._inc_dict, "edge_index": ptr[:-1]}


@functional_transform("keep_persons")
class KeepPersons(SkeletonTransform):
    """Keeps the first persons of every clip, or makes every clip have the same number of them.

    What other libraries do by padding. A person who is not there costs nothing here, so by default
    nobody is added. (The mode ``loop`` of pyskl's ``FormatGCNInput`` has no effect: it looks for
    lone persons after it has padded with zeros. That is ``"zeros"`` here.)

    Args:
        persons: How many to keep at most, in each view of a clip (``num_views``, see
            :class:`~pyg_skeletonmae.transforms.UniformSample`).
        fill: ``"none"`` leaves clips with fewer persons alone; ``"loop"`` repeats their first
            person until there are as many, as the files of CTR-GCN and MAMP for NTU RGB+D 120 do;
            ``"zeros"`` adds persons with all joints at the origin, who count as present, as those
            for NTU RGB+D 60 do. See :mod:`~pyg_skeletonmae.transforms.pipelines`.

    Shapes:
        - **input:** ``pos [N, T, C]``, ``valid [N, T]``
        - **output:** ``pos [N', T, C]``, ``valid [N', T]``, and ``num_tracks``, ``edge_index``,
          ``batch`` to match

    Raises:
        ConfigError: ``persons`` is below 1, or ``fill`` unknown.
        DataError: On use: a mask was drawn before.
    """

    def __init__(self, persons: int, fill: Fill = "none") -> None:
        if persons < 1:
            raise ConfigError(f"persons {persons}: expected 1 or more")
        check_choice("fill", fill, get_args(Fill))
        self.persons, self.fill = persons, fill

    def forward(self, data: Data) -> Data:
        """Returns the clips with other persons."""
        refuse_masks(data, self)
        own, clip = tracks_of_views(data)
        first = torch.cumsum(own, 0) - own
        slots = torch.arange(self.persons, device=own.device).expand(len(own), -1)
        present = slots < own[:, None]
        # A slot that is empty shows the first person.
        track = first[:, None] + slots * present
        if self.fill == "none":
            count = torch.zeros_like(data["num_tracks"]).index_add_(0, clip, present.sum(dim=1))
            return select_tracks(data, track[present], count)
        count = torch.full_like(clip, self.persons)
        count = torch.zeros_like(data["num_tracks"]).index_add_(0, clip, count)
        data = select_tracks(data, track.flatten(), count)
        if self.fill == "zeros":
            empty = ~present.flatten().repeat_interleave(len(data["pos"]) // track.numel())
            data["pos"] = data["pos"].masked_fill(empty[:, None, None], 0.0)
            if data.get("valid") is not None:
                data["valid"] = data["valid"] | empty[:, None]
        return data

    def __repr__(self) -> str:
        return f"{type(self).__name__}(persons={self.persons}, fill={self.fill!r})"
