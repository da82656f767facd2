"""``skeletonmae verify``: whether stores, runs and releases are what was written."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jsonargparse import ArgumentParser

from pyg_skeletonmae.commands import run_folders as runs
from pyg_skeletonmae.errors import CheckpointError, ConfigError, DataError, SkeletonMAEError
from pyg_skeletonmae.files.manifest import MANIFEST, changed_files, file_hash, read_manifest
from pyg_skeletonmae.files.remote import remote_url

CHECKPOINTS, WEIGHTS, CARD, INDEX = "*.ckpt", "model.safetensors", "card.json", "index.npz"


class Part(NamedTuple):
    """A file or folder that can be compared with what was written.

    Args:
        path: Where it is; of a store in object storage, its address.
        check: Reads and compares all of what is there; says in a few words what it is, or raises
            :class:`SkeletonMAEError`.
    """

    path: Path | str
    check: Callable[[Any], str]


def add_verify_arguments(parser: ArgumentParser) -> None:
    """Adds the options of :func:`verify` to its parser."""
    parser.add_argument(
        "paths",
        nargs="+",
        help="Stores, run folders, releases (also user/name of the Hub), or folders with stores.",
    )


def verify(paths: Sequence[str]) -> None:
    """Reads all of stores, runs and releases, compares it with its checksums, and prints a line
    for each part.

    Args:
        paths: Their folders; of stores in object storage, their addresses; of releases on the Hub
            ``user/name``.

    Raises:
        ConfigError: A path is none of the three.
        DataError: Something is not as it was written; the lines before say what.
    """
    found = list(dict.fromkeys(part for path in paths for part in parts(path)))
    damaged = 0
    for part in found:
        try:
            print(f"whole    {part.path}  {part.check(part.path)}", flush=True)
        except (SkeletonMAEError, OSError) as error:
            damaged += 1
            reason = " ".join(str(error).split()).removeprefix(f"{part.path}: ")
            print(f"DAMAGED  {part.path}  {reason}", flush=True)
    if damaged:
        raise DataError(f"{damaged} of {len(found)} parts are not as they were written, see above")


def parts(path: str | Path) -> Iterator[Part]:
    """What can be compared in a store, a run, a release, or a folder with stores in it.

    Raises:
        ConfigError: It is none of these.
    """
    if (url := remote_url(path)) is not None:
        yield Part(url, _remote_store)
        return
    folder = Path(path)
    if not folder.exists():
        from pyg_skeletonmae.training.hub import find_release  # Slow to import.

        folder = find_release(path)
    if (folder / CARD).exists() or (folder / INDEX).is_file():
        yield Part(folder, _store)
    elif (folder / WEIGHTS).is_file() or (folder / MANIFEST).is_file():
        yield Part(folder, _release)
    elif (folder / runs.CONFIG).is_file() or any(folder.glob(CHECKPOINTS)):
        yield from _run(folder)
    else:
        inner = sorted(card.parent for card in folder.rglob(CARD))
        if not inner:
            raise ConfigError(f"{folder}: no store, no run folder and no release")
        yield from (part for store in inner for part in parts(store))


def _run(folder: Path) -> Iterator[Part]:
    checks = {
        runs.CONFIG: _config,
        runs.INFO: _settings,
        runs.RESULTS: _settings,
        CHECKPOINTS: _checkpoint,
        "metrics.jsonl": _metrics,
    }
    for name, check in checks.items():
        yield from (Part(path, check) for path in sorted(folder.rglob(name)))
    if (folder / runs.RELEASE).is_dir():
        yield Part(folder / runs.RELEASE, _release)
    for info in sorted(folder.rglob(runs.INFO)):
        yield Part(info.with_name(runs.CONFIG), _config)  # which may be gone
        yield Part(info, _clips)


def _store(folder: Path) -> str:
    from pyg_skeletonmae.datasets.store import ClipStore  # Slow to import: only where used.

    store = ClipStore(folder)
    store.verify()
    return f"a store of {len(store)} clips, content sha256 {store.content_hash}"


def _remote_store(url: str) -> str:
    """A store in object storage as it is there, whatever the cache holds."""
    from pyg_skeletonmae.datasets import ClipStore, StoreCache

    cache = StoreCache()
    cache.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache.folder, prefix=".verify-") as folder:
        store = ClipStore(url, StoreCache(folder, cache.gigabytes))  # compared as it is fetched
        return f"a store of {len(store)} clips, content sha256 {store.content_hash}"


def _clips(info: Path) -> str:
    """The clips of a run, where its ``run.json`` says that they lie."""
    told = runs.read_mapping(info)
    place, content = told.get("data_store"), told.get("data_hash")
    if not isinstance(place, str):
        return "names no store of clips"
    if remote_url(place) is not None:  # nothing is fetched because a file says so
        return f"its clips: {place}; verify that address"
    if not (Path(place) / CARD).is_file():
        return f"the clips are not there any more: {place}"
    said = _store(Path(place))
    if not said.endswith(f" {content}"):
        raise DataError(f"the run was on clips of content {content!s:.64}, {place} is {said}")
    return f"its clips: {place}, {said}"


def _release(folder: Path) -> str:
    changed = list(changed_files(folder))
    if changed:
        raise CheckpointError("; ".join(changed))
    listed = read_manifest(folder)
    if listed is None:
        return f"a release without {MANIFEST}, of an earlier version: nothing to compare with"
    return f"a release of {len(listed)} files"


def _checkpoint(path: Path) -> str:
    from pyg_skeletonmae.training import load_checkpoint

    progress = load_checkpoint(path, ["progress"])["progress"]
    return f"a checkpoint of step {progress.get('step') if isinstance(progress, dict) else '?'}"


def _metrics(path: Path) -> str:
    from pyg_skeletonmae.training import read_metrics

    return f"{len(read_metrics(path.parent))} lines"


def _config(path: Path) -> str:
    said, info = _settings(path), path.with_name(runs.INFO)
    told = runs.read_mapping(info).get("settings_sha256") if info.is_file() else None
    if told not in (None, file_hash(path)[1]):
        raise CheckpointError(f"not as it was written: the SHA-256 in {info} is another")
    return said


def _settings(path: Path) -> str:
    return f"{len(runs.read_mapping(path))} entries"
