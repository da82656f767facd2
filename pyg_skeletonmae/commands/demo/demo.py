"""The demonstration: pre-train, probe, fine-tune, report, in a few minutes on two cores."""

from __future__ import annotations

import copy
import logging
import os
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean
from typing import Literal

import torch

from pyg_skeletonmae.commands import run_folders as runs
from pyg_skeletonmae.commands.data_clips import DATA_VARIABLE, split
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.commands.demo.methods import ABOUT, About, Method
from pyg_skeletonmae.commands.demo.report import Report, Row, write_report
from pyg_skeletonmae.commands.demo.steps import Demo, Size
from pyg_skeletonmae.datasets import UIPRMD, SkeletonDataset
from pyg_skeletonmae.datasets.sets.synthetic import SyntheticActions
from pyg_skeletonmae.datasets.sets.uiprmd import LabelTarget
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.evaluation import confusion
from pyg_skeletonmae.files.write import write_folder
from pyg_skeletonmae.io.download import UIPRMD_MIRROR, download_uiprmd
from pyg_skeletonmae.training import read_metrics

_log = logging.getLogger("pyg_skeletonmae")
SIZES = {
    "smoke": Size(frames=16, hidden=16, pretrain_epochs=2, finetune_epochs=1, clips=240),
    "small": Size(frames=32, hidden=32, pretrain_epochs=24, finetune_epochs=6, clips=1440),
    "full": Size(frames=64, hidden=64, pretrain_epochs=50, finetune_epochs=40, clips=2880),
}
SYNTHETIC = "SYNTHETIC clips: made by this program, not recorded from people"


def demo(
    out: str = "runs/demo",
    seed: int = 0,
    method: Method = "graph_temporal",
    budget: Literal["smoke", "small", "full"] = "small",
    labels: float = 0.1,
    draws: int = 3,
    download: bool = False,
    mirror: str = UIPRMD_MIRROR,
    cache: str = "data",
) -> None:
    """Pre-trains on all clips, learns from few labels, and reports, in a few minutes.

    The data are UI-PRMD under ``$SKELETONMAE_DATA``, else, with ``download``, from its public
    mirror, else synthetic clips. An earlier demonstration in the folder is replaced when the new
    one is finished; anything else there is left alone and is an error.

    Args:
        out: The run folder.
        seed: Where weights, order and all draws derive from.
        method: How to pre-train: ``graph_temporal``, message passing over body and time;
            ``graph_mae``, the graph SkeletonMAE with STRL; ``st_mae``, a transformer that predicts
            coordinates; ``skeleton2vec``, one that predicts its moving average.
        budget: ``smoke`` (a minute, only shows that it runs), ``small`` (at most eight minutes on
            two cores), ``full`` (the sizes of the paper, hours).
        labels: The share of each class's clips that have labels; 1: all.
        draws: How many draws of those clips the results are means of; the seed says which.
        download: Fetch UI-PRMD if it is not there.
        mirror: Where to fetch it from.
        cache: The folder in which data are kept for the next run.
    """
    folder, size = Path(out), SIZES[budget]
    if not 0 < labels <= 1:
        raise ConfigError(f"--labels {labels}: expected a share above 0 and at most 1")
    if draws < 1:
        raise ConfigError(f"--draws {draws}: expected at least one draw")
    if folder.exists() and not (folder / "report.html").is_file():
        raise ConfigError(
            f"{folder}: exists and is no earlier demonstration; name another folder with --out"
        )
    dataset, source = _find_data(size, seed, Path(cache), mirror if download else None)
    print(f"data: {len(dataset)} clips, {dataset.num_classes} classes: {source}", flush=True)
    data = DataConfig(  # as in configs/finetune/strl_small.yaml, which says why
        name="synthetic" if source == SYNTHETIC else "uiprmd",
        frames=size.frames,
        cache=cache,
        crop=(0.9, 1.0),
        rotate=[6.0, 12.0, 6.0],
        flip=0.5,
        shape=0.02,
        batch_size=32,
    )
    few = replace(data, label_fraction=labels, balanced=True)
    labelled = [
        split(dataset, replace(few, label_draw=draw)).labelled
        for draw in (range(draws * seed, draws * (seed + 1)) if labels < 1 else ())
    ]
    settings = {
        "demo": budget,
        "method": method,
        "labels": labels,
        "draws": draws,
        "source": source,
        "size": asdict(size),
        "data": asdict(data),
    }
    with write_folder(folder, overwrite=True) as beside:
        runs.start(beside, settings, seed)
        work = Demo(size, seed, beside, split(dataset, data), data, method=method, draws=labelled)
        _run(work, source, budget)
    print(f"report: {folder / 'report.html'}", flush=True)


def _find_data(
    size: Size, seed: int, cache: Path, mirror: str | None
) -> tuple[SkeletonDataset, str]:
    """UI-PRMD if it is there or can be fetched, else synthetic clips; and where they come from."""
    target: LabelTarget = "movement+correctness"
    folder = os.environ.get(DATA_VARIABLE)
    if folder and (root := Path(folder) / "uiprmd").is_dir():
        dataset = UIPRMD(root, target, processed_root=cache / "uiprmd")
        return dataset, f"UI-PRMD (Kinect), real recordings, from ${DATA_VARIABLE}"
    if mirror is not None:
        try:
            download_uiprmd(cache / "uiprmd" / "raw", mirror)
            dataset = UIPRMD(cache / "uiprmd", target)
            return dataset, f"UI-PRMD (Kinect), real recordings, from {mirror}"
        except DataError as error:
            _log.warning("download: %s; going on without it", error)
    return SyntheticActions(size.clips, seed=seed), SYNTHETIC


def _run(work: Demo, source: str, budget: str) -> None:
    """All steps; writes the report and ``results.json``, prints the table."""
    about = ABOUT[work.method]
    with work.step("1-NN", "1-NN on raw coordinates: the bar to beat"):
        rows = [Row("coordinates", "none", "1-NN", work.raw())]
    with work.step("random", "probing a randomly initialised encoder"):
        rows += _probed(about, "random", work.probe(work.build().encoder))
    with work.step("pre-training", "pre-training without labels"):
        model = work.pretrain()
    with work.step("probe", "probing the pre-trained encoder"):
        rows += _probed(about, "pre-trained", work.probe(model.encoder))
    with work.step("reconstruction", "reconstructing masked joints of unseen subjects"):
        errors, clip = work.reconstruct(copy.deepcopy(model))
    with work.step("scratch", f"training the {about.classifier} from scratch"):
        scratch = work.finetunes("scratch", None)
    with work.step("finetune", f"fine-tuning the {about.classifier} from the pre-trained encoder"):
        tuned = work.finetunes("finetune", model)
    accuracies = [[float(run["top1"]) for run in runs] for runs in (scratch, tuned)]
    for start, values in zip(("random", "pre-trained"), accuracies, strict=True):
        rows.append(Row(about.classifier, start, "trained on labels", fmean(values)))
    classes, curves = work.splits.test.class_names, {}
    for name in ("pretrain", "scratch", "finetune"):
        lines = [line for line in read_metrics(work.folder / name) if "train/loss" in line]
        epochs = [line["clips_seen"] / len(work.splits.train) for line in lines]
        curves[name] = epochs, [line["train/loss"] for line in lines]
    peak = runs.peak_mib()
    report = Report(
        source=source,
        synthetic=source == SYNTHETIC,
        rows=rows,
        chance=1.0 / len(classes),
        gains=[after - before for before, after in zip(*accuracies, strict=True)],
        clips={
            "training": len(work.splits.train),
            "labelled": len(work.labelled[0]),
            "test": len(work.splits.test),
        },
        curves=curves,
        errors=errors,
        clip=clip,
        skeleton=work.splits.test.skeleton,
        about=about,
        confusion=torch.stack(
            [confusion(run["predicted"], run["y"], len(classes)) for run in tuned]
        ).sum(0),
        class_names=classes,
        seconds=work.seconds,
        peak_gb=None if peak is None else peak * 2**20 / 1e9,
        info=runs.read_mapping(work.folder / runs.INFO),
        settings={
            "method": work.method,
            "budget": budget,
            "draws": len(tuned),
            **asdict(work.size),
        },
    )
    write_report(report, work.folder / "report.html")
    runs.write_json(work.folder / runs.RESULTS, {**report.numbers(), "source": source})
    print(report.text())


def _probed(about: About, start: str, accuracy: dict[str, float]) -> list[Row]:
    return [
        Row(f"{about.encoder}, frozen", start, "1-NN", accuracy["knn"]),
        Row(f"{about.encoder}, frozen", start, "linear probe", accuracy["linear"]),
    ]
