import gzip
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.io.download import UIPRMD_MIRROR, download_uiprmd, fetch_all

PATHS = [f"some folder/{i}.txt" for i in range(12)]


class Server:
    """Serves a dict of bodies; counts what was asked for."""

    def __init__(self):
        self.bodies, self.asked, self.status = {}, [], {}
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.asked.append(self.path)
                body = server.bodies.get(self.path)
                status = server.status.get(self.path, 404 if body is None else 200)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                if self.path.endswith("cut.txt.gz"):
                    self.wfile.write(body[:10])
                else:
                    self.wfile.write(body or b"")

            def log_message(self, *args):
                del args

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


def fill(server):
    for i, path in enumerate(PATHS):
        where = "/" + path.replace(" ", "%20")
        if i % 3:
            server.bodies[where] = b"plain %d" % i
        else:
            server.bodies[f"{where}.gz"] = gzip.compress(b"packed %d" % i)


def files(root):
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


WHOLE = sorted(path if i % 3 else f"{path}.gz" for i, path in enumerate(PATHS))


def test_compressed_and_plain(server, tmp_path):
    fill(server)
    assert fetch_all(server.url, PATHS, tmp_path) == 12
    assert files(tmp_path) == WHOLE
    assert (tmp_path / PATHS[1]).read_bytes() == b"plain 1"
    assert gzip.decompress((tmp_path / f"{PATHS[3]}.gz").read_bytes()) == b"packed 3"


def test_goes_on_where_it_stopped(server, tmp_path):
    fill(server)
    lost = {path: server.bodies.pop(path) for path in list(server.bodies)[6:8]}
    with pytest.raises(DataError, match=r"some%20folder/[67]\.txt\[\.gz\]: the server has no such"):
        fetch_all(server.url, PATHS, tmp_path, workers=2)
    before = files(tmp_path)
    assert 0 < len(before) < 12 and set(before) < set(WHOLE), "something half-written was left"
    server.bodies |= lost
    server.asked.clear()
    assert fetch_all(server.url, PATHS, tmp_path) == 12 - len(before)
    assert files(tmp_path) == WHOLE
    assert not {path.strip("/").replace("%20", " ") for path in server.asked} & set(before)
    server.asked.clear()
    assert fetch_all(server.url, PATHS, tmp_path) == 0 and not server.asked


def test_damaged_files_are_fetched_again(server, tmp_path):
    fill(server)
    fetch_all(server.url, PATHS, tmp_path)
    for name in (f"{PATHS[0]}.gz", PATHS[1]):
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:5] if "gz" in name else b"")
    assert fetch_all(server.url, PATHS, tmp_path) == 2
    assert (tmp_path / PATHS[1]).read_bytes() == b"plain 1"


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("a.txt", b"no gzip", 200, "damaged gzip"),
        ("a.txt", gzip.compress(b"x" * 99)[:-4], 200, "damaged gzip"),
        ("cut.txt", gzip.compress(bytes(range(256))), 200, "cut.txt.gz: .*"),
        ("a.txt", b"", 500, "answers 500"),
        ("a.txt", b"", 403, "answers 403"),
        ("a.txt", None, 404, "no such file"),
    ],
    ids=["text", "cut", "refused", "server error", "forbidden", "missing"],  # gzip holds the time
)
def test_bad_answers(server, tmp_path, path, body, status, message):
    server.bodies[f"/{path}.gz"], server.status[f"/{path}.gz"] = body, status
    with pytest.raises(DataError, match=message) as error:
        fetch_all(server.url, [path], tmp_path / "new")
    assert "\n" not in str(error.value)
    assert not files(tmp_path)


def test_silent_server(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        with pytest.raises(DataError, match=r"no answer within 0\.3 s"):
            fetch_all(f"http://127.0.0.1:{silent.getsockname()[1]}", PATHS, tmp_path, timeout=0.3)
        assert time.monotonic() - start < 8
    assert not files(tmp_path)


def test_server_that_drips(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip():
            connection, _ = listening.accept()
            for _ in range(120):
                time.sleep(0.1)
                try:
                    connection.send(b"H")
                except OSError:
                    break
            connection.close()

        threading.Thread(target=drip, daemon=True).start()
        start = time.monotonic()
        with pytest.raises(DataError, match=r"no answer within 0\.4 s"):
            fetch_all(
                f"http://127.0.0.1:{listening.getsockname()[1]}", PATHS, tmp_path, timeout=0.4
            )
        assert time.monotonic() - start < 8


def test_nobody_listens(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(DataError, match="is there a network"):
        fetch_all(f"http://127.0.0.1:{port}", PATHS, tmp_path)


def test_only_http(tmp_path):
    (tmp_path / "0.txt").write_text("secret")
    with pytest.raises(DataError, match="expected an http or https address"):
        fetch_all(tmp_path.as_uri(), ["0.txt"], tmp_path / "copy")


def test_uiprmd_asks_for_the_kinect_part(server, tmp_path):
    with pytest.raises(DataError, match="no such file"):
        download_uiprmd(tmp_path, f"{server.url}/data")
    first = "/data/Segmented%20Movements/Kinect/Positions/m01_s01_e01_positions.txt"
    assert server.asked == [f"{first}.gz", first]
    assert UIPRMD_MIRROR.startswith("https://") and UIPRMD_MIRROR.endswith("/data")
