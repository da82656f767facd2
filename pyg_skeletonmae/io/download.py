"""Fetching public files over HTTP: in parallel, whole or not at all, continued where it stopped."""

from __future__ import annotations

import gzip
import io
import threading
import urllib.error
import urllib.parse
import urllib.request
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from http.client import HTTPException
from pathlib import Path

from tqdm import tqdm

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.files.write import write_file
from pyg_skeletonmae.io.uiprmd_files import all_paths

MAX_BYTES = 64 * 2**20
UIPRMD_MIRROR = (
    "https://raw.githubusercontent.com/niemasd/UI-PRMD-Analysis/"
    "2c5bf130697b4dd7c6aafc1e75f5cb4b60f651c3/data"
)


def download_uiprmd(
    root: str | Path, mirror: str = UIPRMD_MIRROR, timeout: float = 10.0, workers: int = 8
) -> int:
    """Fetches the Kinect part of UI-PRMD, 4000 files of about 200 MB, in the owner's layout.

    Args:
        root: The folder for ``Segmented Movements`` and ``Incorrect Segmented Movements``.
        mirror: The address of the folder that holds those two.
        timeout: See :func:`fetch_all`.
        workers: See :func:`fetch_all`.

    Returns:
        The number of files fetched; 0 = all were there.

    Raises:
        DataError: See :func:`fetch_all`.
    """
    return fetch_all(mirror, all_paths(), root, timeout, workers)


def fetch_all(
    base_url: str,
    paths: Iterable[str],
    root: str | Path,
    timeout: float = 10.0,
    workers: int = 8,
) -> int:
    """Fetches files that are not there yet, each compressed (``.gz``) or, if there is none, plain.

    A file is written beside its place and renamed when it is whole, so that a call after a failure
    goes on where the last one stopped. The first file is fetched alone and must arrive within
    ``timeout``: a dead network is noticed once, not once per file.

    Args:
        base_url: What the paths are relative to, ``http`` or ``https``.
        paths: Relative paths without ``.gz``.
        root: The folder for them; the same paths below it.
        timeout: Seconds without an answer after which a server counts as silent.
        workers: How many files to fetch at a time.

    Returns:
        The number of files fetched.

    Raises:
        DataError: The server does not answer, refuses, lacks a file, or sends a damaged one.
    """
    if urllib.parse.urlsplit(base_url).scheme not in ("http", "https"):
        raise DataError(f"{base_url}: expected an http or https address")
    missing = []
    for path in paths:
        plain, packed = Path(root) / path, Path(root) / f"{path}.gz"
        if not (packed.is_file() and _is_whole(packed.read_bytes())) and not (
            plain.is_file() and plain.stat().st_size
        ):
            missing.append(path)
    if not missing:
        return 0

    def fetch(path: str) -> None:
        url, target = f"{base_url.rstrip('/')}/{urllib.parse.quote(path)}", Path(root) / path
        data, place = _get(f"{url}.gz", timeout), target.with_name(f"{target.name}.gz")
        if data is None:
            data, place = _get(url, timeout), target
        elif not _is_whole(data):
            raise DataError(f"{url}.gz: the server sent a damaged gzip file; try again later")
        if not data:
            raise DataError(f"{url}[.gz]: the server has no such file")
        write_file(place, lambda file: file.write(data))

    _within(timeout, lambda: fetch(missing[0]), base_url)
    with (
        ThreadPoolExecutor(workers) as pool,
        tqdm(total=len(missing), initial=1, desc="download", unit="file", disable=None) as bar,
    ):
        futures = [pool.submit(fetch, path) for path in missing[1:]]
        try:
            for future in as_completed(futures):
                future.result()
                bar.update()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return len(missing)


def _get(url: str, timeout: float) -> bytes | None:
    """The body of an answer, or None if the server says that there is no such file."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            data: bytes = answer.read(MAX_BYTES + 1)
            expected = answer.headers.get("Content-Length")
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise DataError(f"{url}: the server answers {error.code} {error.reason}") from None
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            reason = f"no answer within {timeout:g} s"
        raise DataError(f"{url}: not fetched: {reason}; is there a network?") from None
    if len(data) > MAX_BYTES or (expected is not None and len(data) != int(expected)):
        raise DataError(f"{url}: {len(data)} bytes came, {expected} were announced; try again")
    return data


def _within(timeout: float, call: Callable[[], None], url: str) -> None:
    """Runs a call that must end in time, also where no timeout reaches, as in name look-ups."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(timeout)
    if thread.is_alive():
        raise DataError(f"{url}: no answer within {timeout:g} s; is there a network?")
    if errors:
        raise errors[0]


def _is_whole(data: bytes) -> bool:
    try:
        with gzip.open(io.BytesIO(data)) as file:
            return 0 < len(file.read(MAX_BYTES + 1)) <= MAX_BYTES
    except (OSError, EOFError, zlib.error):
        return False
