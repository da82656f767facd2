"""What a release says of itself to people: the data by counts and hashes, the numbers, the limits.

Names of clips, files, folders and people are in none of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

from torch import nn

from pyg_skeletonmae.__about__ import __version__
from pyg_skeletonmae.configurable.arguments import CheckedMeta
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models.base import skeleton_of
from pyg_skeletonmae.models.preprocessing import Preprocessing

Figure: TypeAlias = "float | int | str | None"
_FREE = (
    "CC0-1.0", "CC-BY-2.0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-4.0", "PDDL-1.0", "ODC-BY-1.0",
    "ODBL-1.0", "MIT", "APACHE-2.0", "BSD-2-CLAUSE", "BSD-3-CLAUSE",
)  # fmt: skip
_NO_TRADE = re.compile(r"\bnc\b|non-?commercial|not commercial|research only|academic", re.I)
_HASH = re.compile(r"[0-9a-f]{0,64}")
_TEXT = 300
_TRADE = {
    True: "it allows commercial use",
    False: "it forbids commercial use",
    None: "whether it allows commercial use is not known",
}


def commercial_use(licence: str | None) -> bool | None:
    """Whether a licence of data allows commercial use, as far as its name or words say it.

    Args:
        licence: An SPDX identifier, or words.

    Returns:
        False for those that say non-commercial, research or academic; True for free ones (of
        Creative Commons, Open Data Commons, and those of software); None for any other.
    """
    if licence is None:
        return None
    if _NO_TRADE.search(licence):
        return False
    return True if licence.strip().upper() in _FREE else None


@dataclass(frozen=True)
class TrainingData(metaclass=CheckedMeta):
    """Clips that a model was trained on, by counts and a hash.

    Args:
        name: The title of a public data set, or ``own clips``.
        clips: How many clips.
        tracks: How many persons in them.
        frames: How many frames, of all persons.
        subjects: How many performers, as far as they are known.
        content_hash: The SHA-256 of the store they came from.
        licence: Its licence, an SPDX identifier or words; None: not stated.
        commercial: Whether it allows commercial use; None: not known.

    Raises:
        ArgumentError: A value is of another type.
        ConfigError: A number is negative, or a text long or not printable.
    """

    name: str
    clips: int
    tracks: int = 0
    frames: int = 0
    subjects: int = 0
    content_hash: str = ""
    licence: str | None = None
    commercial: bool | None = None

    def __post_init__(self) -> None:
        if min(self.clips, self.tracks, self.frames, self.subjects) < 0:
            raise ConfigError("clips, tracks, frames, subjects: expected 0 or more")
        for text in (self.name, self.licence or "-"):
            if not (text.isprintable() and 0 < len(text) <= _TEXT):
                raise ConfigError(f"{text!r:.40}: expected one line of at most {_TEXT} letters")
        if not _HASH.fullmatch(self.content_hash):
            raise ConfigError(
                f"content_hash {self.content_hash!r:.40}: expected hexadecimal digits"
            )

    def __str__(self) -> str:
        counts = [f"{self.clips:,} clips", f"{self.tracks:,} persons in them"]
        counts += [f"{self.frames:,} frames", f"{self.subjects or 'unknown'} performers"]
        digest = f"; content sha256 `{self.content_hash}`" if self.content_hash else ""
        return f"{self.name}: {', '.join(counts)}{digest}"


@dataclass(frozen=True)
class ModelCard:
    """What is known about a model beside its weights.

    Args:
        class_names: The classes of a classifier.
        data: What it was trained on.
        pretraining: What its encoder was pre-trained on.
        protocol: How it was measured, in a few words.
        metrics: What was measured, by name.
    """

    class_names: tuple[str, ...] = ()
    data: TrainingData | None = None
    pretraining: TrainingData | None = None
    protocol: str | None = None
    metrics: Mapping[str, Figure] = field(default_factory=dict)

    @property
    def commercial(self) -> bool | None:
        """Whether all data that it learned from allow commercial use; None: not known."""
        known = [data.commercial for data in (self.data, self.pretraining) if data is not None]
        if False in known:
            return False
        return True if known and None not in known else None

    def figures(self) -> dict[str, Any]:
        """The content of ``metrics.json``."""
        finite = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in self.metrics.items()
        }
        data = None if self.data is None else asdict(self.data)
        before = None if self.pretraining is None else asdict(self.pretraining)
        return {
            "protocol": self.protocol, "metrics": finite, "data": data, "pretraining": before,
            "commercial_use": self.commercial,
        }  # fmt: skip

    def page(self, model: nn.Module, preprocessing: Preprocessing | None) -> str:
        """The ``README.md`` of a release folder.

        Args:
            model: The model.
            preprocessing: How its clips are prepared; None: nobody knows.
        """
        parts = [
            self._head(model),
            self._reads(model, preprocessing),
            self._learned_from(),
            self._measured(),
            self._limits(),
        ]
        return "\n".join(line for part in parts for line in part)

    def _head(self, model: nn.Module) -> Iterator[str]:
        name, encoder = type(model).__name__, type(getattr(model, "encoder", model)).__name__
        use = {True: "allowed", False: "forbidden", None: "not known"}[self.commercial]
        licence = "not stated" if self.data is None else self.data.licence or "not stated"
        yield from ("---", "library_name: pyg_skeletonmae", f"data_licence: {_quoted(licence)}")
        yield from (f"commercial_use: {_quoted(use)}", "---", "")
        skeleton = skeleton_of(model)
        yield f"# {name}" + ("" if skeleton is None else f" on {skeleton.name}")
        yield ""
        size = sum(parameter.numel() for parameter in model.parameters())
        inside = "" if encoder == name else f" with a {encoder}"
        yield f"A {name}{inside} of {size:,} numbers, written by pyg_skeletonmae {__version__}."
        yield ""
        if self.class_names:
            yield f"It knows {len(self.class_names)} classes; `labels.txt` names them in order."
            yield from ("", "```bash", "skeletonmae predict THIS_FOLDER recording.csv", "```", "")
        else:
            yield "It is no classifier: it gives features, or starts the training of one."
            yield from ("", "```bash")
            yield from ("skeletonmae embed THIS_FOLDER recording.csv --out features.csv", "```", "")

    def _reads(self, model: nn.Module, preprocessing: Preprocessing | None) -> Iterator[str]:
        skeleton = skeleton_of(model)
        yield from ("## What it reads", "")
        if skeleton is not None:
            yield f"Clips of the {skeleton.num_joints} joints in `skeleton.yaml`, matched by name."
        if preprocessing is None:
            yield "How they have to be prepared is not known."
        else:
            yield "What is done to them is in `preprocessing.yaml`, and done by the commands above:"
            yield from ("", "| setting | value |", "|---|---|")
            told = {key: value for key, value in asdict(preprocessing).items() if value is not None}
            yield from (f"| {key} | {value} |" for key, value in told.items())
        yield ""

    def _learned_from(self) -> Iterator[str]:
        yield from ("## What it learned from", "")
        rows = (("Trained on", self.data), ("Encoder pre-trained on", self.pretraining))
        for what, data in rows:
            if data is None:
                continue
            yield f"- {what} {data}."
            terms = _TRADE[data.commercial]
            yield f"  Licence of these data: {data.licence or 'not stated'}; {terms}."
        if self.data is None:
            yield "- Nothing is known of the data it was trained on."
        yield from (
            "",
            "The recordings are not in this folder, nor is anything that names them.",
            "",
        )

    def _measured(self) -> Iterator[str]:
        yield from ("## Measured", "")
        if not self.metrics:
            yield from ("Nothing was measured when this folder was written.", "")
            return
        yield f"Protocol: {self.protocol or 'not stated'}. As `metrics.json` has it:"
        yield from ("", "| figure | value |", "|---|---|")
        for name, value in self.figures()["metrics"].items():
            yield f"| {name} | {f'{value:.4g}' if isinstance(value, float) else value} |"
        yield ""

    def _limits(self) -> Iterator[str]:
        yield from ("## Limits", "")
        yield "- It knows what it was trained on; the figures hold for such recordings and people."
        yield "- Other joints, frame rates, cameras and estimators cost accuracy: measure first."
        if self.class_names:
            yield "- It always answers with one of its classes, also where none is shown."
            yield "- Its scores are not calibrated: 0.9 is no probability of being right."
        if self.commercial is False:
            yield "- The terms of its data forbid commercial use of them, and may bind this model."
        yield "- It is for research and tools, not for decisions about people without a check."
        yield ""


def with_licence(page: str, licence: str) -> str:
    """The ``README.md`` of a release whose data had no licence stated, with one.

    Raises:
        ConfigError: The licence is no printable line, or the page no card that states none.
    """
    if not (licence.isprintable() and licence.strip() and len(licence) <= _TEXT):
        raise ConfigError(f"{licence!r:.40}: expected one line of at most {_TEXT} letters")
    head, none = 'data_licence: "not stated"', "Licence of these data: not stated"
    unknown = "- Nothing is known of the data it was trained on."
    if head not in page.split("\n") or (none not in page and unknown not in page):
        raise ConfigError(f"README.md: expected the line {head}, as save_release writes it")
    told = f"Licence of these data: {licence}; {_TRADE[commercial_use(licence)]}."
    if unknown in page:
        page = page.replace(
            unknown, f"- Nothing else is known of the data it was trained on.\n  {told}"
        )
    else:  # the first is the data's own, another that of the data of the pre-training
        page = re.sub(rf"{none}; .*", lambda _: told, page, count=1)
    use = "not known" if _TRADE[None] in page else "allowed"
    use = "forbidden" if _TRADE[False] in page else use
    page = re.sub('commercial_use: ".*"', f'commercial_use: "{use}"', page, count=1)
    return page.replace(head, f"data_licence: {_quoted(licence)}", 1)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
