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
        frames: The frames ``T`` of every clip (64 in the paper).
        hidden_channels: The width ``D`` of the features.
        num_layers: The number of STRL layers ``M`` (3 is the paper's best).
        depth: The number of graph layers inside each graph encoder, as in pre-training.
        conv: ``"gin"``, ``"gcn"`` or ``"gat"``, as in pre-training.
        norm: ``"batch"`` or ``"layer"``, inside the graph encoders.
        share_persons: One graph encoder for all persons of a clip; ``False``: one for each of two.
        tie_layers: One graph encoder for all STRL layers.
        join: ``"add"`` or ``"concat"``: how a joint and the sum over all joints are joined.
        self_loops: Whether the adjacency in equation (3) has self loops.
        strides: The temporal stride of each layer (default: 1, then 2 in every further layer); 0
            leaves out the layer's temporal convolution.
        data_norm: Batch normalisation of each coordinate of each joint of the input.
        dropout: The dropout rate on each layer's output.
        joint_embedding: Adds one learned vector per joint to the input, as in pre-training.
        local: Each joint keeps its own encoding beside the sum over all joints.
        learn_adjacency: Each layer learns an adjacency of its own, which begins as the skeleton's.
        head: ``"linear"``, ``"mlp"`` or another head of :class:`Classifier`.
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
        learn_adjacency: bool = False,
        head: Head = "mlp",
        head_hidden: int = 256,
        head_dropout: float = 0.0,
        label_smoothing: float = 0.1,
        joints: JointPool = "mean",
        segments: int = 1,
    ) -> None:
        encoder = STRLEncoder(
            skeleton,
            in_channels,
            frames=frames,
            hidden_channels=hidden_channels,
            num_layers=num_layers,
            depth=depth,
            conv=conv,
            norm=norm,
            share_persons=share_persons,
            tie_layers=tie_layers,
            join=join,
            self_loops=self_loops,
            strides=strides,
            data_norm=data_norm,
            dropout=dropout,
            joint_embedding=joint_embedding,
            local=local,
            learn_adjacency=learn_adjacency,
        )
        super().__init__(
            encoder,
            num_classes,
            head,
            hidden=head_hidden,
            dropout=head_dropout,
            label_smoothing=label_smoothing,
            joints=joints,
            segments=segments,
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
