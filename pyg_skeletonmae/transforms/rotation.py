"""Rotations of whole clips."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.data.datapipes import functional_transform

from pyg_skeletonmae.batch import as_tracks, clip_of_node, on_device, valid_joints
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.base import (
    RandomTransform,
    SkeletonTransform,
    first_tracks,
    leading,
    replace_leading,
    require_3d,
)


def rotate(xyz: Tensor, matrix: Tensor) -> Tensor:
    """Applies one rotation per node, ``matrix [N, 3, 3]``, to ``xyz [N, T, 3]``.

    A node is rounded alike among any number of others. Where matrix products may be cut to a few
    bits (a user's choice for the sake of layers), the products are written out.
    """
    if xyz.device.type == "cpu" and torch.get_float32_matmul_precision() == "highest":
        return torch.bmm(xyz, matrix.transpose(1, 2))
    x, y, z = xyz.unsqueeze(-1).unbind(dim=-2)
    column = matrix[:, None].unbind(dim=-1)
    return (x * column[0]).add_(y * column[1]).add_(z * column[2])


# Of each axis, the matrix K whose product with a vector is the cross product.
_CROSS = torch.tensor(
    [
        [[0, 0, 0], [0, 0, -1], [0, 1, 0]],
        [[0, 0, 1], [0, 0, 0], [-1, 0, 0]],
        [[0, -1, 0], [1, 0, 0], [0, 0, 0]],
    ],
    dtype=torch.double,
)
# A turn is sin K + cos P + (1 - P), where P leaves of a vector what is not along the axis.
_AXES = _CROSS, -(_CROSS @ _CROSS), torch.eye(3) + _CROSS @ _CROSS


def axis_rotations(angles: Tensor) -> Tensor:
    r"""Rotation matrices ``[B, 3, 3]`` about x, then y, then z by ``angles [B, 3]`` (radians);
    ``[B, 3, 1, 1]`` are as good.

    The product :math:`\mathbf{R}_z\mathbf{R}_y\mathbf{R}_x`. The public feeders turn the other way:
    their matrices are those of ``-angles``.
    """
    cross, plane, rest = (on_device(part, angles.device).to(angles.dtype) for part in _AXES)
    angles = angles if angles.dim() == 4 else angles.view(-1, 3, 1, 1)
    turns = rest.addcmul(angles.sin(), cross).addcmul(angles.cos(), plane)
    x, y, z = turns.unbind(1)
    return torch.bmm(torch.bmm(z, y), x)


@functional_transform("random_rotate_3d")
class RandomRotate3D(RandomTransform):
    r"""Rotates every clip about the origin by random angles, drawn once per clip.

    .. math::
        \mathbf{x}' = \mathbf{R}_z(\gamma)\,\mathbf{R}_y(\beta)\,\mathbf{R}_x(\alpha)\,\mathbf{x},
        \qquad \alpha, \beta, \gamma \sim \mathcal{U}(-d, d)

    Args:
        degrees: The largest angle, for all three axes or for each of x, y, z: ``(0, 180, 0)`` is
            any turn about a vertical y axis.
        generator: See :class:`~pyg_skeletonmae.transforms.base.RandomTransform`.

    Shapes:
        - **input:** ``pos [N, T, C]``, C >= 3; channels after the third stay
        - **output:** ``pos [N, T, C]``

    Raises:
        ConfigError: The degrees are neither one nor three numbers, or negative.
        DataError: On use: the clips have fewer than three channels.
    """

    def __init__(
        self, degrees: float | Sequence[float], generator: torch.Generator | None = None
    ) -> None:
        super().__init__(generator)
        angles = [float(d) for d in (degrees if isinstance(degrees, Sequence) else [degrees] * 3)]
        if len(angles) != 3 or min(angles) < 0:
            raise ConfigError(f"degrees {degrees!r}: expected one or three numbers, none negative")
        self.degrees = tuple(angles)
        self._whole = 2.0 * torch.tensor(angles, dtype=torch.double).deg2rad().view(3, 1, 1)

    def matrices(self, draws: Draws) -> Tensor:
        """A rotation for each row of draws, ``[B, 3, 3]``, double."""
        # Double precision: the sine of an angle must not depend on its place in the batch.
        whole = on_device(self._whole, draws.keys.device)
        return axis_rotations(draws.between(-0.5, 0.5, 3, 1, 1) * whole)

    def _apply(self, data: Data, draws: Draws) -> Data:
        require_3d(data, self)
        pos: Tensor = data["pos"]
        matrix = self.matrices(draws).to(pos.dtype)
        data["pos"] = replace_leading(pos, rotate(leading(pos, 3), matrix[clip_of_node(data)]))
        return data

    def __repr__(self) -> str:
        return f"{type(self).__name__}(degrees={self.degrees})"


@functional_transform("align_torso")
class AlignTorso(SkeletonTransform):
    """Turns every clip about the vertical until its first person faces a common direction.

    The line from the left to the right shoulder, seen from above in the first frame that shows
    both, comes to lie along the first horizontal axis; height and tilt stay (our choice: a full
    alignment of the spine as well would undo a bend). A clip that never shows both stays as it is.

    Args:
        skeleton: The topology.
        left: The left joint of the line; default: ``left_shoulder``, else ``left_hip``.
        right: The right joint; default: the partner of ``left`` in
            ``skeleton.mirror_pairs``.
        vertical: The vertical axis: 0, 1 (Kinect cameras) or 2 (most motion-capture systems).

    Shapes:
        - **input:** ``pos [N, T, C]``, C >= 3; channels after the third stay
        - **output:** ``pos [N, T, C]``

    Raises:
        ConfigError: The skeleton has no such pair, or ``vertical`` is no axis.
        DataError: On use: the clips have fewer than three channels.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        left: str | None = None,
        right: str | None = None,
        vertical: int = 1,
    ) -> None:
        if vertical not in (0, 1, 2):
            raise ConfigError(f"vertical {vertical!r}: expected the axis 0, 1 or 2")
        partner = dict(skeleton.mirror_pairs)
        if left is None:
            left = next((j for j in ("left_shoulder", "left_hip") if j in partner), None)
        if left is None or (right is None and left not in partner):
            raise ConfigError(
                f"{skeleton.name} has no left-right pair {left or 'left_shoulder or left_hip'}: "
                "name both joints of the line"
            )
        self.skeleton, self.vertical = skeleton, vertical
        self.left = skeleton.joints[skeleton.index(left)]
        self.right = skeleton.joints[skeleton.index(right or partner[left])]

    def forward(self, data: Data) -> Data:
        """Returns the clips turned."""
        require_3d(data, self)
        pos: Tensor = data["pos"]
        cosine, sine = self._heading(data, pos)[clip_of_node(data), None].unbind(dim=-1)
        first, second = (axis for axis in range(3) if axis != self.vertical)
        out = pos.clone()
        out[..., first] = cosine * pos[..., first] + sine * pos[..., second]
        out[..., second] = cosine * pos[..., second] - sine * pos[..., first]
        data["pos"] = out
        return data

    def _heading(self, data: Data, pos: Tensor) -> Tensor:
        """Cosine and sine of the angle of the left-right line of each clip, ``[B, 2]``."""
        joints = [self.skeleton.index(self.left), self.skeleton.index(self.right)]
        tracks = as_tracks(pos, self.skeleton.num_joints)[first_tracks(data)]
        valid = as_tracks(valid_joints(data), self.skeleton.num_joints)[first_tracks(data)]
        present = valid[:, joints].all(dim=1)
        frame = present.int().argmax(dim=1)
        ends = tracks[torch.arange(len(tracks), device=pos.device), :, frame][:, joints].double()
        axes = [axis for axis in range(3) if axis != self.vertical]
        line = (ends[:, 1] - ends[:, 0])[:, axes]
        length = line.norm(dim=1, keepdim=True)
        visible = present.any(dim=1, keepdim=True) & (length > 0)
        ahead = on_device(torch.tensor([1.0, 0.0], dtype=torch.double), pos.device)
        return torch.where(visible, line / length, ahead).to(pos.dtype)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.skeleton.name}, {self.left} -> {self.right})"
