"""Transfer: an encoder that was pre-trained on one skeleton, for clips of another."""

from __future__ import annotations

from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.models import GraphEncoder, STEncoder
from pyg_skeletonmae.models.base import SkeletonEncoder
from pyg_skeletonmae.skeleton import Skeleton


def bridge(encoder: SkeletonEncoder, skeleton: Skeleton) -> SkeletonEncoder:
    """The encoder for another skeleton: what belongs to a joint goes with its name.

    To fine-tune it on another data set is the transfer protocol:
    ``train_classifier(bridge(encoder, other.skeleton), ..., recipe=finetune_recipe(encoder))``.
    The other way is to give the clips the joints of the encoder, see
    :class:`~pyg_skeletonmae.transforms.MapJoints`.

    Args:
        encoder: The pre-trained encoder, which stays as it is.
        skeleton: Of the new clips.

    Returns:
        The encoder itself where the joints are the same, else a copy.

    Raises:
        SkeletonError: The two skeletons have no joint in common.
        CheckpointError: The encoder ties weights to all pairs of joints (``STTFormerEncoder``).
    """
    if encoder.skeleton.joints == skeleton.joints:
        return encoder
    if not isinstance(encoder, GraphEncoder | STEncoder):
        raise CheckpointError(
            f"{type(encoder).__name__} holds weights for pairs of joints of "
            f"{encoder.skeleton.name}; give the clips these joints, data.joints: "
            f"{encoder.skeleton.name}"
        )
    return encoder.for_skeleton(skeleton).train(encoder.training)
