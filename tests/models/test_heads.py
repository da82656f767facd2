import pytest
import torch

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models.heads import head_defaults, make_head, pooling

LAYERS = {
    "linear": "Dropout Linear",
    "mean-linear": "Dropout Linear",
    "bn-linear": "BatchNorm1d Dropout Linear",
    "mlp": "Linear BatchNorm1d ReLU Dropout Linear",
    "joints-mlp": "Linear BatchNorm1d ReLU Linear",
}


@pytest.mark.parametrize("head", LAYERS)
def test_layers(head: str) -> None:
    layers = make_head(head, 6, 3, 8, 0.1, 1e-6)  # type: ignore[arg-type]
    assert " ".join(type(layer).__name__ for layer in layers) == LAYERS[head]
    assert layers(torch.randn(4, 6)).shape == (4, 3)


def test_defaults_and_pooling() -> None:
    assert head_defaults("mlp") == ("mean", False, 256, 0.0)
    assert head_defaults("joints-mlp") == ("concat", True, 2048, 0.3)
    assert pooling("linear", None, 1) == "mean" and pooling("linear", "concat", 3) == "concat"
    assert pooling("joints-mlp", None, 1) == pooling("joints-mlp", "concat", 1) == "concat"


def test_unknown_head() -> None:
    with pytest.raises(ConfigError, match="head 'knn': expected one of"):
        head_defaults("knn")  # type: ignore[arg-type]
