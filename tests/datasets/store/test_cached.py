"""Stores in object storage: a real server of its protocol, on this machine."""

import multiprocessing
import os
import pickle
import shutil
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from bucket_helpers import Cut, bucket, s3_server, upload, web_server
from data_helpers import STICK, some_clips

from pyg_skeletonmae.datasets import (
    Clip,
    ClipStore,
    SkeletonDataset,
    StoreCache,
    join_parts,
    write_store,
)
from pyg_skeletonmae.datasets.store import cached
from pyg_skeletonmae.datasets.store.store import MemoryStore
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.files.remote import RemoteFolder


@pytest.fixture(scope="module", autouse=True)
def service():
    with s3_server() as settings:
        yield settings


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(cached.FOLDER_VARIABLE, str(tmp_path / "cache"))
    return StoreCache()


def a_store(folder: Path, seed: int = 0, missing: bool = False) -> ClipStore:
    rng = np.random.default_rng(seed)
    pos = rng.normal(size=(2, 3000, 4, 3)).astype(np.float32)
    valid = np.ones(pos.shape[:3], bool)
    valid[0, 0, 0] = not missing
    clips = [*some_clips(), Clip(pos, label=1, name="long", valid=valid)]
    return write_store(folder, clips, STICK)


def taken(cache: StoreCache) -> list[str]:
    """The copies, by the names of their folders."""
    return sorted(path.name for path in cache.folder.glob("[!.]*"))


@pytest.mark.parametrize("missing", [False, True])
def test_a_store_of_a_bucket_is_the_one_on_disk(tmp_path, cache, missing):
    there = a_store(tmp_path / "s", missing=missing)
    url = upload(there.root, f"equal-{missing}")
    here = ClipStore(url)
    assert here.content_hash == there.content_hash and here.url == url == here.place
    assert torch.equal(here.pos, there.pos) and (here.valid is None) == (not missing)
    assert here.root.parent == cache.folder
    assert {path.name for path in here.root.iterdir()} - {cached.USED} == {
        path.name for path in there.root.iterdir()
    }
    assert there.url is None and there.place == str(tmp_path / "s")
    assert ClipStore.exists(url) and not ClipStore.exists("s3://clips/nothing")
    dataset = SkeletonDataset(Path(url))  # which leaves one slash
    assert dataset.store.root == here.root and len(dataset) == 6
    again = pickle.loads(pickle.dumps(here))
    assert again.root == here.root and torch.equal(again.pos, there.pos)
    memory = pickle.loads(pickle.dumps(MemoryStore(url)))
    assert torch.equal(memory.pos, there.pos)


def test_a_store_in_parts_is_fetched_with_all_of_them(tmp_path, cache):
    for number in range(3):
        a_store(tmp_path / "s" / f"part-{number}", number, missing=number == 1)
    there = join_parts(tmp_path / "s")
    url = upload(there.root, "parts")
    here = ClipStore(url)
    assert here.content_hash == there.content_hash and here.valid is not None
    assert all(torch.equal(here.pos[r], there.pos[r]) for r in (slice(0, 5), slice(6043, 6048)))
    assert {path.relative_to(here.root).as_posix() for path in here.root.rglob("*.npy")} == {
        "part-0/pos.npy", "part-1/pos.npy", "part-1/valid.npy", "part-2/pos.npy",
    }  # fmt: skip
    bucket().rm_file("clips/parts/part-1/valid.npy")
    shutil.rmtree(cache.folder)
    with pytest.raises(DataError, match=r"parts: no store is there: it has no part-1/valid.npy"):
        ClipStore(url)


def test_what_is_there_is_not_fetched_again(tmp_path, cache, monkeypatch):
    url = upload(a_store(tmp_path / "s").root, "once")
    ClipStore(url)
    monkeypatch.setattr(cached, "_download", None)
    assert len(ClipStore(url)) == 6


def test_a_store_that_was_replaced_is_fetched_anew(tmp_path, cache):
    first = a_store(tmp_path / "a", 1)
    url = upload(first.root, "replaced")
    old = ClipStore(url)
    second = a_store(tmp_path / "b", 2)
    upload(second.root, "replaced")
    new = ClipStore(url)
    assert new.content_hash == second.content_hash != old.content_hash
    assert torch.equal(old.pos, first.pos) and len(taken(cache)) == 2


def test_what_was_opened_longest_ago_goes_first(tmp_path, cache):
    urls = [upload(a_store(tmp_path / str(i), i).root, f"lru{i}") for i in range(3)]
    size = sum(file.stat().st_size for file in (tmp_path / "0").iterdir())
    small = StoreCache(tmp_path / "small", 2.5 * size / 1e9)
    roots = []
    for url in (urls[0], urls[1], urls[0], urls[2]):
        roots.append(ClipStore(url, small).root.name)
        time.sleep(0.02)
    assert taken(small) == sorted([roots[0], roots[3]]), "the second was opened longest ago"


def test_what_is_read_stays(tmp_path, cache):
    urls = [upload(a_store(tmp_path / str(i), i).root, f"read{i}") for i in range(2)]
    size = sum(file.stat().st_size for file in (tmp_path / "0").iterdir())
    small = StoreCache(tmp_path / "small", 1.5 * size / 1e9)
    first = ClipStore(urls[0], small)
    with pytest.raises(DataError, match=r"read1: .* GB, and .* that are being read; raise SKEL"):
        ClipStore(urls[1], small)
    first.verify()
    del first
    assert len(ClipStore(urls[1], small)) == 6
    assert len(taken(small)) == 1


def test_sizes_are_looked_at_before_anything_is_fetched(tmp_path, cache, monkeypatch):
    url = upload(a_store(tmp_path / "s").root, "large")
    monkeypatch.setattr(cached, "_download", None)
    with pytest.raises(DataError, match=r"large: 0.000\d+ GB, but .* may take 1e-05; raise SKEL"):
        ClipStore(url, StoreCache(gigabytes=1e-5))
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DataError, match=r"but the disk of .* has 1e-06; name another folder"):
        ClipStore(url)
    assert taken(cache) == []


def _open(url: str, folder: str, results) -> None:
    fetched = []
    download = cached._download

    def noted(*args):
        fetched.append(1)
        time.sleep(0.5)
        download(*args)

    cached._download = noted
    store = ClipStore(url, StoreCache(folder))
    results.put((len(fetched), store.content_hash))


def test_several_processes_fetch_once(tmp_path):
    there = a_store(tmp_path / "s")
    url = upload(there.root, "several")
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    jobs = [
        context.Process(target=_open, args=(url, str(tmp_path / "c"), results)) for _ in range(3)
    ]
    for job in jobs:
        job.start()
    found = [results.get(timeout=60) for _ in jobs]
    for job in jobs:
        job.join()
    assert sum(count for count, _ in found) == 1
    assert {digest for _, digest in found} == {there.content_hash}


def _killed(url: str, folder: str) -> None:
    fetch = RemoteFolder.fetch

    def dies(self, name, *args):
        fetch(self, name, *args)
        if name == "pos.npy":
            os.kill(os.getpid(), signal.SIGKILL)

    RemoteFolder.fetch = dies
    ClipStore(url, StoreCache(folder))


def test_a_process_that_is_killed_leaves_the_way_free(tmp_path):
    there = a_store(tmp_path / "s")
    url = upload(there.root, "killed")
    cache = StoreCache(tmp_path / "c")
    job = multiprocessing.get_context("spawn").Process(
        target=_killed, args=(url, str(cache.folder))
    )
    job.start()
    job.join()
    assert job.exitcode == -signal.SIGKILL and taken(cache) == []
    assert [path.name for path in cache.folder.rglob("pos.npy")] == ["pos.npy"], "half a copy"
    assert ClipStore(url, cache).content_hash == there.content_hash
    assert len(list(cache.folder.rglob("pos.npy"))) == 1


# Faults ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://nobody/store", r"s3://nobody/store: no store is there: it has no card.json"),
        ("s3://clips/none", r"s3://clips/none: no store is there"),
        ("http://127.0.0.1:9/x", r"http://127.0.0.1:9/x: not fetched: .*; look at the address"),
        ("foo://bar/x", r"foo://bar/x: not fetched: Protocol not known: foo"),
        ("gs://bar/x", r"gs://bar/x: a package is missing: .*gcsfs"),
        ("simplecache::s3://clips/x", r"plain address of a folder"),
        ("https://me:secret@127.0.0.1:9/x", r"^https://127.0.0.1:9/x: "),
    ],
)
def test_one_line_says_why_there_is_none(cache, url, said):
    with pytest.raises(DataError, match=said) as caught:
        ClipStore(url)
    assert "\n" not in str(caught.value) and "secret" not in str(caught.value)
    assert taken(cache) == []


def test_no_credentials_and_no_package(tmp_path, cache, monkeypatch):
    url = upload(a_store(tmp_path / "s").root, "credentials")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(DataError, match=r"credentials: .*credentials"):
        ClipStore(url)
    registry = sys.modules["fsspec.registry"]
    lacking = {"class": "no_such_package.Files", "err": "Install s3fs to access S3"}
    monkeypatch.setitem(registry.known_implementations, "s3", lacking)
    for name in ("s3", "s3a"):
        monkeypatch.delitem(registry._registry, name, raising=False)
    with pytest.raises(DataError, match=r"a package is missing: Install s3fs to access S3"):
        ClipStore(url)


def test_half_a_transfer_leaves_nothing(tmp_path, cache):
    a_store(tmp_path / "s")
    with web_server(tmp_path) as address:
        assert len(ClipStore(f"{address}/s")) == 6
    shutil.rmtree(cache.folder)
    said = pytest.raises(DataError, match=r"/s(/pos.npy)?: ")
    with web_server(tmp_path, Cut) as address, said as caught:
        ClipStore(f"{address}/s")
    assert "\n" not in str(caught.value)
    assert [path for path in cache.folder.rglob("*") if path.is_file()] == []


def test_what_is_not_as_its_card_says_is_refused(tmp_path, cache):
    url = upload(a_store(tmp_path / "s", 1).root, "mixed")
    other = a_store(tmp_path / "t", 2)
    bucket().put_file(str(other.root / "pos.npy"), "clips/mixed/pos.npy")
    with pytest.raises(DataError, match=r"mixed: the content: .* it was changed while it was fet"):
        ClipStore(url)
    assert taken(cache) == []
    bucket().pipe_file("clips/mixed/card.json", b'{"format": "another"}')
    with pytest.raises(DataError, match=r"s3://clips/mixed/card.json: format: expected"):
        ClipStore(url)
    bucket().rm_file("clips/mixed/index.npz")
    upload_card = (tmp_path / "s" / "card.json").read_bytes()
    bucket().pipe_file("clips/mixed/card.json", upload_card)
    with pytest.raises(DataError, match=r"no store is there: it has no index.npz"):
        ClipStore(url)


@pytest.mark.parametrize("said", ["much", "0", "-1", "nan", "inf"])
def test_a_limit_is_a_positive_number(monkeypatch, said):
    monkeypatch.setenv(cached.GIGABYTES_VARIABLE, said)
    with pytest.raises(ConfigError, match=f"SKELETONMAE_STORE_CACHE_GB '{said}': expected a numb"):
        StoreCache()


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    url = upload(a_store(tmp_path / "s").root, "folder")
    with pytest.raises(DataError, match=r"cannot be kept in .*; name another folder by SKEL"):
        ClipStore(url, StoreCache(tmp_path / "file"))


def test_settings_and_names(tmp_path, cache, monkeypatch):
    assert repr(StoreCache("c", 5)) == f"StoreCache({Path.cwd()}/c, gigabytes=5)"
    monkeypatch.setenv(cached.GIGABYTES_VARIABLE, "7")
    assert repr(StoreCache()) == f"StoreCache({tmp_path}/cache, gigabytes=7)"
    url = upload(a_store(tmp_path / "s").root, "names")
    root = ClipStore(url).root
    assert repr(cached.Copy.of(url, root)) == f"Copy({url}, {root})"
    assert cached.Copy.of(url, tmp_path / "nowhere") is None
