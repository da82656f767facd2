"""Random changes of single joints: noise, and the exchange of left and right."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.data.datapipes import functional_transform

from pyg_skeletonmae.batch import (
    as_tracks,
    clip_of_node,
    count_tracks,
    on_device,
    readable,
    valid_joints,
)
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.base import RandomTransform, leading, refuse_masks, replace_leading


@functional_transform("jitter_joints")
class JitterJoints(RandomTransform):
    """Adds Gaussian noise to every present joint.

    Args:
        sigma: The standard deviation, in the unit of the data.
        steady: One offset per joint for the whole clip, as if it were a body of other proportions,
            instead of one per joint and frame, which is a restless sensor.
        dims: How many leading channels are coordinates (further ones, say scores, stay).
        generator: See :class:`~pyg_skeletonmae.transforms.base.RandomTransform`.

    Shapes:
        - **input:** ``pos [N, T, C]``
        - **output:** ``pos [N, T, C]``; missing joints keep their numbers

    Raises:
        ConfigError: ``sigma`` is negative.
    """

    def __init__(
        self,
        sigma: float,
        dims: int = 3,
        steady: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(generator)
        if sigma < 0:
            raise ConfigError(f"sigma {sigma}: expected a number from 0 on")
        self.sigma, self.dims, self.steady = float(sigma), dims, steady

    def _apply(self, data: Data, draws: Draws) -> Data:
        pos: Tensor = data["pos"]
        tracks: Tensor = data["num_tracks"]
        xyz = leading(pos, self.dims)
        draws = draws.split(tracks, None if readable(tracks) else count_tracks(data))
        shape = len(pos) // len(draws.keys), 1 if self.steady else xyz.size(1), xyz.size(2)
        noise = draws.normal(*shape).flatten(0, 1).to(pos.dtype)
        noise = noise.mul_(self.sigma) * valid_joints(data)[..., None]
        data["pos"] = replace_leading(pos, noise.add_(xyz))
        return data

    def __repr__(self) -> str:
        return f"{type(self).__name__}(sigma={self.sigma}, steady={self.steady})"


@functional_transform("flip_sides")
class FlipSides(RandomTransform):
    """Mirrors a clip: left and right joints change places and one coordinate changes its sign.

    The mirror is the plane through the origin, so centre the clip first. Without the exchange of
    joints a mirrored right hand would still be called right. The edges stay, which is exact for
    skeletons whose bones are symmetric.

    Args:
        skeleton: The topology, with its
            :attr:`~pyg_skeletonmae.skeleton.Skeleton.mirror_pairs`.
        p: The probability that a clip is mirrored, drawn once per clip.
        axis: The coordinate that changes its sign.
        generator: See :class:`~pyg_skeletonmae.transforms.base.RandomTransform`.

    Shapes:
        - **input:** ``pos [N, T, C]``, ``valid [N, T]``
        - **output:** the same

    Raises:
        ConfigError: The skeleton has no left-right pairs, and its joint names tell none, or ``p``
            is no probability.
        DataError: On use: ``axis`` is no channel of the clips, or a mask was drawn before.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        p: float = 0.5,
        axis: int = 0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(generator)
        if not skeleton.mirror_pairs:
            raise ConfigError(
                f"{skeleton.name} has no left-right pairs to exchange, and its joint names tell "
                "none: give the skeleton left_right"
            )
        if not 0.0 <= p <= 1.0:
            raise ConfigError(f"p {p}: expected a probability from 0 to 1")
        self.skeleton, self.p, self.axis = skeleton, float(p), axis

    def _apply(self, data: Data, draws: Draws) -> Data:
        refuse_masks(data, self)
        pos: Tensor = data["pos"]
        if not 0 <= self.axis < pos.size(-1):
            raise DataError(f"{self}: the clips have {pos.size(-1)} channels, none is {self.axis}")
        flip = (draws.uniform() < self.p)[clip_of_node(data), None]
        mirrored = self._exchange(pos)
        mirrored.select(-1, self.axis).neg_()
        data["pos"] = torch.where(flip[..., None], mirrored, pos)
        if data.get("valid") is not None:
            data["valid"] = torch.where(flip, self._exchange(data["valid"]), data["valid"])
        return data

    def _exchange(self, x: Tensor) -> Tensor:
        flip_index = on_device(self.skeleton.flip_index, x.device)
        return as_tracks(x, self.skeleton.num_joints)[:, flip_index].flatten(0, 1)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.skeleton.name}, p={self.p}, axis={self.axis})"
