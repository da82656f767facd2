"""Tracks of clips taken again, left out or put in another order."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.data import Data

from pyg_skeletonmae.batch import as_tracks
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.transforms.base import SkeletonTransform, first_tracks, refuse_masks


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
    tracks = int(data["num_tracks"].sum())
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
    device, nodes = batch["pos"].device, num_tracks.cpu() * joints
    ptr = nodes.new_zeros(len(nodes) + 1)
    torch.cumsum(nodes, 0, out=ptr[1:])
    batch["batch"] = torch.repeat_interleave(nodes).to(device)
    batch["ptr"] = ptr.to(device)
    slices = {"pos": ptr, "valid": ptr, "edge_index": ptr // joints * edges}
    table = getattr(batch, "_slice_dict", None)
    if table is not None:  # a batch that PyG made
        batch._slice_dict = {name: slices.get(name, rows) for name, rows in table.items()}
        batch._inc_dict = {**batch._inc_dict, "edge_index": ptr[:-1]}


class KeepPersons(SkeletonTransform):
    """Keeps the first persons of every clip, or makes every clip have the same number of them.

    What other libraries do by padding. A person who is not there costs nothing here, so by default
    nobody is added. (The mode ``loop`` of pyskl's ``FormatGCNInput`` has no effect: it looks for
    lone persons after it has padded with zeros. That is ``"none"`` here.)

    Args:
        persons: How many to keep at most.
        fill: ``"none"`` leaves clips with fewer persons alone; ``"loop"`` repeats their first
            person until there are as many.

    Shapes:
        - **input:** ``pos [N, T, C]``, ``valid [N, T]``
        - **output:** ``pos [N', T, C]``, ``valid [N', T]``, and ``num_tracks``, ``edge_index``,
          ``batch`` to match

    Raises:
        ConfigError: ``persons`` is below 1, or ``fill`` unknown.
        DataError: On use: a mask was drawn before.
    """

    def __init__(self, persons: int, fill: str = "none") -> None:
        if persons < 1:
            raise ConfigError(f"persons {persons}: expected 1 or more")
        if fill not in ("none", "loop"):
            raise ConfigError(f"fill {fill!r}: expected 'none' or 'loop'")
        self.persons, self.fill = persons, fill

    def forward(self, data: Data) -> Data:
        """Returns the clips with other persons."""
        refuse_masks(data, self)
        tracks: Tensor = data["num_tracks"]
        slots = torch.arange(self.persons, device=tracks.device).expand(len(tracks), -1)
        present = slots < tracks[:, None]
        # A slot that is empty shows the first person.
        track = first_tracks(data)[:, None] + slots * present
        if self.fill == "none":
            return select_tracks(data, track[present], present.sum(dim=1))
        return select_tracks(data, track.flatten(), torch.full_like(tracks, self.persons))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(persons={self.persons}, fill={self.fill!r})"
