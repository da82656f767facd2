import json
import os

import pytest
import torch
from model_helpers import make_batch
from torch import nn

from pyg_skeletonmae import layouts
from pyg_skeletonmae.errors import CheckpointError, ConfigError, SkeletonError
from pyg_skeletonmae.models import (
    STRL,
    Classifier,
    GraphEncoder,
    GraphSkeletonMAE,
    Skeleton2Vec,
    STEncoder,
    ViTBackbone,
    build_model,
)
from pyg_skeletonmae.models.base import SkeletonEncoder
from pyg_skeletonmae.models.from_config import check_classes
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.masking import RandomMask
from pyg_skeletonmae.transforms.motion_masking import MotionTubeMask

SKELETON = layouts.UIPRMD22
MODELS = [
    GraphSkeletonMAE(
        SKELETON, hidden_channels=8, mask=RandomMask(0.25), edge_ratio=0.1, edge_weight=1.0
    ),
    STRL(SKELETON, 3, 5, frames=8, hidden_channels=8),
    Classifier(GraphEncoder(SKELETON, hidden_channels=8), 4, head="linear"),
    Classifier(STEncoder(SKELETON, 3, 8, 4, 16, 1, 2), 3, "joints-mlp", 8),
    Skeleton2Vec(
        SKELETON,
        frames=8,
        backbone=ViTBackbone(2, 16, 1, 2, decoder_channels=8, decoder_depth=1),
        mask=MotionTubeMask(0.5, 2),
    ),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_built_again_from_json(model: nn.Module) -> None:
    again = build_model(json.loads(json.dumps(model.config)))
    assert type(again) is type(model) and repr(again) == repr(model)
    again.load_state_dict(model.state_dict())
    batch = make_batch(SKELETON)
    batch.y.clamp_(max=2)
    key = "loss"
    torch.testing.assert_close(again.eval()(batch)[key], model.eval()(batch)[key])


def test_only_models_are_built() -> None:
    with pytest.raises(CheckpointError, match="unknown class"):
        build_model({"class_path": "subprocess.Popen", "init_args": {"args": ["true"]}})
    with pytest.raises(CheckpointError, match="expected the configuration of a model"):
        build_model({"class_path": "RandomMask", "init_args": {}})
    with pytest.raises(CheckpointError, match="expected the configuration of a model"):
        build_model({"layers": 3})


class OwnEncoder(SkeletonEncoder):
    def __init__(self, skeleton: Skeleton, width: int = 4) -> None:
        super().__init__(skeleton, width)
        self.linear = nn.Linear(3, width)

    def encode_tracks(self, pos: torch.Tensor) -> torch.Tensor:
        return self.linear(pos)


def test_classes_of_ones_own() -> None:
    model = Classifier(OwnEncoder(SKELETON, 6), 4, head="linear")
    again = build_model(json.loads(json.dumps(model.config)), [OwnEncoder])
    assert isinstance(again, Classifier) and type(again.encoder) is OwnEncoder
    assert again.encoder.out_channels == 6
    with pytest.raises(CheckpointError, match=r"unknown class 'OwnEncoder'.*classes=\(YourClass,"):
        build_model(model.config)


def test_classes_that_are_none() -> None:
    assert check_classes([OwnEncoder, OwnEncoder, GraphEncoder]) == (OwnEncoder,)
    for wrong in ("os.system", os.system, int, OwnEncoder(SKELETON), os):
        with pytest.raises(ConfigError, match="expected a class of models, encoders"):
            build_model({}, [wrong])  # type: ignore[list-item]
    namesake = type("GraphEncoder", (OwnEncoder,), {})
    with pytest.raises(ConfigError, match="GraphEncoder: there is another class of this name"):
        check_classes([namesake])


@pytest.mark.parametrize("name", [["os.system"], {}, None, 3, "os.system", "Skeleton"])
@pytest.mark.parametrize("arguments", [None, [], 3, {"a": 1}])
def test_configurations_that_are_none(name: object, arguments: object) -> None:
    with pytest.raises((CheckpointError, SkeletonError)):
        build_model({"class_path": name, "init_args": arguments})
    config = MODELS[2].config
    encoder = {"class_path": name, "init_args": arguments}
    with pytest.raises((CheckpointError, SkeletonError)):
        build_model({**config, "init_args": {**config["init_args"], "encoder": encoder}})
