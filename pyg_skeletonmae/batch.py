"""The layout of a clip and of a batch: ``pos [N, T, C]``, the nodes are the joints of tracks.

A *track* is one person in one clip. ``N = P * V`` for ``P`` tracks of ``V`` joints each, so that
the tracks of a batch are a view of its nodes. The fields of a clip, plain PyG ``Data``:

==============  ===========  ==================================================================
``pos``         [N, T, C]    coordinates (and further channels), float32
``valid``       [N, T]       bool, False where the joint is missing; missing is never "zero"
``edge_index``  [2, E]       bones of each track, both directions
``y``           [1]          class, long; absent for unlabelled clips
``num_tracks``  [1]          persons in the clip, long
``num_views``   [1]          how often the clip was sampled, long; only if more than once: the
                             tracks stand one view after the other, as many in each
``clip_id``     [1]          number of the clip in its store, long
``subject``     [1]          performer, long, -1 if unknown
``key``         [1]          what the clip's random draws derive from, long
``joint_mask``  [N, T]       bool, True = masked; only if a transform drew it
``edge_mask``   [E]          bool, True = masked; only if a transform drew it
==============  ===========  ==================================================================
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.data import Data

from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.skeleton import Skeleton


def as_tracks(x: Tensor, num_joints: int) -> Tensor:
    """Views nodes ``[P * V, ...]`` as tracks ``[P, V, ...]``.

    Raises:
        DataError: The number of nodes is no multiple of ``num_joints``.
    """
    if x.size(0) % num_joints:
        raise DataError(
            f"{x.size(0)} nodes are no whole number of tracks of {num_joints} joints; "
            "is this batch from another skeleton?"
        )
    return x.reshape(-1, num_joints, *x.shape[1:])


def positions(data: Data) -> Tensor:
    """The coordinates of a clip or batch, ``[N, T, C]``."""
    pos: Tensor | None = data.pos
    if pos is None:
        raise DataError("a clip without coordinates: 'pos' is missing")
    return pos


def pos_tracks(data: Data, num_joints: int, channels: int | None = None) -> Tensor:
    """The coordinates of a clip or batch as tracks ``[P, V, T, C]``, zero where missing.

    What a missing joint holds is arbitrary: centring, for one, moves it. Models read it as zero,
    the centre of the body.

    Args:
        data: The clip or batch.
        num_joints: The joints ``V`` of a track.
        channels: The channels ``C`` that there should be; None: any number.

    Raises:
        DataError: The clips are empty, of another skeleton, or have another number of channels.
    """
    pos = positions(data)
    if pos.dim() != 3 or not pos.numel():
        raise DataError(f"pos {list(pos.shape)}: expected [N, T, C], with persons and frames")
    if channels is not None and pos.size(2) != channels:
        raise DataError(f"clips of {pos.size(2)} channels, expected {channels}")
    tracks, valid = data.get("num_tracks"), data.get("valid")
    if tracks is not None and readable(tracks) and num_joints * int(tracks.sum()) != len(pos):
        raise DataError(
            f"{len(pos)} nodes are no {int(tracks.sum())} tracks of {num_joints} joints; is this "
            "batch from another skeleton?"
        )
    if not all_present(valid):
        pos = pos.masked_fill(~valid_joints(data)[..., None], 0.0)
    return as_tracks(pos, num_joints)


def readable(x: Tensor) -> bool:
    """Whether Python may look at the numbers of a tensor at no cost.

    Elsewhere it would wait for a device, which then has nothing to do, or break a compiled graph.
    """
    return x.is_cpu and not torch.compiler.is_compiling()


def on_device(x: Tensor, device: torch.device | str) -> Tensor:
    """A tensor on a device, without waiting for what the device is doing."""
    device = torch.device(device)
    if x.is_cpu and device.type == "cuda":
        x = x.pin_memory()  # else the copy would wait
    return x.to(device, non_blocking=True)


def num_clips(data: Data) -> int:
    """The number of clips in a clip (1) or a batch."""
    clips: int = data.num_tracks.numel()
    return clips


def count_tracks(data: Data) -> int:
    """The number of tracks in a clip or a batch.

    Batches of a :class:`~pyg_skeletonmae.loader.SkeletonLoader` know it; of others the fields have
    to be looked at, for which a device is waited for.
    """
    tracks: Tensor = data.num_tracks
    noted = getattr(data, "_tracks", None)
    if noted is None or readable(tracks) or noted[0] != tracks.numel():
        return int(tracks.sum())
    return int(noted[1])


def clip_of_track(data: Data) -> Tensor:
    """The clip each track belongs to, ``[P]``, long."""
    return torch.repeat_interleave(data.num_tracks, output_size=count_tracks(data))


def tracks_of_views(data: Data) -> tuple[Tensor, Tensor]:
    """The tracks of each view ``[W]``, and the clip that it shows ``[W]``, long.

    Clips without ``num_views`` are one view each.
    """
    tracks: Tensor = data.num_tracks
    clip, views = torch.arange(tracks.numel(), device=tracks.device), data.get("num_views")
    if views is None:
        return tracks, clip
    clip = clip.repeat_interleave(views)
    return (tracks // views)[clip], clip


def clip_of_node(data: Data) -> Tensor:
    """The clip each node belongs to, ``[N]``, long."""
    batch: Tensor | None = data.get("batch")
    if batch is not None:
        return batch
    pos = positions(data)
    return torch.zeros(pos.size(0), dtype=torch.long, device=pos.device)


def valid_joints(data: Data) -> Tensor:
    """Which joints are present, ``[N, T]``, bool; all of them if the clip does not say."""
    valid: Tensor | None = data.get("valid")
    return torch.ones_like(positions(data)[..., 0], dtype=torch.bool) if valid is None else valid


def all_present(valid: Tensor | None) -> bool:
    """Whether it is known that nothing is missing.

    Looked at only where that costs nothing: not where it would have to wait for a device, or break
    a compiled graph.

    Args:
        valid: What is present, of any shape, bool; None: all.
    """
    if valid is None:
        return True
    return readable(valid) and bool(valid.all())


def clip_draws(data: Data, generator: torch.Generator | None = None) -> Draws:
    """Random draws for each clip: from the clips' keys, else from ``generator``."""
    key = data.get("key")
    if key is not None:
        return Draws(key)
    return Draws.from_generator(num_clips(data), generator, positions(data).device)


def tracks_edge_index(skeleton: Skeleton, num_tracks: int) -> Tensor:
    """The bones of ``num_tracks`` persons as one disconnected graph, ``[2, num_tracks * E]``."""
    edges = skeleton.edge_index
    offset = torch.arange(num_tracks) * skeleton.num_joints
    return (edges[:, None] + offset[:, None]).reshape(2, -1)
