import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pyg_skeletonmae.datasets.sets.ntu_incomplete import (
    LISTS,
    NUM_LISTED,
    fetch_incomplete,
    incomplete_note,
    read_incomplete,
)
from pyg_skeletonmae.errors import DataError, SkeletonFormatError
from pyg_skeletonmae.io.ntu import NtuName


def list_of(count: int) -> str:
    names = (NtuName(1, 1, 1 + i // 120, 1, 1 + i % 120) for i in range(count))
    return "\n".join([f"{count} of the samples are incomplete.", "", *map(str, names), ""])


@pytest.fixture
def server(monkeypatch):
    """Serves the texts in ``lists``; ``asked`` is what it was asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.path)
            text = self.server.lists.get(self.path[1:])
            self.send_response(404 if text is None else 200)
            self.send_header("Content-Length", str(len(text or "")))
            self.end_headers()
            self.wfile.write((text or "").encode())

        def log_message(self, *args):
            del args

    monkeypatch.setenv("no_proxy", "*")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.lists = [], {}
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_list_of_incomplete_clips(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("The samples:\n\nS001C002P005R002A008\r\n S032C001P106R001A120 \n")
    assert read_incomplete(path) == {"S001C002P005R002A008", "S032C001P106R001A120"}
    path.write_bytes(b"\xff nothing\n")
    with pytest.raises(SkeletonFormatError, match="names such as"):
        read_incomplete(path)


@pytest.mark.parametrize("version", [60, 120])
def test_fetched_once(server, tmp_path, version):
    server.lists[LISTS[version]] = list_of(NUM_LISTED[version])
    path = fetch_incomplete(tmp_path, version, server.url)
    assert path == tmp_path / LISTS[version]
    assert len(read_incomplete(path)) == NUM_LISTED[version]
    asked = len(server.asked)
    assert fetch_incomplete(tmp_path, version, server.url) == path and len(server.asked) == asked


def test_another_list_is_not_kept(server, tmp_path):
    for text in (list_of(301), "<html>moved</html>"):
        server.lists[LISTS[60]] = text
        with pytest.raises(SkeletonFormatError, match=LISTS[60]):
            fetch_incomplete(tmp_path, 60, server.url)
        assert not list(tmp_path.iterdir())
    (tmp_path / LISTS[60]).write_text(list_of(301))
    with pytest.raises(SkeletonFormatError, match=r"expected the 302 names .*, found 301 names"):
        fetch_incomplete(tmp_path, 60, server.url)
    assert (tmp_path / LISTS[60]).exists(), "a file that was there is not ours to remove"


def test_no_list_there(server, tmp_path):
    with pytest.raises(DataError, match="no such file"):
        fetch_incomplete(tmp_path, 120, server.url)


def test_note():
    assert incomplete_note(60, None) == (
        "with incomplete clips: no list was given, published numbers leave 302 out"
    )
    assert incomplete_note(120, 535) == "without incomplete clips: a list of 535"
    assert incomplete_note(60, 535) == (
        "without incomplete clips: a list of 535, but the owners' list has 302"
    )
