"""The graph SkeletonMAE: masked body parts reconstructed by a GIN encoder-decoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, get_args

from torch import Tensor

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models.encoders.graph import Conv, GraphEncoder
from pyg_skeletonmae.models.pretraining.collapse import CollapseWatch
from pyg_skeletonmae.models.pretraining.graph_decoder import GraphDecoder
from pyg_skeletonmae.models.pretraining.masked_pretrainer import MaskedPretrainer
from pyg_skeletonmae.models.pretraining.mixing_decoder import HiddenForm
from pyg_skeletonmae.models.pretraining.targets import CoordinateTarget, EmbeddingTarget, Loss
from pyg_skeletonmae.nn import targets as numbers
from pyg_skeletonmae.nn.losses import RCEForm
from pyg_skeletonmae.nn.norm import Norm
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.masking import MaskPolicy, default_part_mask

Target = Literal["embedding", "coordinates"]


class _Coordinates(CoordinateTarget):
    """Coordinates whose mean cosine is logged beside that of embeddings; they cannot collapse."""

    def __init__(self) -> None:
        super().__init__()
        self.collapse = CollapseWatch()

    def logs(self, targets: Sequence[numbers.Target], masks: Sequence[Tensor]) -> dict[str, Tensor]:
        """The mean cosine between targets."""
        return {"target_cosine": self.collapse(targets[0].value, masks[0])}


class GraphSkeletonMAE(MaskedPretrainer):
    r"""Masked auto-encoding of skeleton graphs, frame by frame.

    `"SkeletonMAE: Graph-based Masked Autoencoder for Skeleton Sequence Pre-training"
    <https://arxiv.org/abs/2307.08476>`_ (ICCV 2023), section 3.2. The embedded features
    :math:`\mathbf{x}_i` of the masked joints :math:`\mathcal{V}_m` are replaced by one learned
    token, all joints pass through the encoder and a one-layer decoder, and the re-weighted cosine
    error of the masked joints is minimised:

    .. math::
        \mathcal{L} = \sum_{i \in \mathcal{V}_m} \Big( \frac{1}{|\mathcal{V}_m|} -
        \frac{\mathbf{x}_i^{\top} \mathbf{z}_i}{|\mathcal{V}_m|
        \lVert \mathbf{x}_i \rVert \lVert \mathbf{z}_i \rVert} \Big)^{\beta}

    No code of the paper was released. What it leaves open is an argument here; the defaults are
    GraphMAE's where it is the evident ancestor, and said to be our choice otherwise. The target
    depends on trained weights, so a constant embedding would be a perfect score: the gradient
    through the target is stopped by default, the mean cosine between targets is logged as
    ``target_cosine``, and a warning is raised when it stays above 0.99 (not for coordinates, which
    cannot collapse).

    Args:
        skeleton: The joints and bones.
        in_channels: The channels of a joint.
        hidden_channels: The width ``D`` (64 in the paper).
        depth: The number of encoder layers (3 is the paper's best).
        conv: ``"gin"``, ``"gcn"`` or ``"gat"``.
        mask: What to mask, unless the batch carries ``joint_mask``. (default: ``PartMask((3, 5))``,
            the paper's best set: the right arm and the right leg. Skeletons that were not given six
            parts: ``PartMask("random")``, see there for a skeleton without parts)
        decoder_depth: The number of decoder layers (1 in the paper).
        target: ``"embedding"`` reconstructs the embedded features, ``"coordinates"`` the input.
        detach_target: Stops the gradient through the target (our choice, against collapse).
        freeze_embedding: Keeps the embedding at its initial values (our option, against collapse).
        joint_embedding: Gives the encoder one learned vector per joint (our option: it tells masked
            joints apart). It is no part of the target.
        remask: Passes the encoding through a bias-free linear map and sets masked joints to zero
            before decoding, as GraphMAE does; the paper's equation (1) does not.
        beta: The exponent of the loss (2 in the paper).
        loss_form: ``"paper"`` as printed, or ``"graphmae"``, the mean without re-weighting.
        norm: ``"batch"`` or ``"layer"``.
        dropout: The dropout rate before each encoder layer.
        residual: Whether each encoder layer adds its input to its output.
        edge_ratio: The share of bones hidden from message passing, in [0, 1), unless the batch
            carries ``edge_mask``; see :func:`~pyg_skeletonmae.transforms.masking.draw_edge_mask`.
            Beyond the paper, whose abstract speaks of joints and edges.
        edge_weight: The weight of reconstructing the hidden bones.
        loss: ``"cosine"``, the re-weighted cosine error above, or ``"squared"``, the mean squared
            error of the masked joints (our option, for ``target="coordinates"``: their length means
            something, while features would shrink to a constant). ``beta`` and ``loss_form`` are
            the cosine error's.
        hidden: ``"token"`` as in the paper, or ``"drop"``: masked joints send and receive nothing
            in the encoder, see :class:`~pyg_skeletonmae.models.GraphDecoder` (our option).
        global_group: Gives each encoder layer the mean of all joints of the frame as well, see
            :class:`~pyg_skeletonmae.models.GraphEncoder` (our option).

    Shapes:
        - **input:** a batch with ``pos [P * V, T, C]``
        - **output:** ``{"loss", "target_cosine"}``, and with hidden bones ``"edge_loss"``

    Raises:
        ConfigError: A setting is unknown, out of range, or does not fit the others.
    """

    former_names: ClassVar[dict[str, str]] = {
        "to_decoder.": "decoder.to_decoder.",
        "edge_decoder.": "decoder.edge_decoder.",
    }
    """Weights in files of earlier versions, and what they are called now."""

    encoder: GraphEncoder

    def __init__(
        self,
        skeleton: Skeleton,
        in_channels: int = 3,
        hidden_channels: int = 64,
        depth: int = 3,
        conv: Conv = "gin",
        mask: MaskPolicy | None = None,
        decoder_depth: int = 1,
        target: Target = "embedding",
        detach_target: bool = True,
        freeze_embedding: bool = False,
        joint_embedding: bool = False,
        remask: bool = False,
        beta: float = 2.0,
        loss_form: RCEForm = "paper",
        norm: Norm = "batch",
        dropout: float = 0.0,
        residual: bool = False,
        edge_ratio: float = 0.0,
        edge_weight: float = 0.0,
        loss: Loss = "cosine",
        hidden: HiddenForm = "token",
        global_group: bool = False,
    ) -> None:
        if target not in get_args(Target):
            raise ConfigError(f"target {target!r}: expected one of {get_args(Target)}")
        if loss == "squared" and target == "embedding":
            raise ConfigError(
                "loss 'squared' is for target='coordinates': features would shrink to a constant"
            )
        advice = "" if freeze_embedding else "freeze_embedding=True, "
        advice += "target='coordinates', or another normalisation of the input"
        super().__init__(
            GraphEncoder(
                skeleton,
                in_channels,
                hidden_channels=hidden_channels,
                depth=depth,
                conv=conv,
                norm=norm,
                dropout=dropout,
                residual=residual,
                joint_embedding=joint_embedding,
                global_group=global_group,
            ),
            default_part_mask(skeleton) if mask is None else mask,
            EmbeddingTarget(detach_target, advice) if target == "embedding" else _Coordinates(),
            GraphDecoder(
                decoder_depth,
                conv=conv,
                norm=norm,
                remask=remask,
                edge_ratio=edge_ratio,
                edge_weight=edge_weight,
                hidden=hidden,
            ),
            loss,
            beta=beta,
            loss_form=loss_form,
            hide_missing=False,
        )
        self.target = target
        self.encoder.embed.requires_grad_(not freeze_embedding)

    @property
    def collapse(self) -> CollapseWatch:
        """What watches the targets."""
        watch = self.objective.collapse
        assert isinstance(watch, CollapseWatch)
        return watch

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.encoder!r}, mask={self.mask!r}, target={self.target!r})"
        )
