"""Object storage on this machine: a server of the protocol of S3, and one of plain HTTP."""

from __future__ import annotations

import functools
import http.server
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import s3fs
from moto.server import ThreadedMotoServer

SETTINGS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


@contextmanager
def s3_server() -> Iterator[dict[str, str]]:
    """A server of S3 with an empty bucket, ``clips``; gives the variables that lead to it."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {**SETTINGS, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}
    before = {key: os.environ.get(key) for key in settings}
    os.environ.update(settings)
    try:
        bucket().makedirs("clips", exist_ok=True)
        yield settings
    finally:
        os.environ.update({key: value for key, value in before.items() if value is not None})
        for key in [key for key, value in before.items() if value is None]:
            del os.environ[key]
        server.stop()


def bucket() -> s3fs.S3FileSystem:
    """What speaks with the server of the moment."""
    return s3fs.S3FileSystem(skip_instance_cache=True, use_listings_cache=False)


def upload(folder: Path, name: str) -> str:
    """Copies a folder into the bucket; gives its address."""
    files = bucket()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        files.put_file(str(path), f"clips/{name}/{path.relative_to(folder).as_posix()}")
    return f"s3://clips/{name}"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, without a word."""

    def log_message(self, *args: object) -> None:
        pass


class Cut(Quiet):
    """Says how long ``pos.npy`` is, and sends half of it."""

    def copyfile(self, source, outputfile) -> None:  # type: ignore[no-untyped-def]
        data = source.read()
        outputfile.write(data[: len(data) // 2] if self.path.endswith("pos.npy") else data)


@contextmanager
def web_server(folder: Path, handler: type[Quiet] = Quiet) -> Iterator[str]:
    """The files of a folder at an address of HTTP."""
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
