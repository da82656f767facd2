"""The spatial-temporal transformer encoder: every few frames of every joint are one token."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pyg_skeletonmae.models.inference import in_pieces
from pyg_skeletonmae.models.pretraining.masked import MaskedEncoder
from pyg_skeletonmae.nn.token_embed import JointTimeEmbedding, PatchEmbed, TimeEmbedding
from pyg_skeletonmae.nn.transformer import Init, Transformer, init_linear
from pyg_skeletonmae.skeleton import Skeleton


class STEncoder(MaskedEncoder):
    r"""The encoder of the vision-transformer form of SkeletonMAE, of MAMP and of Skeleton2vec.

    `"Masked Motion Predictors are Strong 3D Action Representation Learners"
    <https://arxiv.org/abs/2308.07092>`_ (ICCV 2023), `"Skeleton2vec"
    <https://arxiv.org/abs/2401.00921>`_. A token is ``frames_per_patch`` frames of one joint; it
    gets the vectors of its joint and of its time step, and all tokens of a track attend to each
    other:

    .. math::
        \mathbf{z}_{v,s} = \mathbf{W}\, [\mathbf{x}_{v,sF}; \ldots; \mathbf{x}_{v,sF+F-1}]
        + \mathbf{b} + \mathbf{p}_v + \mathbf{q}_s, \qquad
        \mathbf{H} = \mathrm{LN}(\mathrm{Transformer}(\mathbf{Z}))

    Joint vectors belong to joint names, see :meth:`for_skeleton`. Token ``v * S + s`` is joint
    ``v`` at step ``s``.

    Args:
        skeleton: The joints and bones.
        in_channels: The channels of a joint.
        frames: The frames ``T`` of every clip.
        frames_per_patch: The frames ``F`` of a token (4 in MAMP, 3 in Skeleton2vec).
        hidden_channels: The width ``D``.
        depth: The number of blocks.
        heads: The number of attention heads.
        mlp_ratio: The width of the MLPs, in multiples of ``D``.
        drop_path: The rate of stochastic depth at the last block.
        layer_scale: The initial value of LayerScale; none: without.
        norm_eps: The epsilon of the layer norms (1e-5 in MAMP, 1e-6 in Skeleton2vec).
        time_embedding: ``"learned"``, ``"zero"`` (learned, zero at first) or ``"sinusoidal"``.
        init: How linear layers begin, see :func:`~pyg_skeletonmae.nn.transformer.init_linear`.

    Shapes:
        - **input:** a batch with ``pos [P * V, T, C]``
        - **output:** features ``[P, V, T / F, D]``

    Raises:
        ConfigError: The frames are no whole number of patches, the heads do not divide the width,
            or a rate is out of range.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        in_channels: int = 3,
        frames: int = 120,
        frames_per_patch: int = 4,
        hidden_channels: int = 256,
        depth: int = 8,
        heads: int = 8,
        mlp_ratio: float = 4.0,
        drop_path: float = 0.0,
        layer_scale: float | None = None,
        norm_eps: float = 1e-5,
        time_embedding: TimeEmbedding = "learned",
        init: Init = "xavier",
    ) -> None:
        super().__init__(skeleton, in_channels, frames, hidden_channels, frames_per_patch)
        self.init, self.heads = init, heads
        self.num_steps = frames // frames_per_patch
        self.patch = PatchEmbed(in_channels, hidden_channels, frames_per_patch)
        self.position = JointTimeEmbedding(
            skeleton.num_joints, self.num_steps, hidden_channels, time_embedding
        )
        self.transformer = Transformer(
            hidden_channels,
            depth,
            heads=heads,
            mlp_ratio=mlp_ratio,
            drop_path=drop_path,
            layer_scale=layer_scale,
            norm_eps=norm_eps,
        )
        self.norm = nn.LayerNorm(hidden_channels, norm_eps)
        init_linear(self, init)

    @property
    def num_states(self) -> int:
        """The number of blocks."""
        return len(self.transformer.blocks)

    def embed(self, pos: Tensor) -> Tensor:
        """Embeds tracks ``[P, V, T, C]`` to tokens ``[P, V, S, D]``.

        Raises:
            DataError: The clips have other joints, channels or frames than the encoder.
        """
        self.check(pos)
        tokens: Tensor = self.patch(pos) + self.position()
        return tokens.view(pos.size(0), self.skeleton.num_joints, self.num_steps, self.out_channels)

    def mix(self, x: Tensor) -> Tensor:
        """Lets tokens ``[P, V, S, D]`` attend to each other."""
        out: Tensor = self.norm(self.transformer(x.flatten(1, 2)))
        return out.view(x.shape)

    @in_pieces
    def encode_tracks(self, pos: Tensor) -> Tensor:
        """Encodes tracks ``[P, V, T, C]`` to ``[P, V, S, D]``."""
        return self.mix(self.embed(pos))

    def encode_visible(self, pos: Tensor, keep: Tensor, present: Tensor | None = None) -> Tensor:
        """Embeds and encodes the visible tokens only.

        Args:
            pos: Tracks ``[P, V, T, C]``.
            keep: The numbers of the visible tokens, ``[P, K]``, long.
            present: Which of them are attended to, ``[P, K]``, bool; none: all.

        Returns:
            ``[P, K, D]``, in the order of ``keep``.
        """
        self.check(pos)
        out: Tensor = self.norm(
            self.transformer(self.patch(pos, keep) + self.position(keep), present)
        )
        return out

    def hidden_states(self, pos: Tensor, last: int) -> list[Tensor]:
        """All tokens ``[P, V * S, D]`` after each of the ``last`` blocks, without the final norm.

        Raises:
            ConfigError: There are fewer blocks.
        """
        return self.transformer.hidden_states(self.embed(pos).flatten(1, 2), last)

    def layer_of(self, name: str) -> int:
        """The layer of a parameter: 0 for embeddings, ``i + 1`` for block ``i``, then the norm."""
        if name.startswith("transformer.blocks."):
            return int(name.split(".")[2]) + 1
        return len(self.transformer.blocks) + 1 if name.startswith("norm.") else 0

    @torch.no_grad()
    def with_drop_path(self, rate: float) -> STEncoder:
        """A copy of this encoder with another rate of stochastic depth, for fine-tuning (0.3).

        Raises:
            ConfigError: The rate is out of range.
        """
        settings = {**self.config["init_args"], "skeleton": self.skeleton, "drop_path": rate}
        weight = self.norm.weight
        copy = type(self)(**settings).to(weight.device, weight.dtype)
        copy.load_state_dict(self.state_dict())
        return copy

    def for_skeleton(self, skeleton: Skeleton) -> STEncoder:
        """A copy of this encoder for another skeleton.

        Joints are matched by name (or alias): those in both keep their vectors, the others get
        fresh ones. All other weights are copied.

        Raises:
            SkeletonError: The two skeletons have no joint in common.
        """
        return self._copy_for(skeleton, "position.joint")

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.skeleton.name}, channels={self.in_channels}, "
            f"frames={self.frames}, frames_per_patch={self.frames_per_patch}, "
            f"hidden={self.out_channels}, depth={len(self.transformer.blocks)})"
        )
