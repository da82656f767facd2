import json

import pytest
import torch
from model_helpers import make_batch
from torch import nn

from pyg_skeletonmae import layouts
from pyg_skeletonmae.errors import CheckpointError
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
