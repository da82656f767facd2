"""The steps that commands share: before a training, after it, and what they write."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pyg_skeletonmae.commands import run_folders as runs
from pyg_skeletonmae.commands.cards import model_card
from pyg_skeletonmae.commands.data_clips import Splits, open_dataset, split
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.datasets.label_subsets import write_labels
from pyg_skeletonmae.datasets.store.stamp import Verify
from pyg_skeletonmae.errors import ConfigError, SkeletonMAEError
from pyg_skeletonmae.evaluation import confusion
from pyg_skeletonmae.evaluation.finetune import Select
from pyg_skeletonmae.evaluation.folds import check_known
from pyg_skeletonmae.evaluation.notes import noted
from pyg_skeletonmae.files.write import write_file
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.training import Trainer, save_release
from pyg_skeletonmae.training.run_checkpoints import Resume
from pyg_skeletonmae.visualize.chart_pages import confusion_page
from pyg_skeletonmae.visualize.charts import draw_confusion


def begin(
    trainer: Trainer,
    folder: Path,
    resolved: dict[str, Any],
    data: DataConfig,
    seed: int,
    resume: Resume,
    verify: Verify = "stamp",
) -> Splits:
    """Checks the run folder, starts the processes, opens and verifies the data, seeds the weights.

    Raises:
        ConfigError: The run in the folder had other settings or data, or is not to be resumed.
        SkeletonMAEError: The data are not what they should be.
    """
    alone = "LOCAL_RANK" not in os.environ
    if alone:  # Before others are started, if this process does so.
        runs.check_folder(folder, resolved, resume)
    trainer.launch()
    refused = None
    if trainer.rank == 0 and not alone:
        try:
            runs.check_folder(folder, resolved, resume)
        except SkeletonMAEError as error:
            refused = str(error)
    # All processes refuse what the first one finds: they may have been started by torchrun.
    refused = trainer.fabric.broadcast(refused)
    if refused is not None:
        raise ConfigError(refused)
    splits = split(open_dataset(data, seed, verify), data)
    runs.check_data(folder, splits.train.store.content_hash)
    torch.manual_seed(seed)
    return splits


def check_selection(data: DataConfig, monitor: str | None, select: Select = "last") -> None:
    """Raises :class:`ConfigError` if weights are to be chosen on nobody."""
    if select != "test-best" and not data.val_subjects:
        for name, wanted in (("trainer.monitor", monitor), ("select", select == "val-best")):
            if wanted:
                raise ConfigError(f"{name}: needs data.val_subjects to evaluate on while training")


def loader_device(device: torch.device) -> torch.device:
    """Where batches are made: where the model is, but for Apple's GPU, which knows no float64."""
    return torch.device("cpu") if device.type == "mps" else device


@torch.no_grad()
def try_batch(net: nn.Module, loader: SkeletonLoader) -> None:
    """One batch through the model, so that what does not fit is said before a folder is made."""
    training, device = net.training, next(net.parameters()).device
    net.eval()(next(iter(loader)).to(device))
    net.train(training)
    loader.load_state_dict({**loader.state_dict(), "batch": 0})


def keep_labels(folder: Path, labelled: SkeletonDataset) -> None:
    """Writes the names of the labelled clips into a run folder."""
    names = [labelled.store.names[number] for number in labelled.indices()]
    write_labels(folder / runs.LABELS, names)


def kept(
    folder: Path | None, labelled: SkeletonDataset, measure: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """What was found on labelled clips: as the folder holds it, or measured now and written there.

    Args:
        folder: The folder of a draw of labels; None: nothing is kept.
        labelled: The clips, whose names are kept beside the results.
        measure: Finds the results.
    """
    if folder is None:
        return measure()
    if (folder / runs.RESULTS).is_file():
        return runs.read_mapping(folder / runs.RESULTS)
    found = measure()
    keep_labels(folder, labelled)
    runs.write_json(folder / runs.RESULTS, finite(found))
    return found


def numbers(results: dict[str, Any]) -> dict[str, float]:
    """What of the results is a number."""
    return {name: value for name, value in results.items() if isinstance(value, float)}


def answer(results: dict[str, Any]) -> dict[str, Any]:
    """What of an evaluation is printed: the numbers, and what has to stand beside them."""
    return {**numbers(results), **noted(*results.get("notes", []))}


def keep_confusion(predicted: Tensor, test: SkeletonDataset, folder: Path | None) -> None:
    """Writes ``confusion.png`` and ``confusion.html``, as far as what they take is installed.

    Args:
        predicted: The class that each test clip was taken for, ``[n]``.
        test: The test clips.
        folder: The run folder; None: there is none.
    """
    if folder is None:
        return
    counts = confusion(predicted, test.labels, test.num_classes)
    if find_spec("matplotlib") is not None:
        figure = draw_confusion(counts, test.class_names)
        write_file(folder / "confusion.png", lambda file: figure.savefig(file, format="png"))
    if find_spec("plotly") is not None:
        confusion_page(counts, test.class_names).save(folder / "confusion.html")


def check_validation(splits: Splits) -> None:
    """Raises :class:`DataError` if no class of the validation clips can be learned."""
    if splits.val is not None:
        check_known(splits.labelled.labels, splits.val.labels)


def measured(splits: Splits, device: torch.device | str = "cpu") -> dict[str, Any]:
    """What a run took, and the content of the store that it read."""
    return {"peak_mib": runs.peak_mib(device), "data_hash": splits.train.store.content_hash}


def finish(
    trainer: Trainer,
    net: nn.Module,
    folder: Path,
    splits: Splits,
    data: DataConfig,
    results: dict[str, Any],
    how: str = "pretrain",
    pretrained: str | None = None,
) -> dict[str, Any]:
    """Writes the release folder and the results, on the first process.

    Args:
        trainer: The trainer.
        net: The model.
        folder: The run folder.
        splits: The clips.
        data: What they are, and how they are prepared.
        results: What was measured.
        how: How, in a word.
        pretrained: The folder that its encoder comes from.
    """
    if trainer.rank == 0:
        trained = splits.train if how == "pretrain" else splits.labelled
        save_release(
            net.cpu(),
            folder / runs.RELEASE,
            preprocessing=data.preprocessing(splits.train),
            card=model_card(data, splits, results, how, trained=trained, pretrained=pretrained),
        )
        taken = measured(splits, trainer.fabric.device)
        runs.write_json(folder / runs.RESULTS, {**finite(results), **taken})
    return {**results, "folder": str(folder)}


def finite(results: dict[str, Any]) -> dict[str, Any]:
    """Results as JSON can hold them: None where a number is not finite."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in results.items()
    }
