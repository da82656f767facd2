"""The layers of STRL, an encoder like any other."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from pyg_skeletonmae.batch import readable
from pyg_skeletonmae.errors import CheckpointError, ConfigError, DataError
from pyg_skeletonmae.models.base import SkeletonEncoder
from pyg_skeletonmae.models.encoders.graph import Conv, GraphEncoder, GraphStack, joint_vectors
from pyg_skeletonmae.models.encoders.strl_layer import Join, STRLLayer
from pyg_skeletonmae.models.inference import in_pieces
from pyg_skeletonmae.nn.norm import Norm, TrackNorm
from pyg_skeletonmae.nn.pool import clips_of_tracks
from pyg_skeletonmae.skeleton import Skeleton

MAX_SEPARATE_PERSONS = 2


class STRLEncoder(SkeletonEncoder):
    r"""The layers of STRL without the classifier, an encoder like any other.

    Args:
        skeleton: The joints and bones.
        in_channels: The channels of a joint.
        frames: The number of frames ``T`` of a clip (64 in the paper): the temporal position
            embedding has one vector per frame.
        hidden_channels: The width ``D``.
        num_layers: The number of STRL layers ``M`` (3 is the paper's best).
        depth: The number of graph layers inside each encoder, as in pre-training.
        conv: ``"gin"``, ``"gcn"`` or ``"gat"``, as in pre-training.
        norm: ``"batch"`` or ``"layer"``, inside the graph encoders.
        share_persons: One graph encoder for all persons of a clip, any number of them, in any
            order; ``False`` is the literal reading, one for each of at most two.
        tie_layers: One graph encoder for all layers (our option; the paper does not say).
        join: ``"add"`` or ``"concat"``, the reading of the operator in equation (3).
        self_loops: Whether the adjacency in equation (3) has self loops.
        strides: The temporal stride of each layer (default: 1, then 2 in every further layer); 0
            leaves out the layer's temporal convolution.
        data_norm: Batch normalisation of each coordinate of each joint of the input, as in the
            InfoGCN code, whose recipe the paper shares.
        dropout: The dropout rate on each layer's output.
        joint_embedding: Adds one learned vector per joint to the input, as in pre-training.
        local: Each joint keeps its own encoding beside the sum over all joints (our option).
        learn_adjacency: Each layer learns an adjacency of its own, which begins as the skeleton's
            (our option, as in the networks that the paper is compared with).

    Shapes:
        - **input:** a batch with ``pos [P * V, T, C]``
        - **output:** features ``[P, V, T', D]``
    """

    adjacency: Tensor

    def __init__(
        self,
        skeleton: Skeleton,
        in_channels: int = 3,
        frames: int = 64,
        hidden_channels: int = 64,
        num_layers: int = 3,
        depth: int = 3,
        conv: Conv = "gin",
        norm: Norm = "batch",
        share_persons: bool = True,
        tie_layers: bool = False,
        join: Join = "add",
        self_loops: bool = True,
        strides: list[int] | None = None,
        data_norm: bool = False,
        dropout: float = 0.0,
        joint_embedding: bool = False,
        local: bool = False,
        learn_adjacency: bool = False,
    ) -> None:
        super().__init__(skeleton, hidden_channels)
        strides = [1] + [2] * (num_layers - 1) if strides is None else strides
        if num_layers < 1 or len(strides) != num_layers:
            raise ConfigError(f"strides {strides}: expected one for each of {num_layers} layers")
        if learn_adjacency and conv != "gin":
            raise ConfigError(
                f"learn_adjacency with conv {conv!r}: needs 'gin', which sums by any weights"
            )
        self.frames = frames
        self.data_norm = TrackNorm(skeleton.num_joints, in_channels) if data_norm else None
        self.embed = nn.Linear(in_channels, hidden_channels)
        self.joint_embedding = joint_vectors(skeleton, hidden_channels) if joint_embedding else None
        self.time_embedding = nn.Parameter(torch.zeros(frames, hidden_channels))
        sets = [
            [
                GraphStack(hidden_channels, depth, conv, norm)
                for _ in range(1 if share_persons else MAX_SEPARATE_PERSONS)
            ]
            for _ in range(1 if tie_layers else num_layers)
        ]
        self.register_buffer("adjacency", skeleton.adjacency(self_loops), persistent=False)
        layers = (
            STRLLayer(
                hidden_channels,
                sets[i % len(sets)],
                join,
                stride,
                dropout,
                local=local,
                adjacency=self.adjacency if learn_adjacency else None,
            )
            for i, stride in enumerate(strides)
        )
        self.layers = nn.ModuleList(layers)
        self.share_persons = share_persons
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws the temporal position embedding anew (normal, standard deviation 0.02)."""
        nn.init.normal_(self.time_embedding, std=0.02)

    def forward(self, batch: Data) -> Tensor:
        """Encodes all tracks of a batch."""
        pos = self.tracks(batch)
        if self.share_persons:
            return self.encode_tracks(pos)
        persons, most = batch.num_tracks, MAX_SEPARATE_PERSONS
        if readable(persons):
            if int(persons.max()) > most:
                raise DataError(
                    f"a clip of {int(persons.max())} persons: share_persons=False knows at most "
                    f"{most}"
                )
        elif not torch.compiler.is_compiling():  # the device looks at it, and nobody waits
            torch._assert_async((persons <= most).all(), f"a clip of more than {most} persons")
        first = torch.cumsum(persons, 0) - persons
        track = torch.arange(pos.size(0), device=persons.device)
        person = track - first[clips_of_tracks(persons, pos.size(0))]
        return self.encode_tracks(pos, person, persons.size(0))

    @in_pieces
    def encode_tracks(
        self, pos: Tensor, person: Tensor | None = None, clips: int | None = None
    ) -> Tensor:
        """Encodes tracks ``[P, V, T, C]`` to ``[P, V, T', D]``.

        Args:
            pos: The tracks.
            person: The number of each track in its clip, ``[P]``, for encoders of each person.
            clips: How many of them are the first of a clip; none: a GPU is waited for to know it.

        Raises:
            DataError: The clip has another number of frames than the position embedding.
        """
        self.check(pos)
        if pos.size(2) != self.frames:
            raise DataError(
                f"clips of {pos.size(2)} frames for an encoder of {self.frames}: "
                f"resample them with Resample({self.frames})"
            )
        if self.data_norm is not None:
            pos = self.data_norm(pos)
        x: Tensor = self.embed(pos) + self.time_embedding
        if self.joint_embedding is not None:
            x = x + self.joint_embedding
        for layer in self.layers:
            x = layer(x, self.adjacency, person, clips)
        return x

    def load_encoder(self, pretrained: GraphEncoder) -> None:
        """Copies the pre-trained embeddings, and the graph layers into every STRL layer.

        Raises:
            CheckpointError: Its joints, channels, width, depth or convolution are others.
        """
        if pretrained.skeleton.joints != self.skeleton.joints:
            raise CheckpointError(
                f"the encoder was pre-trained on the joints of {pretrained.skeleton.name}, "
                f"this model has those of {self.skeleton.name}"
            )
        if (self.joint_embedding is None) != (pretrained.joint_embedding is None):
            raise CheckpointError(
                f"the pre-trained encoder {pretrained!r} and this model must both have a joint "
                "embedding, or neither: set joint_embedding as it was in pre-training"
            )
        if pretrained.config["init_args"].get("global_group"):
            raise CheckpointError(
                f"the pre-trained encoder {pretrained!r} has global_group=True, and the layers of "
                "STRL have no such group: fine-tune it with Classifier"
            )
        try:
            self.embed.load_state_dict(pretrained.embed.state_dict())
            if self.joint_embedding is not None and pretrained.joint_embedding is not None:
                self.joint_embedding.data.copy_(pretrained.joint_embedding.data)
            for stack in self._graph_stacks():
                stack.load_state_dict(pretrained.gnn.state_dict())
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise CheckpointError(f"the pre-trained encoder {pretrained!r}: {reason}") from None

    def freeze_graph_layers(self) -> None:
        """Stops the training of the embedding and of all graph layers."""
        self.embed.requires_grad_(False)
        for stack in self._graph_stacks():
            stack.requires_grad_(False)

    def _graph_stacks(self) -> list[GraphStack]:
        return [module for module in self.layers.modules() if isinstance(module, GraphStack)]

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.skeleton.name}, frames={self.frames}, "
            f"hidden={self.out_channels}, layers={len(self.layers)})"
        )
