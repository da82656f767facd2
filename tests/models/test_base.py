import copy
import inspect
import pickle

import pytest
import torch

from pyg_skeletonmae import Skeleton, layouts
from pyg_skeletonmae.errors import ArgumentError, DataError
from pyg_skeletonmae.models import (
    Encoder,
    GraphEncoder,
    SkeletonEncoder,
    SkeletonModel,
    STEncoder,
    STGCNEncoder,
    STRLEncoder,
    STTFormerEncoder,
)


def test_config_survives_copies() -> None:
    encoder = GraphEncoder(layouts.UIPRMD22, 3, depth=2)
    assert isinstance(encoder, SkeletonModel) and isinstance(encoder, Encoder)
    assert encoder.config["init_args"]["depth"] == 2
    assert copy.deepcopy(encoder).config == encoder.config
    assert pickle.loads(pickle.dumps(encoder)).config == encoder.config


def test_signature_is_the_constructor() -> None:
    assert list(inspect.signature(GraphEncoder).parameters)[:2] == ["skeleton", "in_channels"]


class Nothing(SkeletonEncoder):
    def __init__(self, skeleton: Skeleton) -> None:
        super().__init__(skeleton, 3)


def test_an_encoder_without_methods_says_what_it_lacks() -> None:
    with pytest.raises(ArgumentError, match=r"Nothing has no method encode_tracks.* embed.* mix"):
        Nothing(layouts.UIPRMD22).encode_tracks(torch.zeros(1, 22, 4, 3))


ENCODERS = [
    GraphEncoder(layouts.COCO17, 2, 8),
    STGCNEncoder(layouts.COCO17, 2, channels=[8, 8]),
    STRLEncoder(layouts.COCO17, 2, frames=12, hidden_channels=8, depth=1),
    STEncoder(layouts.COCO17, 2, 12, 3, 8, 1, 2),
    STTFormerEncoder(layouts.COCO17, 2, 12, 3, channels=[(8, 8, 4)], heads=2),
]


@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda encoder: type(encoder).__name__)
@pytest.mark.parametrize(
    "pos",
    [
        torch.zeros(1, 17, 12, 3),
        torch.zeros(1, 25, 12, 2),
        torch.zeros(17, 12, 2),
        torch.zeros(1, 17, 12, 2, dtype=torch.float64),
        torch.zeros(1, 17, 12, 2, dtype=torch.long),
    ],
    ids=["channels", "joints", "no track", "float64", "integers"],
)
def test_tracks_that_do_not_fit_are_refused(encoder: SkeletonEncoder, pos: torch.Tensor) -> None:
    with pytest.raises(DataError, match=r"^tracks of .* for an encoder of"):
        encoder.encode_tracks(pos)
