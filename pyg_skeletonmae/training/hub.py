"""Releases on the Hugging Face Hub: sent there, fetched from there, with their checksums.

Needs huggingface_hub (``pip install 'pyg_skeletonmae[hub]'``), which is imported on first use.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from pyg_skeletonmae.errors import CheckpointError, ConfigError, SkeletonMAEError
from pyg_skeletonmae.files.manifest import MANIFEST, changed_files, read_manifest, write_manifest
from pyg_skeletonmae.io.json_file import read_json
from pyg_skeletonmae.training.model_card import (
    ModelCard,
    TrainingData,
    commercial_use,
    with_licence,
)
from pyg_skeletonmae.training.release import (
    CLASSES,
    CONFIG,
    MAX_CLASSES,
    MAX_CONFIG,
    MAX_PREPROCESSING,
    METRICS,
    PREPROCESSING,
    README,
    SKELETON,
    WEIGHTS,
    load_release,
    release_data,
    release_of,
)

# All that is sent or fetched, and the most bytes of each.
_SIZES = {
    MANIFEST: 2**20, WEIGHTS: 2**36, CONFIG: MAX_CONFIG, PREPROCESSING: MAX_PREPROCESSING,
    SKELETON: 2**20, CLASSES: MAX_CLASSES, METRICS: MAX_CONFIG, README: 2**20,
}  # fmt: skip
# What the library says of these is a page.
_REASONS = {
    "LocalEntryNotFoundError": "cannot be reached, and nothing was fetched before",
    "GatedRepoError": "the repository asks for consent first, on its page, and for your token",
    "RepositoryNotFoundError": "no such repository, or a private one: log in by hf auth login",
    "RevisionNotFoundError": "no such branch, tag or commit",
    "EntryNotFoundError": f"holds no {MANIFEST}, so no release",
}
_REPOSITORY = re.compile(r"\w[\w.-]*/\w[\w.-]*(@.+)?", re.ASCII)
_log = logging.getLogger("pyg_skeletonmae")


def push_to_hub(
    folder: str | Path,
    repo_id: str,
    data_licence: str | None = None,
    private: bool | None = None,
    token: str | None = None,
    revision: str | None = None,
) -> str:
    """Sends a release to the Hub: the files of its manifest and no others, in one commit.

    Args:
        folder: The release folder, or the folder of the run that wrote it. It is not changed.
        repo_id: ``"user/name"``; the repository is made if need be.
        data_licence: The licence of the data that it learned from, an SPDX identifier or words,
            where the release does not state one; the card and the figures that are sent say it.
        private: Whether a new repository is private; None: as the Hub does for that user.
        token: Yours, with the right to write; None: that of ``hf auth login``.
        revision: The branch, made if need be; None: ``main``.

    Returns:
        The address of the commit.

    Raises:
        ConfigError: Nobody states the licence of the data, or the release states another;
            huggingface_hub is not installed, or the Hub refuses or cannot be reached.
        CheckpointError: There is no release, it has no manifest, or a file is not as written.
    """
    folder = release_of(folder)
    listed = _listed(folder)
    for line in changed_files(folder):
        raise CheckpointError(line)
    data = release_data(folder)
    stated = None if data is None else data.licence
    if stated is None and data_licence is None:
        raise ConfigError(
            f"{folder}: states no licence of the data that it learned from, so it is not sent; "
            'name it: data_licence="CC-BY-4.0"'
        )
    if None not in (stated, data_licence) and stated != data_licence:
        raise ConfigError(
            f"data_licence {data_licence!r:.80}: {folder} states {stated!r:.80}; leave it out"
        )
    with tempfile.TemporaryDirectory() as beside, _hub(repo_id) as hub:
        for name in listed:
            shutil.copyfile(folder / name, Path(beside) / name)
        if stated is None and data_licence is not None:
            _state_licence(Path(beside), data_licence)
        write_manifest(Path(beside))
        names = (*listed, MANIFEST)
        api = hub.HfApi(token=token, library_name="pyg_skeletonmae")
        api.create_repo(repo_id, private=private, exist_ok=True)
        if revision is not None:
            api.create_branch(repo_id, branch=revision, exist_ok=True)
        files = [hub.CommitOperationAdd(name, Path(beside) / name) for name in names]
        message = "A release of pyg_skeletonmae"
        commit = api.create_commit(repo_id, files, commit_message=message, revision=revision)
        return str(commit.commit_url)


def from_hub(
    repo_id: str,
    revision: str | None = None,
    token: str | None = None,
    cache: str | Path | None = None,
) -> Path:
    """Fetches a release from the Hub, once: the files of its manifest and no others.

    All are of one commit, and of the sizes and SHA-256 in the manifest of that. What is in the
    cache is used without a connection.

    Args:
        repo_id: ``"user/name"``, or ``"user/name@revision"``.
        revision: A branch, a tag, or a commit, where the name says none; None: ``main``.
        token: Yours, for a private repository; None: that of ``hf auth login``, if any.
        cache: The folder that keeps what was fetched; None: that of huggingface_hub, ``HF_HOME``.

    Returns:
        The release folder, in the cache: read it, and change nothing there.

    Raises:
        ConfigError: Two revisions are told; huggingface_hub is not installed, or the Hub refuses or
            cannot be reached.
        CheckpointError: What is there is no release, larger than it may be, or not as written.
    """
    repo_id, _, told = repo_id.partition("@")
    if told and revision is not None:
        raise ConfigError(f"{repo_id}@{told}: names a revision; leave {revision!r:.60} out")
    with _hub(repo_id) as hub:
        download = partial(hub.hf_hub_download, repo_id, token=token, cache_dir=cache)
        folder = _fetched(download, MANIFEST, told or revision).parent
        try:
            for name, (size, _) in _listed(folder).items():
                _fetched(download, name, folder.name, size)
            for line in changed_files(folder):
                raise CheckpointError(f"{line}; it was removed, so fetch it again")
        except CheckpointError as error:
            for path in (folder / name for name in _SIZES):
                path.resolve().unlink(missing_ok=True)  # a link to what the cache holds
                path.unlink(missing_ok=True)
            raise CheckpointError(f"{repo_id}: {error}") from None
        return folder


def from_pretrained(
    name: str | Path,
    revision: str | None = None,
    token: str | None = None,
    cache: str | Path | None = None,
    classes: Iterable[type] = (),
) -> nn.Module:
    """The model of a release folder or of a repository on the Hub, as :func:`load_release` does.

    Nothing that is fetched is unpickled or imported by name.

    Args:
        name: A release folder or the folder of a run; where there is no such folder,
            ``"user/name"`` on the Hub.
        revision: As in :func:`from_hub`, folders have none.
        token: As in :func:`from_hub`.
        cache: As in :func:`from_hub`.
        classes: Your own classes that its configuration may name.

    Raises:
        ConfigError: As in :func:`from_hub`; or a folder is given a revision.
        CheckpointError: As in :func:`load_release` and :func:`from_hub`.
    """
    if not Path(name).exists():
        return load_release(from_hub(str(name), revision, token, cache), classes)
    if revision is not None:
        raise ConfigError(f"revision {revision!r:.60}: {name} is a folder here, which has none")
    return load_release(name, classes)


def find_release(name: str | Path) -> Path:
    """The folder that a name means: one here, or else that of :func:`from_hub`.

    What looks like no ``user/name`` of the Hub is a folder, whether it is there or not.

    Args:
        name: A release folder, the folder of a run, or ``user/name`` or ``user/name@revision``.

    Raises:
        ConfigError: As in :func:`from_hub`.
        CheckpointError: As in :func:`from_hub`.
    """
    if Path(name).exists() or _REPOSITORY.fullmatch(str(name)) is None:
        return Path(name)
    try:
        folder = from_hub(str(name))
    except ConfigError as error:
        raise ConfigError(f"{error}; nor is there a folder {name} here") from None
    _log.info("%s: commit %s of the Hub", name, folder.name)
    return folder


def _fetched(
    download: Callable[..., Any], name: str, revision: str | None, size: int | None = None
) -> Path:
    """One file of a repository, which is not fetched if it has another size than it should."""
    told = download(name, revision=revision, dry_run=True).file_size
    if told > _SIZES[name] or size not in (None, told):
        expected = f"at most {_SIZES[name]}" if size is None else f"{size}"
        raise CheckpointError(f"{name}: {told} bytes, expected {expected}")
    return Path(download(name, revision=revision))


def _listed(folder: Path) -> dict[str, tuple[int, str]]:
    """The manifest of a release, which lists the files of one and no others."""
    listed = read_manifest(folder)
    if listed is None:
        raise CheckpointError(f"{folder}: no release with a {MANIFEST}")
    for name in (CONFIG, WEIGHTS, README):
        if name not in listed:
            raise CheckpointError(f"{folder / MANIFEST}: lists no {name}; a release has one")
    for name, (size, _) in listed.items():
        if name not in _SIZES or name == MANIFEST:
            raise CheckpointError(f"{folder / MANIFEST}: {name!r:.60}: no file of a release")
        if not 0 <= size <= _SIZES[name]:
            raise CheckpointError(
                f"{folder / MANIFEST}: {name}: {size} bytes, expected at most {_SIZES[name]}"
            )
    return listed


def _state_licence(folder: Path, licence: str) -> None:
    """Writes the licence of the data into the card and the figures of a release."""
    page = (folder / README).read_text(encoding="utf-8")
    (folder / README).write_text(with_licence(page, licence), encoding="utf-8")
    figures = read_json(folder / METRICS, MAX_CONFIG) if (folder / METRICS).exists() else {}
    if figures.get("data") is not None:
        data = TrainingData(**figures["data"])
        data = replace(data, licence=licence, commercial=commercial_use(licence))
        before = figures["pretraining"] and TrainingData(**figures["pretraining"])
        card = ModelCard(data=data, pretraining=before or None)
        figures.update(data=asdict(data), commercial_use=card.commercial)
        text = json.dumps(figures, indent=2, allow_nan=False) + "\n"
        (folder / METRICS).write_text(text, encoding="utf-8")


@contextmanager
def _hub(repo_id: str) -> Iterator[Any]:
    """The library of the Hub; what fails in it is said in one line that names the repository."""
    try:
        import httpx2
        import huggingface_hub
    except ModuleNotFoundError:
        raise ConfigError(
            f"{repo_id}: the Hub needs huggingface_hub: pip install 'pyg_skeletonmae[hub]'"
        ) from None
    try:
        yield huggingface_hub
    except SkeletonMAEError:
        raise
    except (OSError, ValueError, RuntimeError, httpx2.HTTPError) as error:
        names = [kind.__name__ for kind in type(error).__mro__]
        reason = next((_REASONS[name] for name in names if name in _REASONS), "")
        reason = reason or " ".join(str(error).split()) or names[0]
        raise ConfigError(f"{repo_id!s:.100}: on the Hub: {reason:.300}") from error
