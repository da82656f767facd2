"""The report of a demonstration: one HTML file that needs nothing beside it."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import Tensor

from pyg_skeletonmae.commands.demo.methods import ABOUT, About
from pyg_skeletonmae.evaluation import confidence_interval
from pyg_skeletonmae.files.write import write_text
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.visualize import draw_confusion, draw_curves, draw_reconstruction

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RESULTS_HEAD = "<tr><th>what<th>weights<th>how<th class=num>accuracy, %<th>"
_ERRORS_HEAD = "<tr><th>masked joints placed by<th class=num>mean error, mm"
_PLACED_BY = {
    "error_mm": "the decoder",
    "shifted_mean_pose_mm": "mean pose, hung on the joints that are seen",
    "mean_pose_mm": "mean pose",
    "tree_mm": "interpolation along the bones",
}
_NAMES = {"pretrain": "pre-training", "scratch": "from scratch", "finetune": "fine-tuned"}


class Row(NamedTuple):
    """One line of the table of results."""

    features: str
    start: str
    protocol: str
    top1: float


@dataclass
class Report:
    """Everything a report shows.

    Args:
        source: Where the clips come from.
        synthetic: Whether they are made up.
        rows: The results, means over the draws of labels; the first is the bar to beat.
        gains: What pre-training gives the classifier, draw by draw.
        chance: The accuracy of guessing.
        clips: How many clips each side has.
        curves: Run to its epochs and training losses.
        errors: What :func:`~pyg_skeletonmae.evaluation.reconstruction.reconstruction_error` gives;
            empty: there is no such error.
        clip: Original, reconstruction and mask of one clip; none: the method predicts features.
        skeleton: Its joints.
        confusion: Counts ``[K, K]`` of the fine-tuned classifiers.
        class_names: The classes.
        seconds: Step to its duration.
        peak_gb: The most memory held; None: not known.
        info: What the run folder says about the run: command, seed, versions, machine.
        settings: Name to value.
        about: The method.
    """

    source: str
    synthetic: bool
    rows: list[Row]
    gains: list[float]
    chance: float
    clips: dict[str, int]
    curves: dict[str, tuple[list[float], list[float]]]
    errors: dict[str, Any]
    clip: tuple[Tensor, Tensor, Tensor] | None
    skeleton: Skeleton
    confusion: Tensor
    class_names: tuple[str, ...]
    seconds: dict[str, float]
    peak_gb: float | None
    info: dict[str, Any]
    settings: dict[str, Any]
    about: About = ABOUT["graph_temporal"]

    def numbers(self) -> dict[str, Any]:
        """The results as plain values."""
        return {
            "synthetic": self.synthetic,
            "clips": self.clips,
            "chance": self.chance,
            "results": [row._asdict() for row in self.rows],
            "gains": self.gains,
            "reconstruction": self.errors,
            "seconds": {name: round(value, 1) for name, value in self.seconds.items()},
            "peak_gb": None if self.peak_gb is None else round(self.peak_gb, 2),
        }

    def gain(self) -> str:
        """What pre-training gives, with the paired interval over the draws of labels."""
        mean, half = confidence_interval([100 * gain for gain in self.gains])
        if len(self.gains) == 1:
            return f"{mean:+.1f} points, one run: a few points mean nothing"
        apart = "" if abs(mean) > half else ", which may be nothing"
        return f"{mean:+.1f} ± {half:.1f} points ({len(self.gains)} draws of labels){apart}"

    def text(self) -> str:
        """The table for a terminal."""
        lines = [f"{'features':<24}{'start':<14}{'protocol':<20}accuracy"]
        lines += [
            f"{row.features:<24}{row.start:<14}{row.protocol:<20}{100 * row.top1:6.1f} %"
            for row in self.rows
        ]
        total = sum(self.seconds.values())
        lines.append(f"pre-training gives the {self.about.classifier} {self.gain()}")
        lines.append(f"data: {self.source}")
        memory = "" if self.peak_gb is None else f" and at most {self.peak_gb:.1f} GB of memory"
        lines.append(f"took {total:.0f} s{memory}")
        return "\n".join(lines)


def write_report(report: Report, path: Path) -> None:
    """Writes the report, atomically."""
    results = (
        f"<tr><td>{_text(row.features)}<td>{_text(row.start)}<td>{_text(row.protocol)}"
        f"<td class=num>{100 * row.top1:.1f}"
        f'<td><div class=bar style="width:{240 * row.top1:.0f}px"></div>'
        for row in report.rows
    )
    facts = (f"<tr><td>{_text(name)}<td>{_text(fact)}" for name, fact in _facts(report).items())
    errors = (
        f"<tr><td>{name}<td class=num>{report.errors[key]:.0f}"
        for key, name in (_PLACED_BY.items() if report.errors else ())
    )
    page = Template(_PAGE).substitute(
        notice=_notice(report),
        summary=_summary(report),
        table=_table(_RESULTS_HEAD, results),
        reading=_READING.format(classifier=report.about.classifier),
        learned=report.about.learned,
        classifier=report.about.classifier,
        errors=_table(_ERRORS_HEAD, errors) if report.errors else "",
        facts=_table("", facts),
        **_pictures(report),
    )
    write_text(path, page)


def _notice(report: Report) -> str:
    notice = ""
    if report.settings["budget"] == "smoke":
        notice = (
            '<p class="notice"><b>This was a smoke test,</b> far too short to learn anything. '
            "<code>skeletonmae demo</code> takes a few minutes.</p>"
        )
    if not report.synthetic:
        return notice
    return notice + (
        '<p class="notice"><b>These clips are synthetic.</b> No recordings were found, so a '
        "program made people move. The numbers show that everything works and say nothing about "
        "real motion. Set SKELETONMAE_DATA, or run <code>skeletonmae demo --download</code>, for "
        "UI-PRMD.</p>"
    )


def _summary(report: Report) -> str:
    start, tuned = report.rows[0].top1, report.rows[-1].top1
    better, clips = 100 * (tuned - start), report.clips
    sides = (
        f"{clips['training']} clips of some people, {clips['labelled']} of them with labels, "
        f"tested on {clips['test']} clips"
    )
    return (
        f"<p>{_text(report.source)}. Trained on {sides} of other people, "
        f"{len(report.class_names)} classes, guessing gives {100 * report.chance:.0f} %.</p>"
        f"<p class=big>The fine-tuned {report.about.classifier} recognises "
        f"<b>{100 * tuned:.1f} %</b>: {better:+.1f} points against nearest neighbours on raw "
        f"coordinates. Pre-training gives it {report.gain()}.</p>"
    )


def _pictures(report: Report) -> dict[str, str]:
    """What is drawn, by its place in the page."""
    reconstruction = ""
    if report.clip is not None:
        figure = draw_reconstruction(*report.clip, report.skeleton)
        reconstruction = _image(figure, "a clip, masked, and reconstructed")
    charts = []
    for label, names in (
        (report.about.loss, ["pretrain"]),
        ("cross-entropy", ["scratch", "finetune"]),
    ):
        curves = {_NAMES[name]: report.curves[name] for name in names if report.curves[name][0]}
        if curves:
            figure = draw_curves(curves, ylabel=f"training loss ({label})")
            charts.append(_image(figure, "loss curves"))
    confusion = draw_confusion(report.confusion, report.class_names)
    return {
        "reconstruction": reconstruction,
        "curves": f"<div class=row>{''.join(charts)}</div>",
        "confusion": _image(confusion, "confusion matrix"),
    }


def _facts(report: Report) -> dict[str, object]:
    info, machine = report.info, report.info["machine"]
    return {
        "command": " ".join(info["command"]),
        "started": info["started"],
        "seed": info["seed"],
        **report.settings,
        **{f"seconds, {name}": f"{value:.0f}" for name, value in report.seconds.items()},
        "seconds, all": f"{sum(report.seconds.values()):.0f}",
        "peak memory": "not known" if report.peak_gb is None else f"{report.peak_gb:.1f} GB",
        "machine": f"{machine['cpus']} cores, {machine['system']}",
        **info["versions"],
    }


def _table(head: str, rows: Iterable[str]) -> str:
    return f"<table>{head}{''.join(rows)}</table>"


def _image(figure: Figure, alternative: str) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{_text(alternative)}" src="data:image/png;base64,{data}">'


def _text(value: object) -> str:
    return html.escape(str(value))


_READING = (
    "<p>All test people are unknown to every model. The first row needs no learning and is the bar "
    "to beat. <i>Frozen</i> encoders are not trained on labels: nearest neighbours (1-NN) or a "
    "linear classifier read their features; what pre-training gives is the difference to random "
    "weights. The {classifier} is trained with labels, from random or from pre-trained weights. "
    "Every number is the mean over the draws of labelled clips; the weights are of one seed.</p>"
)

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>SkeletonMAE: demonstration</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 60rem; margin: 2rem auto;
       padding: 0 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2.2rem }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid #ddd;
         vertical-align: top }
.num { text-align: right } .bar { background: #0072b2; height: .8rem; margin-top: .35rem }
.notice { background: #fff3cd; border-left: 4px solid #d9a400; padding: .6rem 1rem }
.row { display: flex; flex-wrap: wrap } .row img { max-width: 49% }
.big { font-size: 1.15rem } img { max-width: 100% } details td:first-child { color: #666 }
</style>
<h1>SkeletonMAE: demonstration</h1>
$notice
$summary
<h2>Results</h2>
$table
$reading
<h2>What pre-training learns</h2>
<p>$learned</p>
$reconstruction
$errors
<h2>Training</h2>
$curves
<h2>What is confused with what</h2>
<p>The fine-tuned $classifier on the test clips: rows are the true classes.</p>
$confusion
<h2>Details</h2>
<details open><summary>Settings, times and versions</summary>
$facts
</details>
</html>
"""
