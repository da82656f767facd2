import copy
import inspect
import pickle

from pyg_skeletonmae import layouts
from pyg_skeletonmae.models import Encoder, GraphEncoder, SkeletonModel


def test_config_survives_copies() -> None:
    encoder = GraphEncoder(layouts.UIPRMD22, 3, depth=2)
    assert isinstance(encoder, SkeletonModel) and isinstance(encoder, Encoder)
    assert encoder.config["init_args"]["depth"] == 2
    assert copy.deepcopy(encoder).config == encoder.config
    assert pickle.loads(pickle.dumps(encoder)).config == encoder.config


def test_signature_is_the_constructor() -> None:
    assert list(inspect.signature(GraphEncoder).parameters)[:2] == ["skeleton", "in_channels"]
