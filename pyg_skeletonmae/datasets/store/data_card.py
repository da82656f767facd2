"""The data card: what a store holds, where it comes from, and what was left out of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_MOST, _NAMES = 5, 3  # how many reasons, and names for each, are shown; the rest is counted


class DataCard(dict[str, Any]):
    """The contents of ``card.json``; its ``repr`` is a page for people.

    Args:
        content: The entries, see the table in the documentation.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        super().__init__(content)

    def __repr__(self) -> str:
        rows = [*self._clips(), *self._joints(), *self._left_out(), *self._origin()]
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {text}" for name, text in rows)

    def _clips(self) -> Iterator[tuple[str, str]]:
        text, classes = f"{self.get('clips', 0):,}", self.get("clips_per_class")
        if classes:
            text += f" of {len(classes)} classes ({_range(classes)} each)"
        subjects = self.get("clips_per_subject", {}).keys() - {"-1"}
        yield "clips", text + (f", {len(subjects)} subjects" if subjects else "")
        persons = self.get("persons", {}).items()
        yield "persons", ", ".join(f"{count:,} clips of {number}" for number, count in persons)
        frames = self.get("frames", {})
        said = [f"{key} {value:,}" for key, value in frames.items()]
        rates = self.get("rates", {}).items()
        said += [f"{self['fps']:g} a second"] if self.get("fps") else []
        said += [
            f"{count:,} clips of {rate}{' rate' if rate == 'unknown' else ' a second'}"
            for rate, count in rates
        ]
        yield "frames", ", ".join(said)
        for name, split in self.get("splits", {}).items():
            each = f" ({_range(split['per_class'])} of each class)" if split["per_class"] else ""
            yield name, f"{split['clips']:,} clips{each}"

    def _joints(self) -> Iterator[tuple[str, str]]:
        text = f"{self.get('num_joints')} ({self.get('skeleton')})"
        text += f", {self.get('num_channels')} channels"
        text += f", in {self['unit']}" if self.get("unit") else ""
        counts = {"missing": "missing", "zero": "zero", "nan": "not finite when read"}
        said = [f"{self.get(f'{key}_joints', 0):,} {what}" for key, what in counts.items()]
        yield "joints", f"{text}; {', '.join(said)}"

    def _left_out(self) -> Iterator[tuple[str, str]]:
        dropped = sorted(self.get("dropped", {}).items(), key=lambda item: -len(item[1]))
        yield "dropped", f"{sum(len(names) for _, names in dropped):,}"
        for reason, names in dropped[:_MOST]:
            shown = ", ".join(names[:_NAMES]) + (", ..." if len(names) > _NAMES else "")
            yield "", f"{len(names):,}: {reason} ({shown})"
        if dropped[_MOST:]:
            rest = sum(len(names) for _, names in dropped[_MOST:])
            yield "", f"{rest:,}: {len(dropped) - _MOST} other reasons, see card.json"

    def _origin(self) -> Iterator[tuple[str, str]]:
        for key in ("source", "policy"):
            if self.get(key):
                yield key, self[key]
        for note in self.get("notes", []):
            yield "note", note
        files = self.get("files", {"count": 0})
        if files["count"]:
            yield "files", f"{files['count']:,}, {files['bytes']:,} bytes, sha256 {files['sha256']}"
        for name, digest in self.get("inputs", {}).items():
            yield "input", f"{name}, sha256 {digest}"
        yield "content", f"sha256 {self.get('content_hash')}"
        yield "written by", f"pyg_skeletonmae {self.get('library_version')}"


def grouped_notes(notes: Iterable[tuple[str, str]]) -> list[str]:
    """Sentences about recordings, each once, with the first of their names."""
    names: dict[str, list[str]] = {}
    for name, text in notes:
        names.setdefault(text, []).append(name)
    return [
        f"{text} ({len(who):,}: {', '.join(who[:_NAMES])}{', ...' if who[_NAMES:] else ''})"
        for text, who in names.items()
    ]


def _range(counts: Mapping[str, int]) -> str:
    low, high = min(counts.values()), max(counts.values())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
