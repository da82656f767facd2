"""``skeletonmae evaluate --protocol curve``: accuracy against labels a class."""

from __future__ import annotations

import copy
import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from pyg_skeletonmae.commands.evaluation_context import Job
from pyg_skeletonmae.commands.options import Options
from pyg_skeletonmae.commands.run_steps import kept
from pyg_skeletonmae.commands.trained import train_on
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.evaluation import Features, knn, label_curve, linear_probe
from pyg_skeletonmae.evaluation.notes import noted
from pyg_skeletonmae.evaluation.recipe import SCRATCH
from pyg_skeletonmae.files.write import write_file, write_text
from pyg_skeletonmae.models import build_model
from pyg_skeletonmae.models.base import SkeletonEncoder

TABLE, PICTURE = "curve.csv", "curve.png"
ONE_LABEL_L2 = 0.01
"""The penalty of linear classifiers where a class has one label: none is left to choose it by."""
_STARTS = {
    "pretrained": "pre-trained",
    "random": "random weights",
    "random_clips": "random, statistics of clips",
    "scratch": "trained from scratch",
    "finetuned": "fine-tuned",
}
_CLASSIFIERS = {"knn": "1-NN", "linear": "linear"}


def curve(job: Job, options: Options) -> dict[str, Any]:
    """A pre-trained encoder, its random twins, and the network from scratch, by labels a class.

    A folder gets the table and, where matplotlib is installed, the picture.
    """
    encoders = {"pretrained": job.needed_encoder(), **dict(_twins(job))}
    frozen = _frozen(job, encoders, options)
    notes: Counter[str] = Counter()

    def measure(subset: SkeletonDataset, name: str) -> dict[str, float]:
        folder = None if job.folder is None else job.folder / name

        def measured() -> dict[str, Any]:
            found, said = frozen(subset)
            for start, trained in (("scratch", "random"), ("finetuned", "pretrained")):
                if options.curve.scratch if start == "scratch" else options.curve.finetune:
                    own = replace(job, encoder=encoders[trained])
                    place = None if folder is None else folder / start
                    result = train_on(own, options.tune.apply(SCRATCH), subset, place)
                    found[start] = result["top1"]
                    said += result.get("notes", [])
            return {"top1": found, "notes": said}

        found = kept(folder, subset, measured)
        notes.update(found["notes"])
        return dict(found["top1"])

    told, labels = options.curve, Path(job.data.cache) / "labels"
    results = label_curve(measure, job.splits.labelled, labels, told.labels, told.draws)
    said = [f"{note} ({times} times)" if times > 1 else note for note, times in notes.items()]
    results |= noted(*results.get("notes", []), *said)
    if job.folder is not None:
        write_text(job.folder / TABLE, _table(results))
        if find_spec("matplotlib") is not None:
            _draw(results, options.segments, job.folder / PICTURE)
    return {key: value for key, value in results.items() if key != "draws"}


def _twins(job: Job) -> Iterator[tuple[str, SkeletonEncoder]]:
    """The encoder with fresh weights: as initialised, and with batch statistics of the clips."""
    torch.manual_seed(job.seed)
    twin = build_model(job.needed_encoder().config, job.classes).to(job.device)
    assert isinstance(twin, SkeletonEncoder)
    yield "random", twin
    refitted = replace(job, encoder=copy.deepcopy(twin))
    if not refitted.refit_statistics():
        yield "random_clips", refitted.needed_encoder()


def _frozen(
    job: Job, encoders: dict[str, SkeletonEncoder], options: Options
) -> Callable[[SkeletonDataset], tuple[dict[str, float], list[str]]]:
    """Accuracies of the encoders' features by classifier, segments and weights, for any labels."""
    sides: dict[str, tuple[Features, Features]] = {}
    for segments, suffix in _suffixes(options.segments).items():
        for start, encoder in encoders.items():
            own = replace(job, encoder=encoder, segments=segments)
            sides[f"{suffix}_{start}"] = own.both()
    place = {number: i for i, number in enumerate(job.splits.labelled.indices())}

    def measure(subset: SkeletonDataset) -> tuple[dict[str, float], list[str]]:
        chosen = torch.tensor([place[number] for number in subset.indices()])
        single = min(Counter(subset.labels.tolist()).values()) == 1
        grid = (ONE_LABEL_L2,) if single and job.l2 is None else job.l2_grid
        found, notes = {}, []
        for name, (train, test) in sides.items():
            few = train.select(torch.isin(train.clip, chosen))
            found[f"knn{name}"] = knn(few, test)["top1"]
            linear = linear_probe(few, test, grid, job.seed)
            found[f"linear{name}"] = linear["top1"]
            notes += linear.get("notes", [])
        return found, notes

    return measure


def _table(results: dict[str, Any]) -> str:
    """A line for each draw, as a table of comma-separated values."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["measure", "labels", "clips", "draw", "top1"])
    for measure, points in results["draws"].items():
        places = zip(results["labels"], results["clips"], points, strict=True)
        for labels, clips, draws in places:
            writer.writerows([measure, labels, clips, *one] for one in enumerate(draws))
    return text.getvalue()


def _draw(results: dict[str, Any], segments: Sequence[int], path: Path) -> None:
    """A panel for each kind of features and classifier; what is trained stands in all of them."""
    from pyg_skeletonmae.visualize.label_curve import draw_label_curve  # Slow to import.

    top1, intervals = results["top1"], results["interval"]
    panels = {}
    for classifier, title in _CLASSIFIERS.items():
        for number, suffix in _suffixes(segments).items():
            time = "time averaged" if number == 1 else f"{number} segments"
            keys = {start: f"{classifier}{suffix}_{start}" for start in _STARTS}
            panels[f"{title}, {time}"] = {
                name: (top1[key], intervals[key])
                for start, name in _STARTS.items()
                for key in (keys[start], start)
                if key in top1
            }
    counts = [str(count) for count in results["labels"]]
    figure = draw_label_curve(counts, panels)
    write_file(path, lambda file: figure.savefig(file, format="png"))
    if find_spec("plotly") is not None:
        from pyg_skeletonmae.visualize.chart_pages import label_curve_page

        label_curve_page(counts, panels, "accuracy by labels a class").save(
            path.with_suffix(".html")
        )


def _suffixes(segments: Sequence[int]) -> dict[int, str]:
    """What keys say of each number of segments: of the first nothing."""
    return {number: f"_segments{number}" * (number != segments[0]) for number in segments}
