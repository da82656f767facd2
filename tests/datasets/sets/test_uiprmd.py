import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from oracle_helpers import real_data

from pyg_skeletonmae.datasets import UIPRMD
from pyg_skeletonmae.errors import ConfigError, DataError, SkeletonFormatError
from pyg_skeletonmae.io.packed import Packed, quantise, write_packed
from pyg_skeletonmae.io.uiprmd import read_recordings
from pyg_skeletonmae.io.uiprmd_files import MOVEMENTS, relative_paths
from pyg_skeletonmae.layouts import UIPRMD22

RECORDINGS = [(m, s, 1, correct) for correct in (True, False) for m in (1, 4) for s in (1, 2)]


def text(frames: int, seed: int) -> bytes:
    rows = np.random.default_rng(seed).normal(size=(frames, 66)) * 20
    return "\n".join(",".join(f"{value:.6f}" for value in row) for row in rows).encode()


def write_raw(root: Path) -> None:
    for i, recording in enumerate(RECORDINGS):
        for j, path in enumerate(relative_paths(*recording)):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            data = text(3 + i, 10 * i + j)
            if i % 2:
                (root / f"{path}.gz").write_bytes(gzip.compress(data))
            else:
                (root / path).write_bytes(data)


def write_packed_copy(raw: Path, path: Path) -> None:
    found = list(read_recordings(raw))
    aliases = {joint: alias for alias, joint in UIPRMD22.aliases.items()}
    packed = Packed(
        joints=quantise(np.concatenate([pos for _, pos in found])),
        scale=0.0002,
        offset=np.cumsum([0] + [len(pos) for _, pos in found]),
        subject=np.array([recording.subject for recording, _ in found]),
        names=tuple(recording.name for recording, _ in found),
        joint_names=tuple(aliases[joint] for joint in UIPRMD22.joints),
        parents=tuple(UIPRMD22.parents.tolist()),
        label=np.array([recording.movement - 1 for recording, _ in found]),
        class_names=MOVEMENTS,
        extra={
            "repetition": np.array([recording.repetition for recording, _ in found]),
            "correct": np.array([int(recording.correct) for recording, _ in found]),
        },
    )
    write_packed(path, packed)


def test_raw_files(tmp_path):
    write_raw(tmp_path / "raw")
    dataset = UIPRMD(tmp_path)
    assert repr(dataset) == "UIPRMD(8)" and dataset.skeleton == UIPRMD22
    assert dataset.labels.tolist() == [0, 0, 3, 3] * 2 and dataset.class_names == MOVEMENTS
    assert dataset.subjects.tolist() == [1, 2] * 4
    assert dataset.store.extra["correct"].tolist() == [1] * 4 + [0] * 4
    assert dataset.store.extra["repetition"].tolist() == [1] * 8
    assert dataset.store.names[5] == "m01_s02_e01_inc"
    assert dataset[2].pos.shape == (22, 5, 3)
    assert dataset.store.root == tmp_path / "processed" / "movement"
    assert (dataset.store.card["fps"], dataset.store.card["unit"]) == (30.0, "m")
    train, test = dataset.split("correct", train=[1])
    assert (len(train), len(test)) == (4, 4)


def test_movement_and_correctness(tmp_path):
    write_raw(tmp_path)
    dataset = UIPRMD(tmp_path, "movement+correctness")
    assert dataset.labels.tolist() == [1, 1, 7, 7, 0, 0, 6, 6]
    assert dataset.num_classes == 20
    assert dataset.class_names[:2] == ("deep squat, incorrect", "deep squat, correct")
    assert dataset.class_names[7] == "side lunge, correct"


@pytest.mark.parametrize("where", ["", "raw"])
def test_packed_file_is_the_same_and_comes_first(tmp_path, where):
    write_raw(tmp_path / "a")
    write_packed_copy(tmp_path / "a", tmp_path / "b" / where / "uiprmd_kinect.npz")
    (tmp_path / "b" / "Segmented Movements").mkdir()
    raw, packed = (UIPRMD(tmp_path / name, "movement+correctness") for name in "ab")
    assert packed.store.names == raw.store.names and packed.class_names == raw.class_names
    for found, wanted in zip(packed, raw, strict=True):
        torch.testing.assert_close(found.pos, wanted.pos, atol=0.000101, rtol=0)
        assert found.y == wanted.y and found.subject == wanted.subject
    assert torch.equal(packed.store.extra["correct"], raw.store.extra["correct"])


def test_processes_once(tmp_path):
    write_raw(tmp_path / "in")
    settings = {"processed_root": tmp_path / "out"}
    assert len(UIPRMD(tmp_path / "in", **settings)) == 8
    assert not (tmp_path / "in" / "processed").exists()
    for path in relative_paths(*RECORDINGS[0]):
        (tmp_path / "in" / path).unlink()
    assert len(UIPRMD(tmp_path / "in", **settings)) == 8
    assert len(UIPRMD(tmp_path / "in", force_reload=True, **settings)) == 7


def test_pre_filter_and_pre_transform(tmp_path):
    def metres_to_millimetres(data):
        data.pos = data.pos * 1000
        return data

    def first_subject(data):
        return int(data.subject) == 1

    write_raw(tmp_path)
    plain = UIPRMD(tmp_path)
    dataset = UIPRMD(tmp_path, "movement", None, metres_to_millimetres, first_subject)
    assert len(dataset) == 4 and dataset.subjects.tolist() == [1] * 4
    assert torch.equal(dataset[1].pos, plain[2].pos * 1000)


def test_nothing_there(tmp_path):
    with pytest.raises(DataError, match=r"found neither uiprmd_kinect\.npz nor .*download=True"):
        UIPRMD(tmp_path)
    with pytest.raises(ConfigError, match=r"target 'quality': expected one of movement, "):
        UIPRMD(tmp_path, "quality")
    assert not list(tmp_path.rglob("*.npy"))


def test_bad_raw_file_leaves_no_store(tmp_path):
    write_raw(tmp_path)
    path = tmp_path / relative_paths(*RECORDINGS[2])[1]
    path.write_text(path.read_text().replace(",", ";", 1))
    with pytest.raises(SkeletonFormatError, match=r"m04_s01_e01_angles\.txt: line 1"):
        UIPRMD(tmp_path)
    assert not list((tmp_path / "processed").iterdir())


def test_another_packed_file(tmp_path):
    packed = Packed(
        joints=np.ones((2, 2, 3), np.int16),
        scale=1.0,
        offset=np.array([0, 2]),
        subject=np.array([1]),
        names=("a",),
        joint_names=("hip", "head"),
        parents=(-1, 0),
    )
    write_packed(tmp_path / "uiprmd_kinect.npz", packed)
    with pytest.raises(SkeletonFormatError, match="another data set"):
        UIPRMD(tmp_path)


@pytest.fixture
def mirror(monkeypatch):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            body = gzip.compress(text(2, 0)) if self.path.endswith("gz") else b""
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            del args

    monkeypatch.setenv("no_proxy", "*")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_download(tmp_path, mirror, monkeypatch):
    few = [path for recording in RECORDINGS for path in relative_paths(*recording)]
    monkeypatch.setattr("pyg_skeletonmae.io.download.all_paths", lambda: iter(few))
    for path in relative_paths(*RECORDINGS[0]):
        (tmp_path / "raw" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "raw" / path).write_bytes(text(4, 0))
    assert len(UIPRMD(tmp_path)) == 1, "nothing is fetched without being asked for"
    dataset = UIPRMD(tmp_path, download=True, mirror=mirror)
    assert len(dataset) == 8 and dataset.store.length.tolist() == [4] + [2] * 7
    before = (dataset.store.root / "card.json").stat().st_mtime_ns
    again = UIPRMD(tmp_path, download=True, mirror=mirror)
    assert (again.store.root / "card.json").stat().st_mtime_ns == before


def test_download_without_a_mirror(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(DataError, match="is there a network"):
        UIPRMD(tmp_path, download=True, mirror="http://127.0.0.1:9", timeout=2.0)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_download_is_not_needed_beside_the_packed_file(tmp_path):
    write_raw(tmp_path / "a")
    write_packed_copy(tmp_path / "a", tmp_path / "uiprmd_kinect.npz")
    assert len(UIPRMD(tmp_path, download=True, mirror="http://127.0.0.1:9")) == 8


def test_real_data(tmp_path):
    root = real_data() / "uiprmd"
    dataset = UIPRMD(root, "movement+correctness", processed_root=tmp_path)
    assert len(dataset) == 2000 and dataset.store.pos.shape == (151158, 22, 3)
    assert torch.bincount(dataset.labels).tolist() == [100] * 20
    assert dataset.store.card["frames"] == {
        "min": 28, "median": 72.0, "mean": 75.58, "max": 179, "total": 151_158,
    }  # fmt: skip
    train, test = dataset.split(train=[1, 3, 5, 7, 9])
    assert len(train) == len(test) == 1000
    raw = UIPRMD(root / "raw", "movement+correctness", processed_root=tmp_path / "raw")
    assert len(raw) == 40
    number = {name: i for i, name in enumerate(dataset.store.names)}
    for clip, name in zip(raw, raw.store.names, strict=True):
        wanted = dataset[number[name]]
        torch.testing.assert_close(clip.pos, wanted.pos, atol=0.0002, rtol=0)
        assert clip.y == wanted.y
