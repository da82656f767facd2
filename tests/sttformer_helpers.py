"""The recording of the public tuples transformer, under our names."""

from nn_helpers import model_oracle
from torch import Tensor

_NAMES = {  # theirs: ours
    "input_map": "embed",
    "alphas": "attention.scale",
    "att0s": "attention.base",
    "to_qkvs": "attention.qk",
    "out_nets": "spatial",
    "ff_net": "linear",
    "out_nett": "temporal",
    "ress": "residual",
    "rest": "temporal_residual",
}


def load() -> dict[str, Tensor]:
    return model_oracle("sttformer_tiny.npz")


def part(arrays: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key[len(prefix) :]: value for key, value in arrays.items() if key.startswith(prefix)}


def our_name(key: str) -> str:
    return ".".join(_NAMES.get(word, word) for word in key.split("."))


def our_weights(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights under our names; a bias before a batch norm moves into the running mean."""
    ours = {our_name(key): value for key, value in theirs.items() if "pes.pe" not in key}
    for key in [key for key in ours if key.endswith(".0.bias")]:
        mean, bias = key.removesuffix("0.bias") + "1.running_mean", ours.pop(key)
        ours[mean] = ours[mean] - bias
    for key in [key for key in ours if key.endswith(("attention.scale", "attention.base"))]:
        ours[key] = ours[key][0]
    return ours
