import copy
import inspect
import pickle

import pytest
import torch

from pyg_skeletonmae import Skeleton, layouts
from pyg_skeletonmae.errors import ArgumentError
from pyg_skeletonmae.models import Encoder, GraphEncoder, SkeletonEncoder, SkeletonModel


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
