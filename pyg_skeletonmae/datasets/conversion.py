"""Clips of a store as PyG's ``Data`` and back, and stores of transformed clips."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from torch_geometric.data import Data

from pyg_skeletonmae.batch import as_tracks, valid_joints
from pyg_skeletonmae.datasets.fingerprint import described
from pyg_skeletonmae.datasets.store import ClipStore, write_store, written_once
from pyg_skeletonmae.datasets.store.clips import Clip
from pyg_skeletonmae.errors import DataError

Transform = Callable[[Data], Data]
Filter = Callable[[Data], bool]


def to_data(store: ClipStore, number: int, key: Tensor) -> Data:
    """A clip of a store as ``Data``, its own copy; fields as in :mod:`pyg_skeletonmae.batch`.

    Args:
        store: The store.
        number: Which clip.
        key: What its random draws derive from, ``[1]``, long.
    """
    store.check_files()
    start, tracks, frames = store.spans[number]
    rows = slice(start, start + tracks * frames)
    valid = torch.ones(tracks * store.skeleton.num_joints, frames, dtype=torch.bool)
    if store.valid is not None:
        valid = _nodes(store.valid[rows], tracks)
    data = Data(
        pos=_nodes(store.pos[rows], tracks),
        edge_index=store.edge_index(tracks).clone(),
        valid=valid,
        num_tracks=torch.tensor([tracks]),
        clip_id=torch.tensor([number]),
        subject=store.subject[number : number + 1].clone(),
        key=key,
    )
    if store.label is not None:
        data.y = store.label[number : number + 1].clone()
    return data


def to_clip(data: Data, clip: Clip) -> Clip:
    """``Data`` as a clip, with what ``Data`` does not hold from ``clip``.

    Raises:
        DataError: The nodes are no whole number of joints per person.
    """
    pos, tracks = data.pos, int(data.num_tracks)
    if not isinstance(pos, Tensor) or pos.dim() != 3 or pos.size(0) % tracks:
        shape = list(pos.shape) if isinstance(pos, Tensor) else "nothing"
        raise DataError(f"{clip.name}: expected pos [{tracks} * V, T, C], found {shape}")
    joints = pos.size(0) // tracks
    return replace(
        clip,
        pos=as_tracks(pos, joints).transpose(1, 2),
        valid=as_tracks(valid_joints(data), joints).transpose(1, 2),
        label=data.get("y"),
    )


def processed_store(
    store: ClipStore,
    root: str | Path | None,
    read: Callable[[int], Data],
    pre_transform: Transform | None,
    pre_filter: Filter | None,
    force_reload: bool = False,
) -> ClipStore:
    """The store of a store's filtered and transformed clips; written if it is not there yet.

    Args:
        store: The store.
        root: The folder of such stores; each is named by what the two functions do. None: it is
            held in memory.
        read: Reads a clip as ``Data``.
        pre_transform: Applied to every clip that is kept; None = none.
        pre_filter: Says which clips are kept; None = all.
        force_reload: Write it again.

    Raises:
        DataError: No clip is kept, or a transformed clip does not fit the skeleton.
    """
    settings = repr((described(pre_filter), described(pre_transform), store.content_hash))
    name = hashlib.sha256(settings.encode()).hexdigest()[:12]
    folder = None if root is None else Path(root) / name
    left_out: list[tuple[str, str]] = []

    def clips() -> Iterator[Clip]:
        for number, name in enumerate(store.names):
            data = read(number)
            if pre_filter is not None and not pre_filter(data):
                left_out.append((name, "pre_filter"))
                continue
            yield to_clip(
                data if pre_transform is None else pre_transform(data), store.clip(number)
            )

    steps = " ".join(f"pre_filter {pre_filter}; pre_transform {pre_transform}".split())

    def write() -> ClipStore:
        return write_store(
            folder,
            clips(),
            store.skeleton,
            store.class_names if store.label is not None else None,
            source=f"{store.card['source']}; {steps}",
            fps=store.card["fps"],
            unit=store.card["unit"],
            dropped=left_out,
            all_tracks=True,
            about={"column_names": store.column_names} if store.column_names else None,
            overwrite=force_reload,
        )

    if folder is None:
        return write()
    written_once(folder, write, force_reload)
    return ClipStore(folder)


def _nodes(rows: Tensor, tracks: int) -> Tensor:
    """``[M * T, V, ...]`` as nodes ``[M * V, T, ...]``, a copy."""
    x = rows.reshape(tracks, -1, *rows.shape[1:]).transpose(1, 2)
    return x.clone(memory_format=torch.contiguous_format).flatten(0, 1)
