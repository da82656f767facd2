"""The normalisation that pyskl and Skeleton2vec apply to clips before anything else."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.data.datapipes import functional_transform

from pyg_skeletonmae.batch import as_tracks, clip_of_node, clip_of_track, valid_joints
from pyg_skeletonmae.errors import DataError, check_choice
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.base import (
    SkeletonTransform,
    first_tracks,
    refuse_masks,
    replace_leading,
    require_3d,
)
from pyg_skeletonmae.transforms.rotation import rotate
from pyg_skeletonmae.transforms.temporal import follow_plan
from pyg_skeletonmae.transforms.timeplan import TimePlan

AlignMode = Literal["upright", "pyskl", "none"]
_SMALL = 1e-6


class Axes(NamedTuple):
    """The joints of the two lines that say how a body stands, by name."""

    spine: tuple[str, str]
    shoulders: tuple[str, str]


def shortest_rotation(
    line: Tensor, axis: int, half_turns: bool = True, half: bool = False
) -> Tensor:
    r"""The rotations that turn vectors into the direction of an axis the shortest way.

    .. math::
        \mathbf{R} = \mathbf{I} + \sin\theta\,[\mathbf{k}]_\times
        + (1 - \cos\theta)\,[\mathbf{k}]_\times^2, \qquad
        \mathbf{k} = \frac{\mathbf{v} \times \mathbf{e}}{|\mathbf{v} \times \mathbf{e}|},\;
        \cos\theta = \frac{\mathbf{v} \cdot \mathbf{e}}{|\mathbf{v}|}

    Vectors of no length, or along the axis to a millionth, turn nothing.

    Args:
        line: ``[B, 3]``, double.
        axis: 0, 1 or 2.
        half_turns: Whether vectors opposite to the axis are turned, about the axis before it.
        half: Whether the angle comes from a unit vector in half precision.

    Returns:
        ``[B, 3, 3]``, double.
    """
    eye = torch.eye(3, dtype=line.dtype, device=line.device)
    cosine = _unit(line.half() if half else line)[:, axis].to(line.dtype).clamp(-1.0, 1.0)
    cross = torch.linalg.cross(line, eye[axis].expand_as(line))
    angle = cosine.arccos()
    turns = (cross.abs().sum(dim=1) >= _SMALL) & (angle >= _SMALL)
    a, b, c = _unit(cross).unbind(1)
    zero = torch.zeros_like(a)
    skew = torch.stack([zero, -c, b, c, zero, -a, -b, a, zero], dim=1).view(-1, 3, 3)
    sine, rest = angle.sin()[:, None, None], (1.0 - angle.cos())[:, None, None]
    rotation = eye + sine * skew + rest * _product(skew, skew)
    rotation = torch.where(turns[:, None, None], rotation, eye)
    if not half_turns:
        return rotation
    half_turn = -eye
    half_turn[axis - 1, axis - 1] = 1.0
    opposite = ~turns & (cosine < 0)
    return torch.where(opposite[:, None, None], half_turn, rotation)


@functional_transform("pre_normalize_3d")
class PreNormalize3D(SkeletonTransform):
    r"""Puts the main person first, drops frames without them, centres clips and turns them upright.

    The ``PreNormalize3D`` of `pyskl <https://arxiv.org/abs/2205.09443>`_ and `Skeleton2vec
    <https://arxiv.org/abs/2401.00921>`_:

    1. The person who is there in most frames becomes the first one (on a tie, whoever stands
       before); frames in which they are not there are dropped. A clip that shows nobody stays as
       it is.
    2. Where the centre joint of the first person is in the first of these frames becomes the
       origin, for all present joints of all persons and frames. Missing joints stay; if the
       centre is missing there, all do.
    3. ``align``: the spine of the first person in that frame is turned to +z, then the line from
       the first to the second shoulder to +x.

    ``align="pyskl"`` does step 3 as written: the second turn tilts the spine again, so that the
    shoulders lie along x exactly and the spine only about along z; and a line that points exactly
    the other way is left alone. ``"upright"`` (our choice) turns the shoulders about z only, into
    the half of the x-z plane with positive x, so that the spine stays along +z, and turns opposite
    lines as well.

    pyskl's pickles hold half precision, and it subtracts the centre in it (off by up to 0.5 mm
    at 1 m) and finds the spine's angle in it; ``half=True`` rounds as it does, and ``half=None``
    does so where every coordinate is a number in half precision. It centres bodies
    other than NTU RGB+D's on their last joint: name that joint as ``center`` for the same result.
    It refuses more than two persons; here step 1 serves any number.

    Dropped frames make clips of different lengths, which one batch cannot hold: use it as a data
    set's ``pre_transform``, or on batches of clips whose first person is always there.

    Args:
        skeleton: The topology.
        align: See above; ``"none"`` skips step 3, as Skeleton2vec does for NTU60 across subjects.
        center: The joint that becomes the origin; default: ``skeleton.center_joint``.
        spine: The joints of the spine, lower one first; default: pelvis and spine.
        shoulders: The joints of the second line; default: the left and the right shoulder.
        half: Round to half precision where pyskl does; None: if the clips were stored in it.

    Shapes:
        - **input:** ``pos [N, T, C]``, C >= 3; channels after the third stay
        - **output:** ``pos [N, T', C]``, ``valid [N, T']`` with T' <= T

    Raises:
        ConfigError: ``align`` is unknown.
        SkeletonError: The skeleton lacks a joint.
        DataError: On use: fewer than three channels; a mask was drawn before; clips of one batch
            come out with different lengths.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        align: AlignMode = "upright",
        center: str | None = None,
        spine: tuple[str, str] = ("pelvis", "spine"),
        shoulders: tuple[str, str] = ("left_shoulder", "right_shoulder"),
        half: bool | None = False,
    ) -> None:
        check_choice("align", align, get_args(AlignMode))
        self.skeleton, self.align, self.half = skeleton, align, half
        self.center = center or skeleton.center_joint
        self._center = skeleton.index(self.center)
        self.axes = Axes(spine, shoulders)
        lines = () if align == "none" else self.axes
        self._lines = [[skeleton.index(joint) for joint in line] for line in lines]

    def forward(self, data: Data) -> Data:
        """Returns the clips normalised."""
        require_3d(data, self)
        refuse_masks(data, self)
        data = self._main_person_first(data)
        pos: Tensor = data["pos"]
        valid = valid_joints(data)
        origin = self._first_poses(data, pos[..., :3], valid)[:, self._center]
        origin = origin[clip_of_node(data), None]
        xyz = pos[..., :3]
        half = bool((xyz.half() == xyz).all()) if self.half is None else self.half
        centered = (xyz.half() - origin.half()).to(pos.dtype) if half else xyz - origin
        xyz = torch.where(valid[..., None], centered, xyz)
        if self._lines:
            matrix = self._rotation(data, xyz, valid, half)[clip_of_node(data)]
            xyz = rotate(xyz.double(), matrix).to(pos.dtype)
        data["pos"] = replace_leading(pos, xyz)
        return data

    def _main_person_first(self, data: Data) -> Data:
        joints, first = self.skeleton.num_joints, first_tracks(data)
        present = as_tracks(valid_joints(data), joints).any(dim=1)
        clip, count = clip_of_track(data), present.sum(dim=1)
        # The track with the largest count, and among equals with the smallest number.
        tracks = torch.arange(len(count), device=count.device)
        rank = count * len(count) - tracks
        best = torch.full_like(first, -len(count)).scatter_reduce(0, clip, rank, "amax")
        main = tracks[rank == best[clip]]
        order = tracks.clone()
        order[first], order[main] = main, first
        for name in ("pos", "valid"):
            if data.get(name) is not None:
                data[name] = as_tracks(data[name], joints)[order].flatten(0, 1)
        present = present[main]
        return _select_frames(data, present | ~present.any(dim=1, keepdim=True))

    def _first_poses(self, data: Data, xyz: Tensor, valid: Tensor) -> Tensor:
        """The first person of each clip in its first frame, ``[B, V, 3]``, missing joints zero."""
        joints, first = self.skeleton.num_joints, first_tracks(data)
        present = as_tracks(valid, joints)[first, :, 0, None]
        return as_tracks(xyz, joints)[first, :, 0].masked_fill(~present, 0.0)

    def _rotation(self, data: Data, xyz: Tensor, valid: Tensor, half: bool) -> Tensor:
        """What turns each clip, ``[B, 3, 3]``, double."""
        pose = self._first_poses(data, xyz, valid).double()
        spine, line = (pose[:, end] - pose[:, start] for start, end in self._lines)
        ours = self.align == "upright"
        stand = shortest_rotation(spine, 2, half_turns=ours, half=half)
        line = _product(stand, line[..., None])[..., 0]
        if ours:
            line = torch.cat([line[:, :2], torch.zeros_like(line[:, 2:])], dim=1)
        return _product(shortest_rotation(line, 0, half_turns=ours), stand)

    def __repr__(self) -> str:
        how = f"align={self.align!r}, center={self.center!r}, half={self.half}"
        return f"{type(self).__name__}({self.skeleton.name}, {how})"


def _unit(line: Tensor) -> Tensor:
    """Vectors of length one, rounded as NumPy does where they are in half precision."""
    square = line.float() if line.dtype == torch.half else line
    length = square.square().sum(dim=1, keepdim=True).to(line.dtype).sqrt()
    return line / torch.where(length > 0, length, 1.0)


def _product(first: Tensor, second: Tensor) -> Tensor:
    """Products of small matrices, rounded alike for any number of them."""
    return (first[..., None] * second[:, None]).sum(dim=2)


def _select_frames(data: Data, frames: Tensor) -> Data:
    """Leaves some frames of each clip, ``[B, T]``, bool, in place."""
    if bool(frames.all()):
        return data
    count = frames.sum(dim=1)
    shortest, longest = int(count.min()), int(count.max())
    if shortest != longest:
        raise DataError(
            f"without frames that lack the first person, clips of one batch have {shortest} to "
            f"{longest} frames: use PreNormalize3D as pre_transform of the data set"
        )
    frame = (~frames).int().argsort(dim=1, stable=True)[:, :longest]
    return follow_plan(data, TimePlan(frame))
