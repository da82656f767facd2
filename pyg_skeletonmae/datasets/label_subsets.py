"""Label subsets for semi-supervised protocols: which clips keep their labels, fixed on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from pyg_skeletonmae.datasets.skeleton_dataset import SkeletonDataset
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.files.plain import read_plain
from pyg_skeletonmae.files.write import write_text

MAX_BYTES = 64 * 2**20
Set = TypeVar("Set", bound=SkeletonDataset)


def draw_labels(
    names: Sequence[str],
    labels: Sequence[int],
    fraction: float | None = None,
    draw: int = 0,
    balanced: bool = False,
    per_class: int | None = None,
) -> list[str]:
    """Draws the clips that keep their labels.

    A clip's place in the draw is a hash of its name and of ``draw``: no random generator, order of
    clips, or other clip has a say in it, and the subsets of one draw are nested (5 % holds 1 %).

    Args:
        names: The clips.
        labels: Their classes.
        fraction: The share of clips, above 0, up to 1, rounded to whole clips, at least one.
        draw: The number of the draw.
        balanced: Draw the share of every class, at least one clip of each; otherwise of all clips,
            so that rare classes may go without.
        per_class: Draw this many clips of every class, instead of a share.

    Returns:
        Their names, in the order of ``names``.

    Raises:
        ConfigError: ``fraction`` or ``per_class`` is out of range, or not one of them is given.
        DataError: A class has fewer clips than ``per_class``.
    """
    if (fraction is None) == (per_class is None):
        raise ConfigError("label_fraction, labels_per_class: expected one of the two")
    if fraction is not None and not 0 < fraction <= 1:
        raise ConfigError(f"label_fraction {fraction}: expected a share above 0, up to 1")
    if per_class is not None and per_class < 1:
        raise ConfigError(f"labels_per_class {per_class}: expected a clip or more")
    groups: dict[int, list[str]] = {}
    for name, label in zip(names, labels, strict=True):
        groups.setdefault(label if balanced or per_class else 0, []).append(name)
    rarest = min(groups, key=lambda label: len(groups[label]), default=0)
    if per_class is not None and len(groups.get(rarest, ())) < per_class:
        raise DataError(
            f"labels_per_class {per_class}: class {rarest} has {len(groups.get(rarest, ()))} clips"
        )
    place = {name: hashlib.sha256(f"{draw}:{name}".encode()).digest() for name in names}
    subset: set[str] = set()
    for group in groups.values():
        count = per_class or max(1, int((fraction or 0.0) * len(group) + 0.5))
        subset.update(sorted(group, key=place.__getitem__)[:count])
    return [name for name in names if name in subset]


def write_labels(path: str | Path, names: Iterable[str]) -> None:
    """Writes a file of clip names, one per line, whole or not at all."""
    text = "".join(f"{name}\n" for name in names)
    write_text(path, text)


def read_labels(path: str | Path) -> list[str]:
    """Reads a file of clip names.

    Raises:
        DataError: There is no such file, or it names no clip or one twice.
    """
    try:
        lines = read_plain(path, MAX_BYTES).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: no readable file of clip names ({error})") from error
    names = [line.strip() for line in lines if line.strip()]
    if not names:
        raise DataError(f"{path}: names no clip; expected one name per line")
    if len(set(names)) < len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise DataError(f"{path}: names {twice!r} twice")
    return names


def labelled_view(dataset: Set, path: str | Path) -> Set:
    """The view of the clips that a file names.

    Raises:
        DataError: The file is no list of names, or names a clip that is not in this view.
    """
    names = read_labels(path)
    store, indices = dataset.store, dataset.indices()
    place = {store.names[number]: position for position, number in enumerate(indices)}
    if len(place) < len(indices):
        raise DataError(f"{store.root}: clips share names, so that a list of names is no subset")
    for name in names:
        if name not in place:
            raise DataError(f"{path}: {name!r} is none of the {len(place)} training clips")
    view = dataset.index_select(sorted(place[name] for name in names))
    assert isinstance(view, type(dataset))
    return view


def label_subset(
    dataset: Set,
    folder: str | Path,
    fraction: float | None = None,
    draw: int = 0,
    balanced: bool = False,
    per_class: int | None = None,
) -> Set:
    """The labelled clips of a draw, by the file in ``folder``, which is written if it is not there.

    Args:
        dataset: The training clips.
        folder: Holds the files; their names tell clips, share, draw and balance apart.
        fraction: See :func:`draw_labels`.
        draw: See :func:`draw_labels`.
        balanced: See :func:`draw_labels`.
        per_class: See :func:`draw_labels`.

    Raises:
        ConfigError: See :func:`draw_labels`.
        DataError: The clips have no labels or too few, or the file does not fit them.
    """
    names = [dataset.store.names[number] for number in dataset.indices()]
    digest = hashlib.sha256("\n".join([dataset.store.content_hash, *names]).encode()).hexdigest()
    kind = "balanced" if balanced else "any"
    share = f"{fraction:g}-{kind}" if per_class is None else f"{per_class}-each"
    path = Path(folder) / f"{digest[:12]}-{share}-draw{draw}.txt"
    if not path.is_file():
        labels = dataset.labels.tolist()
        drawn = draw_labels(names, labels, fraction, draw, balanced, per_class=per_class)
        write_labels(path, drawn)
    return labelled_view(dataset, path)
