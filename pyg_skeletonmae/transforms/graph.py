"""The bridge to every other layer of PyG: one ordinary node per joint and frame."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.data.datapipes import functional_transform

from pyg_skeletonmae.batch import count_tracks, num_clips, valid_joints
from pyg_skeletonmae.transforms.base import SkeletonTransform


@functional_transform("to_frame_graphs")
class ToFrameGraphs(SkeletonTransform):
    """Unrolls clips into one disconnected graph per person and frame, with 2-D node features.

    Any layer, norm or pooling of PyG then works as it stands. Node ``n * T + t`` is node ``n`` of
    the clip in frame ``t``, so that results go back to the layout of the clip by a view:
    ``out.view(-1, T, out.size(-1))`` is ``[N, T, C']``. Edge ``e * T + t`` is edge ``e`` in frame
    ``t``. Draw masks before; they are unrolled too.

    Fields of the result:

    ===============  =============  ============================================================
    ``x``            [N * T, C]     what was ``pos``, which is gone
    ``edge_index``   [2, E * T]     the bones of every frame
    ``valid``        [N * T]        bool
    ``joint_mask``   [N * T]        bool, if it was there
    ``edge_mask``    [E * T]        bool, if it was there
    ``frame_batch``  [N * T]        the graph of each node, ``p * T + t`` for track ``p`` of the
                                    clip or batch: ``global_mean_pool(x, frame_batch)`` is
                                    ``[P * T, C]``, a view of ``[P, T, C]``
    ``num_frames``   [1]            T
    ``batch, ptr``                  in a batch: the clip of each node, as ever
    ===============  =============  ============================================================

    Shapes:
        - **input:** ``pos [N, T, C]``, ``edge_index [2, E]``
        - **output:** ``x [N * T, C]``, ``edge_index [2, E * T]``
    """

    def forward(self, data: Data) -> Data:
        """Returns the clips as graphs of single frames."""
        pos: Tensor = data["pos"]
        tracks, frames = count_tracks(data), pos.size(1)
        frame = torch.arange(frames, device=pos.device)
        _unroll_tables(data, frames)
        data["x"] = pos.flatten(0, 1)
        data["edge_index"] = (data["edge_index"][..., None] * frames + frame).flatten(1)
        data["valid"] = valid_joints(data).flatten()
        if data.get("joint_mask") is not None:
            data["joint_mask"] = data["joint_mask"].flatten()
        if data.get("edge_mask") is not None:
            data["edge_mask"] = data["edge_mask"].repeat_interleave(frames)
        track = torch.arange(tracks, device=pos.device).repeat_interleave(pos.size(0) // tracks)
        data["frame_batch"] = (track[:, None] * frames + frame).flatten()
        data["num_frames"] = torch.full_like(data["num_tracks"], frames)
        if data.get("batch") is not None:
            data["batch"] = data["batch"].repeat_interleave(frames)
            data["ptr"] = data["ptr"] * frames
        del data["pos"]
        return data

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def _unroll_tables(data: Data, frames: int) -> None:
    """Brings the tables by which a batch is cut into clips into line with the unrolled fields."""
    slices, incs = getattr(data, "_slice_dict", None), getattr(data, "_inc_dict", None)
    if slices is None or incs is None:
        return
    unrolled = ("x", "valid", "joint_mask", "edge_index", "edge_mask", "frame_batch")
    first_track = torch.nn.functional.pad(data["num_tracks"].cpu().cumsum(0)[:-1], (1, 0))
    none, one_each = torch.zeros_like(first_track), torch.arange(num_clips(data) + 1)
    nodes = slices["pos"]
    slices = {"valid": nodes, **slices, "x": nodes, "frame_batch": nodes}
    slices = {n: s * frames if n in unrolled else s for n, s in slices.items() if n != "pos"}
    incs = {"valid": none, **incs, "x": none, "num_frames": none}
    incs |= {"edge_index": incs["edge_index"] * frames, "frame_batch": first_track * frames}
    data._slice_dict = slices | {"num_frames": one_each}
    data._inc_dict = {n: inc for n, inc in incs.items() if n != "pos"}
