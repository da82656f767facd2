"""What a run tells people about its model: the clips by counts and a hash, and the measure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from pyg_skeletonmae.commands.data_clips import Splits
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.datasets.catalog import entry
from pyg_skeletonmae.training import ModelCard, TrainingData, release_data
from pyg_skeletonmae.training.model_card import commercial_use

OWN = "own clips"
_ANYONES = ("poses", "pyskl", "stgcn", "npz", "store")  # may hold any clips


def training_data(data: DataConfig, dataset: SkeletonDataset) -> TrainingData:
    """The clips of a view as a model card may tell of them.

    Args:
        data: The settings that they were opened by; its ``licence`` stands over that of the data
            set.
        dataset: The clips.
    """
    numbers, store = torch.tensor(list(dataset.indices())), dataset.store
    tracks, subjects = store.num_tracks[numbers], store.subject[numbers]
    known = entry(data.name)
    licence = data.licence or known.licence
    return TrainingData(
        OWN if data.name in _ANYONES else known.title,
        clips=len(numbers),
        tracks=int(tracks.sum()),
        frames=int((store.length[numbers] * tracks).sum()),
        subjects=len(set(subjects[subjects >= 0].tolist())),
        content_hash=store.content_hash,
        licence=licence,
        commercial=commercial_use(licence),
    )


def model_card(
    data: DataConfig,
    splits: Splits,
    results: Mapping[str, Any],
    how: str,
    *,
    trained: SkeletonDataset | None = None,
    pretrained: str | None = None,
) -> ModelCard:
    """What a release says of itself.

    Args:
        data: The clips of the run.
        splits: Their sides.
        results: What was measured; notes, which may name files, are left out.
        how: How, in a word: ``pretrain``, ``finetune``, ``evaluate linear-sgd`` ...
        trained: What was trained on, where it is not the training side.
        pretrained: The folder that the encoder comes from.
    """
    trained = splits.train if trained is None else trained
    figures = {
        name: value
        for name, value in results.items()
        if isinstance(value, float | int) or name == "selected_on"
    }
    divided = _division(data) if len(splits.test) else "none held out"
    return ModelCard(
        class_names=tuple(trained.class_names),
        data=training_data(data, trained),
        pretraining=None if pretrained is None else release_data(pretrained),
        protocol=f"{how}; {divided}; {len(trained):,} training and {len(splits.test):,} test clips",
        metrics=figures,
    )


def _division(data: DataConfig) -> str:
    """What divides the clips, without the values, which may be names."""
    if data.split_by is not None:
        return f"divided by {'name' if data.split_by == 'name' else 'a column of the clips'}"
    official = entry(data.name)
    if data.train_subjects is not None or not official.official:
        return "divided by performer" if data.train_subjects else "odd performers trained on"
    known = data.protocol if data.protocol in official.splits else None
    return f"official split {known or next(iter(official.splits), 'of the file')}"
