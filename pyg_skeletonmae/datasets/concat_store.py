"""Several stores as one, in memory: each is read from its own files."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from pyg_skeletonmae.datasets.store import ClipStore
from pyg_skeletonmae.datasets.store.data_card import DataCard
from pyg_skeletonmae.datasets.store.stamp import Verify
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.transforms.stacked_rows import stacked


class ConcatStore(ClipStore):
    """The clips of several stores, one after the other, each read from its own files.

    Args:
        stores: The stores; of one that is concatenated itself, its parts.

    Attributes:
        stores: The parts.

    Raises:
        DataError: There is none, or skeletons, channels or units differ.
    """

    def __init__(self, stores: Sequence[ClipStore]) -> None:
        self.stores: tuple[ClipStore, ...] = tuple(
            part
            for store in stores
            for part in (store.stores if isinstance(store, ConcatStore) else [store])
        )
        _check(self.stores)
        first = self.stores[0]
        self.in_memory = any(store.in_memory for store in self.stores)
        self.root, self.skeleton, self.num_channels = first.root, first.skeleton, first.num_channels
        self.pos, self.valid = stacked([(store.pos, store.valid) for store in self.stores])
        rows = _offsets([len(store.pos) for store in self.stores])
        tracks = _offsets([len(store.track_start) for store in self.stores])
        self.track_start = _joined(
            [s.track_start + n for s, n in zip(self.stores, rows, strict=True)]
        )
        heads = [s.clip_track[:-1] + n for s, n in zip(self.stores, tracks, strict=True)]
        self.clip_track = _joined([*heads, torch.tensor([len(self.track_start)])])
        self.length = _joined([store.length for store in self.stores])
        self.subject = _joined([store.subject for store in self.stores])
        self.class_names, self.label = _classes(self.stores)
        self.names = tuple(name for store in self.stores for name in store.names)
        self.extra, self.column_names = _columns(self.stores)
        hashes = "".join(store.content_hash for store in self.stores)
        self.content_hash = hashlib.sha256(hashes.encode()).hexdigest()
        self.card = DataCard(_card(self))
        self._edges = {}

    def check_files(self) -> None:
        """Looks whether the mapped files of all stores are as long as they were.

        Raises:
            SkeletonFormatError: One is shorter.
        """
        for store in self.stores:
            store.check_files()

    def verify(self, how: Verify = "full") -> None:
        """Reads all of the stores and compares each with its hash.

        Args:
            how: See :meth:`ClipStore.verify`.

        Raises:
            SkeletonFormatError: The content of one has changed.
        """
        self.verified = True
        for store in self.stores:
            store.verify(how)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.stores,)

    def __repr__(self) -> str:
        names = ", ".join(store.root.name for store in self.stores)
        return f"{type(self).__name__}([{names}], clips={len(self)}, skeleton={self.skeleton.name})"


def _check(stores: Sequence[ClipStore]) -> None:
    if not stores:
        raise DataError("there is no data set to concatenate")
    unit = next((store.card["unit"] for store in stores if store.card.get("unit")), None)
    fields: dict[str, Callable[[ClipStore], object]] = {
        "joints": lambda store: store.skeleton.joints,
        "bones": lambda store: store.skeleton.bones,
        "channels": lambda store: store.num_channels,
        "units": lambda store: store.card.get("unit") or unit,
    }
    for store in stores[1:]:
        for what, value in fields.items():
            if value(store) != value(stores[0]):
                raise DataError(
                    f"{stores[0].root} and {store.root} have other {what}; prepare them alike"
                )


def _offsets(sizes: Sequence[int]) -> list[int]:
    return [sum(sizes[:number]) for number in range(len(sizes))]


def _joined(columns: Sequence[Tensor]) -> Tensor:
    return torch.cat(list(columns))


def _classes(stores: Sequence[ClipStore]) -> tuple[tuple[str, ...], Tensor | None]:
    """The names of all classes, in order of appearance, and the labels among them."""
    labels = [store.label for store in stores if store.label is not None]
    if len(labels) < len(stores):
        return (), None
    names = tuple(dict.fromkeys(name for store in stores for name in store.class_names))
    numbers = {name: number for number, name in enumerate(names)}
    maps = [torch.tensor([numbers[name] for name in store.class_names]) for store in stores]
    return names, _joined([new[label] for new, label in zip(maps, labels, strict=True)])


def _columns(
    stores: Sequence[ClipStore],
) -> tuple[dict[str, Tensor], dict[str, tuple[str, ...]]]:
    """The columns that all stores have, of texts or of numbers in all, and their texts."""
    columns, texts = {}, {}
    for key in stores[0].extra:
        if not all(key in store.extra for store in stores):
            continue
        names = [store.column_names[key] for store in stores if key in store.column_names]
        parts = [store.extra[key] for store in stores]
        if len(names) == len(stores):
            texts[key] = tuple(dict.fromkeys(text for column in names for text in column))
            maps = [torch.tensor([texts[key].index(text) for text in column]) for column in names]
            parts = [new[part.long()] for new, part in zip(maps, parts, strict=True)]
        elif names:
            continue
        columns[key] = _joined(parts)
    sizes = torch.tensor([len(store) for store in stores])
    return columns | {"store": torch.repeat_interleave(sizes)}, texts


def _card(store: ConcatStore) -> dict[str, Any]:
    """What the cards of the stores say together."""
    cards, length = [part.card for part in store.stores], store.length
    dropped: dict[str, list[str]] = {}
    for card in cards:
        for reason, names in card.get("dropped", {}).items():
            dropped[reason] = dropped.get(reason, []) + names
    labels = [] if store.label is None else store.label.tolist()
    per_class = Counter(store.class_names[label] for label in labels)
    persons, subjects = Counter(store.num_tracks.tolist()), Counter(store.subject.tolist())
    sums = ("missing_joints", "zero_joints", "nan_joints")
    rates, versions = ({card.get(key) for card in cards} for key in ("fps", "library_version"))
    return {
        "library_version": ", ".join(sorted(map(str, versions))),
        "content_hash": store.content_hash,
        "clips": len(store),
        "tracks": len(store.track_start),
        "persons": {str(number): persons[number] for number in sorted(persons)},
        "frames": {
            "min": int(length.min()),
            "median": float(length.double().quantile(0.5)),
            "mean": round(float(length.double().mean()), 2),
            "max": int(length.max()),
            "total": int(length.sum()),
        },
        **{key: sum(card.get(key, 0) for card in cards) for key in sums},
        "skeleton": store.skeleton.name,
        "num_joints": store.skeleton.num_joints,
        "num_channels": store.num_channels,
        "class_names": list(store.class_names),
        "clips_per_class": {name: per_class[name] for name in store.class_names},
        "clips_per_subject": {str(number): subjects[number] for number in sorted(subjects)},
        "source": "; ".join(card.get("source", "") for card in cards),
        "fps": rates.pop() if len(rates) == 1 else None,
        "unit": next((card["unit"] for card in cards if card.get("unit")), None),
        "dropped": dropped,
    }
