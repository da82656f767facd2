"""How the publications train classifiers: a preset each, and what differs between data sets.

The presets are those of NTU RGB+D 60, cross-subject. Sources: the public codes of MAMP (09e6252a;
the same for the SkeletonMAE that it compares with), of Skeleton2vec (branch dev, 983164ab;
cross-view as of 14935c12) and of STTFormer (b9bc6f6a).
"""

from __future__ import annotations

from typing import Any, Literal

from pyg_skeletonmae.commands.configs import preset
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.datasets.catalog import CATALOG
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.evaluation.recipe import Recipe
from pyg_skeletonmae.files.yaml import read_yaml
from pyg_skeletonmae.models import STEncoder, STTFormerEncoder
from pyg_skeletonmae.models.base import SkeletonEncoder
from pyg_skeletonmae.training import OptimConfig

Publication = Literal["mamp", "skeleton2vec", "sttformer"]
Tuning = Literal["finetune", "linear"]
_PRESETS = {
    ("finetune", "mamp"): "joints_mlp",
    ("finetune", "skeleton2vec"): "joints_mlp",
    ("finetune", "sttformer"): "sttformer",
    ("linear", "mamp"): "linear_probe",
    ("linear", "skeleton2vec"): "linear_probe",
}
_OPTIM = "trainer.optim."
# By the beginning of a data set with its split, NTU RGB+D 60 cross-view for example: ntu60-xview.
_DIFFERENT: dict[tuple[str, str], dict[str, dict[str, Any]]] = {
    ("finetune", "skeleton2vec"): {
        # The last norm counts to the last block, positions are not decayed, and schedules are read
        # at the end of a step.
        "": {
            f"{_OPTIM}lr_scale": {"encoder.norm": 0.8},
            f"{_OPTIM}decay": {"position": False},
            f"{_OPTIM}read_at": "end",
        },
        "ntu60-xview": {
            "trainer.max_epochs": 120,
            f"{_OPTIM}min_lr": 5e-6,
            f"{_OPTIM}swa_start": 100,
            f"{_OPTIM}swa_lr": 1e-5,
        },
        "ntu120-xsub": {"data.batch_size": 64},
        "ntu120-xset": {f"{_OPTIM}lr": 1e-4},
    },
    ("linear", "mamp"): {
        "pkummd1": {"data.batch_size": 128},
        "pkummd2": {"data.batch_size": 32, f"{_OPTIM}lr": 0.01},
    },
    ("linear", "skeleton2vec"): {
        "": {"model.init_args.norm_eps": 1e-5, f"{_OPTIM}read_at": "end"},
        "pkummd2": {"data.batch_size": 32, f"{_OPTIM}lr": 0.01},
    },
}


def own_settings(tuning: Tuning, publication: Publication, clips: str) -> dict[str, Any]:
    """What a publication sets otherwise than its preset on some clips.

    >>> own_settings("linear", "mamp", "pkummd2-xsub")
    {'data.batch_size': 32, 'trainer.optim.lr': 0.01}
    """
    different = _DIFFERENT.get((tuning, publication), {})
    return {
        key: value
        for name, settings in different.items()
        if clips.startswith(name)
        for key, value in settings.items()
    }


def published_settings(tuning: Tuning, publication: Publication, clips: str) -> dict[str, Any]:
    """All settings of a publication on some clips, as a configuration holds them.

    Args:
        tuning: Fine-tuning, or the linear probe.
        publication: Whose.
        clips: The data set with its split, ``ntu60-xsub``.

    Raises:
        ConfigError: The publication has no such thing.
    """
    name = _PRESETS.get((tuning, publication))
    if name is None:
        known = ", ".join(other for kind, other in _PRESETS if kind == tuning)
        raise ConfigError(f"tune.recipe {publication}: expected one of {known} for {tuning}")
    settings: dict[str, Any] = read_yaml(preset(name))
    for key, value in own_settings(tuning, publication, clips).items():
        *sections, last = key.split(".")
        section = settings
        for part in sections:
            section = section[part]
        section[last] = value
    return settings


def published(tuning: Tuning, publication: Publication, clips: str) -> Recipe:
    """The recipe of a publication on some clips; arguments and errors as above."""
    settings = published_settings(tuning, publication, clips)
    head, trainer = settings["model"]["init_args"], settings["trainer"]
    return Recipe(
        head["head"],
        trainer["max_epochs"],
        OptimConfig(**trainer["optim"]),
        freeze=head.get("freeze_encoder", False),
        label_smoothing=head.get("label_smoothing", 0.0),
        drop_path=settings.get("drop_path"),
        norm_eps=head.get("norm_eps", 1e-5),
        batch_size=settings["data"]["batch_size"],
    )


def publication_of(
    encoder: SkeletonEncoder, data: DataConfig, tuning: Tuning
) -> Publication | None:
    """Whose recipe fits an encoder on clips of a public pipeline; None: nobody's."""
    found: Publication | None = None
    if isinstance(encoder, STTFormerEncoder) and data.pipeline == "mamp":
        found = "sttformer"
    elif isinstance(encoder, STEncoder) and data.pipeline in ("mamp", "skeleton2vec"):
        found = "mamp" if data.pipeline == "mamp" else "skeleton2vec"
    return found if (tuning, found) in _PRESETS else None


def clips_of(data: DataConfig) -> str:
    """The data set of a configuration with its official split, ``ntu60-xsub``."""
    splits = CATALOG[data.name].splits
    subjects = data.train_subjects or data.test_subjects or data.split_by
    return data.name if subjects or not splits else f"{data.name}-{data.protocol or splits[0]}"
