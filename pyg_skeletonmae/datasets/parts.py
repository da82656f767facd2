"""A store whose rows lie in several stores below it; no clip is copied."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyg_skeletonmae.datasets.concat_store import ConcatStore
from pyg_skeletonmae.datasets.store import Clip, ClipStore
from pyg_skeletonmae.datasets.store.card import IN_PARTS
from pyg_skeletonmae.datasets.store.writer import StoreWriter
from pyg_skeletonmae.errors import DataError, SkeletonFormatError
from pyg_skeletonmae.files.lock import locked

_log = logging.getLogger("pyg_skeletonmae")


def join_parts(
    root: str | Path,
    class_names: Sequence[str] | None = None,
    about: Mapping[str, Any] | None = None,
    fps: float | None = None,
) -> ClipStore:
    """Makes the stores in a folder one store, in the order of the names of their folders.

    The folder gets an index and a card of its own, for which all clips are read once; their files
    stay where they are and are read from there. The result has the content, and the hash, of one
    store that was written of the same clips. Each part may still be opened alone; none may change.
    Skeletons, channels and units must be the same. Classes go by their names, in order of
    appearance unless they are given; further columns are those that all have.

    Args:
        root: The folder. One that was joined before is joined anew.
        class_names: The names of the classes; None = those of the parts.
        about: Entries of the card; what it does not say comes from the parts.
        fps: Frames per second; None = as the parts say.

    Raises:
        DataError: There is no store in the folder, or they do not fit each other.
        SkeletonFormatError: A store is damaged, or one with rows lies in the folder itself.
    """
    root = Path(root)
    if (root / "pos.npy").exists():
        raise SkeletonFormatError(root, "the folder", "stores in folders", "a store with rows")
    if not root.is_dir():
        raise DataError(f"{root}: no such folder")
    with locked(root, lambda: _log.info("%s: another process joins its parts; waiting", root)):
        folders = sorted(path for path in root.glob("[!.]*") if ClipStore.exists(path))
        if not folders:
            raise DataError(f"{root}: no store in a folder below it")
        stores = [ClipStore(folder) for folder in folders]
        for store in stores:
            if "parts" in store.card:
                raise DataError(f"{store.root}: is in parts itself; move these one folder up")
        whole = ConcatStore(stores)
        names = whole.class_names if class_names is None else tuple(class_names)
        parts = [
            {"folder": f.name, "content_hash": s.content_hash, "valid": s.valid is not None}
            for f, s in zip(folders, stores, strict=True)
        ]
        said = {**_card(stores, whole), **(about or {}), "format": IN_PARTS, "parts": parts}
        with tempfile.TemporaryDirectory(dir=root, prefix=".join-") as folder:
            writer = StoreWriter(Path(folder), whole.skeleton, whole.num_channels, with_rows=False)
            with closing(writer):
                for clip in _clips(stores, whole, names):
                    writer.add(clip)
                writer.finish(names if whole.label is not None or class_names else None, said, fps)
            for name in ("skeleton.yaml", "index.npz", "card.json"):
                (Path(folder) / name).replace(root / name)
    return ClipStore(root)


def _clips(
    stores: Sequence[ClipStore], whole: ConcatStore, class_names: Sequence[str]
) -> Iterator[Clip]:
    """The clips of all stores, with the labels and numbers of texts that they have together."""
    labels = [None] * len(whole) if whole.label is None else whole.label.tolist()
    numbers = iter(range(len(whole)))
    for store in stores:
        store.verify("stamp")
        for own, number in zip(range(len(store)), numbers, strict=False):
            clip, label = store.clip(own), labels[number]
            name = None if label is None else whole.class_names[label]
            if name is not None and name not in class_names:
                raise DataError(f"{store.root}: {clip.name}: class {name!r} is none of those given")
            extra = {
                key: whole.extra[key][number].item() for key in clip.extra if key in whole.extra
            }
            label = None if name is None else class_names.index(name)
            yield replace(clip, label=label, extra=extra)


def _card(stores: Sequence[ClipStore], whole: ConcatStore) -> dict[str, Any]:
    """What is not counted of the clips themselves."""
    cards = [store.card for store in stores]
    said: dict[str, Any] = {
        key: "; ".join(dict.fromkeys(str(card[key]) for card in cards if card.get(key)))
        for key in ("source", "policy", "nan")
    }
    said |= {key: whole.card[key] for key in ("unit", "dropped", "nan_joints")}
    said["notes"] = list(dict.fromkeys(note for card in cards for note in card.get("notes", ())))
    if whole.column_names:
        said["column_names"] = whole.column_names
    if all("files" in card for card in cards):  # of what was read for each
        sums = {key: sum(card["files"][key] for card in cards) for key in ("count", "bytes")}
        hashes = "".join(card["files"]["sha256"] for card in cards)
        said["files"] = {**sums, "sha256": hashlib.sha256(hashes.encode()).hexdigest()}
        said["inputs"] = {name: h for card in cards for name, h in card.get("inputs", {}).items()}
    if all("splits" in card for card in cards):
        said["splits"] = {side: _split(cards, side) for side in cards[0]["splits"]}
    return said


def _split(cards: Sequence[Mapping[str, Any]], side: str) -> dict[str, Any]:
    """The clips of one side of an official split, and of each class in it."""
    told = [card["splits"][side] for card in cards if side in card["splits"]]
    per_class: Counter[str] = Counter()
    for part in told:
        per_class.update(part["per_class"])
    return {"clips": sum(part["clips"] for part in told), "per_class": dict(per_class)}
