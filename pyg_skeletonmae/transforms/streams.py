"""Other views of the same clip: bones and motion instead of positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.data.datapipes import functional_transform

from pyg_skeletonmae.batch import as_tracks, on_device, valid_joints
from pyg_skeletonmae.errors import ConfigError, check_choice
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.base import SkeletonTransform, add_field

Stream = Literal["joint", "bone", "motion", "bone_motion"]
Scores = Literal["keep", "mean"]


@functional_transform("to_bones")
class ToBones(SkeletonTransform):
    r"""Replaces every joint by the vector from its parent to it: the bone stream.

    From `"Two-Stream Adaptive Graph Convolutional Networks for Skeleton-Based Action Recognition"
    <https://arxiv.org/abs/1805.07694>`_.

    .. math::
        \mathbf{b}_v = \mathbf{x}_v - \mathbf{x}_{\text{parent}(v)}, \qquad
        \mathbf{b}_{\text{root}} = \mathbf{0}

    A bone is present where both of its joints are; the root's where the root is. Bones that are not
    present are zero.

    Args:
        skeleton: The topology.
        dims: How many leading channels are coordinates.
        scores: What becomes of further channels: ``"keep"``, or ``"mean"`` of joint and parent, as
            pyskl has it for detected poses.

    Shapes:
        - **input:** ``pos [N, T, C]``
        - **output:** ``pos [N, T, C]``

    Raises:
        ConfigError: ``scores`` is unknown.
    """

    def __init__(self, skeleton: Skeleton, dims: int = 3, scores: Scores = "keep") -> None:
        check_choice("scores", scores, get_args(Scores))
        self.skeleton, self.dims, self.scores = skeleton, dims, scores

    def forward(self, data: Data) -> Data:
        """Returns the clips as bones."""
        pos: Tensor = data["pos"]
        child, parent = on_device(self.skeleton.bone_index, pos.device)
        joints = self.skeleton.num_joints
        nodes = as_tracks(pos, joints)
        tracks, further = nodes[..., : self.dims], nodes[..., self.dims :]
        valid = as_tracks(valid_joints(data), joints)
        present = valid.clone()
        present[:, child] = valid[:, child] & valid[:, parent]
        bones = torch.zeros_like(tracks)
        bones[:, child] = tracks[:, child] - tracks[:, parent]
        bones = bones.masked_fill_(~present[..., None], 0.0)
        add_field(data, "valid", present.flatten(0, 1), like="pos")
        if self.scores == "mean":
            both = (further[:, child] + further[:, parent]) / 2
            further = further.index_copy(1, child, both)
        data["pos"] = torch.cat([bones, further], dim=-1).flatten(0, 1)
        return data

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.skeleton.name})"


@functional_transform("to_motion")
class ToMotion(SkeletonTransform):
    r"""Replaces every frame by what changes until the next one, the motion stream.

    .. math::
        \mathbf{m}_t = \mathbf{x}_{t+1} - \mathbf{x}_t, \qquad \mathbf{m}_{T-1} = \mathbf{0}

    A motion is present where the joint is in both frames; in the last frame, where it is in that
    one. Motions that are not present are zero.

    Args:
        dims: How many leading channels are coordinates.
        scores: What becomes of further channels: ``"keep"``, or ``"mean"`` of this frame and the
            next (zero in the last), as pyskl has it for detected poses.

    Shapes:
        - **input:** ``pos [N, T, C]``
        - **output:** ``pos [N, T, C]``, per frame

    Raises:
        ConfigError: ``scores`` is unknown.
    """

    def __init__(self, dims: int = 3, scores: Scores = "keep") -> None:
        check_choice("scores", scores, get_args(Scores))
        self.dims, self.scores = dims, scores

    def forward(self, data: Data) -> Data:
        """Returns the clips as motion."""
        pos: Tensor = data["pos"]
        xyz, valid = pos[..., : self.dims], valid_joints(data)
        present = torch.cat([valid[:, :-1] & valid[:, 1:], valid[:, -1:]], dim=1)
        motion = torch.zeros_like(xyz)
        motion[:, :-1] = xyz[:, 1:] - xyz[:, :-1]
        motion = motion.masked_fill_(~present[..., None], 0.0)
        add_field(data, "valid", present, like="pos")
        further = pos[..., self.dims :]
        if self.scores == "mean":
            both = (further[:, 1:] + further[:, :-1]) / 2
            further = torch.cat([both, torch.zeros_like(further[:, :1])], dim=1)
        data["pos"] = torch.cat([motion, further], dim=-1)
        return data

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


@functional_transform("to_streams")
class ToStreams(SkeletonTransform):
    """Puts several streams of a clip side by side, on the channel axis.

    The four streams of `"Skeleton-Based Action Recognition with Multi-Stream Adaptive Graph
    Convolutional Networks" <https://arxiv.org/abs/1912.06971>`_ are often trained apart and
    averaged; this makes one input of them, in the order in which they are named. A joint is
    present where it is in all of them.

    CTR-GCN, MAMP and Skeleton2vec make motion after resampling or sampling, pyskl before: put this
    transform where it belongs.

    Args:
        skeleton: The topology; bones of the public feeders are those of ``ntu25_ctrgcn``.
        streams: Any of ``"joint"``, ``"bone"``, ``"motion"`` (of joints) and ``"bone_motion"``.
        dims: How many leading channels are coordinates.
        scores: What becomes of further channels, see :class:`ToBones` and :class:`ToMotion`.

    Shapes:
        - **input:** ``pos [N, T, C]``
        - **output:** ``pos [N, T, C * streams]``

    Raises:
        ConfigError: No stream, or an unknown one.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        streams: Sequence[Stream] = get_args(Stream),
        dims: int = 3,
        scores: Scores = "keep",
    ) -> None:
        if not streams:
            raise ConfigError("streams: expected at least one")
        for stream in streams:
            check_choice("stream", stream, get_args(Stream))
        self.streams = tuple(streams)
        self._bones = ToBones(skeleton, dims, scores)
        self._motion = ToMotion(dims, scores)

    def forward(self, data: Data) -> Data:
        """Returns the clips as all streams together."""
        clips: dict[str, Data] = {"joint": data}
        if {"bone", "bone_motion"} & set(self.streams):
            clips["bone"] = self._bones(data)
        if "motion" in self.streams:
            clips["motion"] = self._motion(data)
        if "bone_motion" in self.streams:
            clips["bone_motion"] = self._motion(clips["bone"])
        streams = [clips[stream] for stream in self.streams]
        valid = torch.stack([valid_joints(stream) for stream in streams]).all(dim=0)
        data["pos"] = torch.cat([stream["pos"] for stream in streams], dim=-1)
        add_field(data, "valid", valid, like="pos")
        return data

    def __repr__(self) -> str:
        streams = ", ".join(self.streams)
        return f"{type(self).__name__}({self._bones.skeleton.name}, {streams})"
