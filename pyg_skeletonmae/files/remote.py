"""Folders in object storage, read through fsspec: by any protocol that it knows.

Where a service is and who asks are the protocol's own settings: of ``s3``, ``AWS_ENDPOINT_URL`` and
``AWS_PROFILE`` for example, of any ``FSSPEC_<PROTOCOL>_<OPTION>``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyg_skeletonmae.errors import DataError

_ADDRESS = re.compile(r"([a-z][a-z0-9+.:-]+):/{1,3}(?=[^/])", re.IGNORECASE)
_SECONDS = 30  # without a connection, or without a byte, after which a web server counts as silent


def remote_url(path: str | Path) -> str | None:
    """The address that a path is; None of one on disk.

    Also of an address that went through :class:`~pathlib.Path`, which leaves one slash of two. A
    single letter before the colon is a drive.
    """
    text = path.as_posix() if isinstance(path, Path) else str(path)
    match = _ADDRESS.match(text)
    if match is None or Path(path).exists():
        return None
    slashes = ":///" if match[1].lower() in ("file", "local") else "://"
    return f"{match[1].lower()}{slashes}{text[match.end() :].rstrip('/')}"


class RemoteFolder:
    """A folder behind an address.

    Args:
        url: The address, as :func:`remote_url` gives it.

    Attributes:
        url: The address as people may see it, without a password.

    Raises:
        DataError: Nobody knows the protocol, or the package for it is missing.
    """

    def __init__(self, url: str) -> None:
        self.url = re.sub(r"(?<=//)[^/@]*@", "", url)
        self._is_web = url.startswith(("http://", "https://"))
        if "::" in url or "?" in url:
            raise DataError(f"{self.url}: expected the plain address of a folder, without :: or ?")
        from fsspec.core import url_to_fs  # Slow to import: only where used.

        with self._translated():
            self._system, self._root = url_to_fs(url, skip_instance_cache=True, **self._patience())

    def size(self, name: str) -> int | None:
        """The bytes of a file; None if there is none.

        Raises:
            DataError: The service does not answer, refuses, or does not say it.
        """
        try:
            with self._translated():
                info = self._system.info(f"{self._root}/{name}")
        except FileNotFoundError:
            return None
        size = info.get("size")
        if info.get("type") == "directory" or not isinstance(size, int):
            raise DataError(f"{self.url}/{name}: expected a file and its size, found no size")
        return size

    def fetch(self, name: str, path: Path, size: int, tell: Callable[[int], object]) -> None:
        """Copies a file to the local disk.

        Args:
            name: Its name in this folder.
            path: Where it goes.
            size: Its bytes, see :meth:`size`; no more are taken.
            tell: Called with the number of bytes that have just come.

        Raises:
            DataError: It does not come, or not as many bytes.
        """
        from fsspec.callbacks import Callback

        folder = self.url

        class Counter(Callback):  # type: ignore[misc]  # fsspec has no types
            def relative_update(self, inc: int = 1) -> None:
                super().relative_update(inc)
                if self.value > size:
                    raise DataError(f"{folder}/{name}: more than the {size} bytes it should have")
                tell(inc)

        try:
            with self._translated():
                self._system.get_file(f"{self._root}/{name}", str(path), callback=Counter())
        except FileNotFoundError:
            raise DataError(f"{folder}/{name}: has gone while it was fetched; try again") from None
        came = path.stat().st_size
        if came != size:
            raise DataError(f"{folder}/{name}: {came} of {size} bytes came; try again")

    def _patience(self) -> dict[str, Any]:
        """A web server may take as long as it sends; by default, five minutes for all of a file."""
        if not self._is_web:
            return {}
        from aiohttp import ClientTimeout

        limit = ClientTimeout(total=None, sock_connect=_SECONDS, sock_read=_SECONDS)
        return {"client_kwargs": {"timeout": limit}}

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Every protocol raises the errors of a library of its own."""
        try:
            yield
        except DataError:
            raise
        except FileNotFoundError as error:
            cause = error.__cause__  # of web servers this error hides any other
            if not self._is_web or cause is None or isinstance(cause, FileNotFoundError):
                raise
            raise DataError(
                f"{self.url}: not fetched: {_line(cause)}; look at the address and the network"
            ) from None
        except ImportError as error:
            raise DataError(f"{self.url}: a package is missing: {_line(error)}") from None
        except PermissionError as error:
            raise DataError(
                f"{self.url}: no access ({_line(error)}); give the credentials of this service"
            ) from None
        except Exception as error:
            raise DataError(
                f"{self.url}: not fetched: {_line(error)}; look at the address, the network and "
                "the credentials of this service"
            ) from None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url})"


def _line(error: BaseException) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:300]
