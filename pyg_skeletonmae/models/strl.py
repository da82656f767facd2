"""STRL: spatial-temporal representation learning on top of pre-trained graph encoders."""

from __future__ import annotations

from pyg_skeletonmae.models.classifier import Classifier, Head
from pyg_skeletonmae.models.encoders.graph import Conv, GraphEncoder
from pyg_skeletonmae.models.encoders.strl import STRLEncoder
from pyg_skeletonmae.models.encoders.strl_layer import Join
from pyg_skeletonmae.models.heads import JointPool
from pyg_skeletonmae.models.pretraining.graph_mae import GraphSkeletonMAE
from pyg_skeletonmae.nn.norm import Norm
from pyg_skeletonmae.skeleton import Skeleton


class STRL(Classifier):
    r"""The fine-tuning model of the graph SkeletonMAE: STRL layers and a classifier.

    `"SkeletonMAE: Graph-based Masked Autoencoder for Skeleton Sequence Pre-training"
    <https://arxiv.org/abs/2307.08476>`_, section 3.3. Features are averaged over persons, joints
    and time (our choice; the paper does not say), or concatenated over joints and segments of time.

    Args:
        skeleton: The joints and bones.
        in_channels: The channels of a joint.
        num_classes: The number of classes.
        frames: See :class:`STRLEncoder`, as for the arguments down to ``dropout``.
        hidden_channels: See there.
        num_layers: See there.
        depth: See there.
        conv: See there.
        norm: See there.
        share_persons: See there.
        tie_layers: See there.
        join: See there.
        self_loops: See there.
        strides: See there.
        data_norm: See there.
        dropout: The dropout rate on each layer's output.
        joint_embedding: See :class:`STRLEncoder`.
        local: See there.
        head: See :class:`Classifier`, as for the arguments below.
        head_hidden: The width of the head's MLP.
        head_dropout: The dropout rate before the last layer.
        label_smoothing: The share of the target spread over all classes (0.1 in the paper).
        joints: ``"mean"`` over the joints, or ``"concat"``.
        segments: Mean over time (1), or over this many equal segments, concatenated.

    Shapes:
        - **input:** a batch with ``pos [P * V, T, C]`` of ``B`` clips
        - **output:** ``{"logits": [B, num_classes]}``, and ``"loss"`` and ``"accuracy"`` where the
          batch has ``y``
    """

    def __init__(
        self,
        skeleton: Skeleton,
        in_channels: int,
        num_classes: int,
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
        head: Head = "mlp",
        head_hidden: int = 256,
        head_dropout: float = 0.0,
        label_smoothing: float = 0.1,
        joints: JointPool = "mean",
        segments: int = 1,
    ) -> None:
        encoder = STRLEncoder(
            skeleton, in_channels, frames, hidden_channels, num_layers, depth, conv, norm,
            share_persons, tie_layers, join, self_loops, strides, data_norm, dropout,
            joint_embedding, local,
        )  # fmt: skip
        super().__init__(
            encoder, num_classes, head, head_hidden, head_dropout, label_smoothing, joints, segments
        )
        self.encoder: STRLEncoder = encoder

    def load_pretrained(self, model: GraphSkeletonMAE | GraphEncoder, freeze: bool = False) -> None:
        """Initialises every graph encoder from a pre-trained model.

        Args:
            model: A pre-trained model or its encoder, of the same skeleton, width and depth.
            freeze: Whether the embedding and the graph layers keep these weights.
        """
        self.encoder.load_encoder(model.encoder if isinstance(model, GraphSkeletonMAE) else model)
        if freeze:
            self.encoder.freeze_graph_layers()

    @classmethod
    def from_pretrained(
        cls, model: GraphSkeletonMAE, num_classes: int, freeze: bool = False, **init_args: object
    ) -> STRL:
        """A classifier whose graph encoders start from a pre-trained model.

        Args:
            model: The pre-trained model; it fixes skeleton, channels, width, depth, convolution
                and normalisation.
            num_classes: The number of classes.
            freeze: Whether the embedding and the graph layers keep the pre-trained weights.
            **init_args: Any further argument of :class:`STRL`; an unknown one is a ``TypeError``.
        """
        fixed = model.encoder.config["init_args"]
        names = ("in_channels", "hidden_channels", "depth", "conv", "norm", "joint_embedding")
        arguments = {name: fixed[name] for name in names} | init_args
        strl = cls(skeleton=model.encoder.skeleton, num_classes=num_classes, **arguments)
        strl.load_pretrained(model, freeze)
        return strl
