import os
import pickle
import shutil
import signal
import time
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from data_helpers import STICK, array, some_clips

import pyg_skeletonmae
from pyg_skeletonmae.datasets import Clip, ClipStore, write_store
from pyg_skeletonmae.datasets.store.store import MemoryStore, written_once
from pyg_skeletonmae.errors import ConfigError, DataError, SkeletonFormatError


def test_round_trip(tmp_path):
    clips = some_clips()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        store = write_store(tmp_path / "new" / "store", iter(clips), STICK)
    assert repr(store) == "ClipStore(store, clips=5, tracks=8, skeleton=stick)"
    assert len(store) == 5 and store.num_channels == 3 and store.skeleton == STICK
    assert store.pos.shape == (43, 4, 3) and store.pos.dtype == torch.float32
    assert store.valid is None and not (store.root / "valid.npy").exists()
    assert store.clip_track.tolist() == [0, 1, 3, 4, 7, 8]
    assert store.track_start.tolist() == [0, 5, 8, 11, 12, 21, 30, 39]
    assert store.length.tolist() == [5, 3, 1, 9, 4]
    assert store.label.tolist() == [0, 1, 2, 0, 1] and store.class_names == ("0", "1", "2")
    assert store.subject.tolist() == [1, 2, 1, 2, 1]
    assert store.names == tuple(f"clip-{i}" for i in range(5))
    for number, clip in enumerate(clips):
        np.testing.assert_array_equal(store.clip(number).pos, clip.pos)
        assert store.clip(number).valid.all()
    store.verify()


def test_missing_joints(tmp_path):
    clips = some_clips()
    valid = np.ones((2, 3, 4), bool)
    valid[1, 2, 0] = False
    store = write_store(tmp_path / "s", [clips[0], replace(clips[1], valid=valid)], STICK)
    assert store.card["missing_joints"] == 1
    assert store.valid.shape == (11, 4) and (~store.valid).nonzero().tolist() == [[10, 0]]
    np.testing.assert_array_equal(store.clip(1).valid, valid)
    assert not store.pos[10, 0].any(), "missing joints are stored as zeros"
    store.verify()


def test_card(tmp_path):
    clips = some_clips()
    clips[3].pos[0, 4, 2] = np.nan
    store = write_store(
        tmp_path / "s", clips, STICK, ["a", "b", "c", "d"], nan="drop", source="here", fps=25.0,
        unit="m", dropped=[("x", "too short"), ("y", "too short")],
    )  # fmt: skip
    card = store.card
    assert len(card.pop("content_hash")) == 64
    assert card == {
        "format": "pyg_skeletonmae clips 1",
        "library_version": pyg_skeletonmae.__version__,
        "clips": 4,
        "tracks": 5,
        "persons": {"1": 3, "2": 1},
        "frames": {"min": 1, "median": 3.5, "mean": 3.25, "max": 5, "total": 13},
        "missing_joints": 0,
        "zero_joints": 0,
        "nan_joints": 1,
        "skeleton": "stick",
        "num_joints": 4,
        "num_channels": 3,
        "class_names": ["a", "b", "c", "d"],
        "clips_per_class": {"a": 1, "b": 2, "c": 1, "d": 0},
        "clips_per_subject": {"1": 3, "2": 1},
        "source": "here",
        "fps": 25.0,
        "unit": "m",
        "nan": "drop",
        "dropped": {
            "too short": ["x", "y"],
            "coordinates that are not finite": ["clip-3"],
        },
    }


def test_content_hash_is_of_the_content(tmp_path):
    hashes = {}
    changed = some_clips()
    changed[2].pos[0, 0, 0, 0] += 1e-6
    for name, clips in {"a": some_clips(), "b": some_clips(), "c": changed}.items():
        hashes[name] = write_store(tmp_path / name, clips, STICK, source=name).content_hash
    assert hashes["a"] == hashes["b"] != hashes["c"]


def test_verify_finds_a_changed_value(tmp_path):
    write_store(tmp_path / "s", some_clips(), STICK)
    data = bytearray((tmp_path / "s" / "pos.npy").read_bytes())
    data[-3] ^= 1
    (tmp_path / "s" / "pos.npy").write_bytes(data)
    with pytest.raises(SkeletonFormatError, match="the content"):
        ClipStore.open(tmp_path / "s").verify()


def test_writing_into_the_map_leaves_the_file(tmp_path):
    store = write_store(tmp_path / "s", some_clips(), STICK)
    before = store.pos[0].clone()
    store.pos[0] = 5.0
    assert torch.equal(ClipStore.open(tmp_path / "s").pos[0], before)


def test_columns(tmp_path):
    clips = [
        replace(clip, extra={"camera": i, "speed": i / 2}) for i, clip in enumerate(some_clips())
    ]
    store = write_store(tmp_path / "s", clips, STICK)
    assert store.extra["camera"].tolist() == [0, 1, 2, 3, 4]
    assert store.clip(3).extra == {"camera": 3, "speed": 1.5}
    with pytest.raises(DataError, match="clip-1: columns"):
        write_store(tmp_path / "t", [clips[0], replace(clips[1], extra={})], STICK)


def test_unlabelled_and_unnamed(tmp_path):
    store = write_store(tmp_path / "s", [Clip(array(1, 2)), Clip(array(2, 2))], STICK)
    assert store.label is None and store.class_names == ()
    assert store.names == ("clip 0", "clip 1") and store.subject.tolist() == [-1, -1]
    assert store.clip(1).label is None


def test_two_channels(tmp_path):
    assert write_store(tmp_path / "s", some_clips(2), STICK).pos.shape == (43, 4, 2)
    assert write_store(tmp_path / "t", some_clips(7), STICK).num_channels == 7


@pytest.mark.parametrize(
    ("number", "change", "message"),
    [
        (2, {"pos": array(1, 3, 2)}, "clip-2: 2 channels"),
        (1, {"pos": np.ones((2, 5, 3))}, "clip-1: 5 joints"),
        (3, {"label": 3}, "clip-3: label 3, but there are 3 classes"),
        (4, {"label": None}, "clip-4: has no label"),
        (4, {"pos": np.full((1, 4, 4, 3), np.nan)}, "clip-4: frame 0"),
    ],
)
def test_bad_clip_leaves_nothing(tmp_path, number, change, message):
    clips = some_clips()
    clips[number] = replace(clips[number], **change)
    with pytest.raises(DataError, match=message):
        write_store(tmp_path / "s", clips, STICK, ["a", "b", "c"])
    assert not list(tmp_path.iterdir())


def test_failing_source_leaves_nothing(tmp_path):
    def clips():
        yield from some_clips()
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        write_store(tmp_path / "s", clips(), STICK)
    assert not list(tmp_path.iterdir())


def test_nothing_to_write(tmp_path):
    with pytest.raises(DataError, match="none was given"):
        write_store(tmp_path / "s", [], STICK)
    with pytest.raises(DataError, match="all 1 were dropped"):
        write_store(tmp_path / "s", [Clip(np.full((1, 4, 3), np.nan))], STICK, nan="drop")
    with pytest.raises(ConfigError, match="nan='ignore'"):
        write_store(tmp_path / "s", some_clips(), STICK, nan="ignore")
    assert not list(tmp_path.iterdir())


def test_existing_folder(tmp_path):
    write_store(tmp_path / "s", some_clips(), STICK)
    with pytest.raises(DataError, match="exists already"):
        write_store(tmp_path / "s", some_clips(), STICK)
    assert len(write_store(tmp_path / "s", some_clips()[:2], STICK, overwrite=True)) == 2
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="is no store"):
        write_store(tmp_path / "mine", some_clips(), STICK, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "s"]
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="can be written there"):
        write_store(tmp_path / "file" / "s", some_clips(), STICK)


def test_a_store_may_be_written_into_an_empty_folder_and_below_new_ones(tmp_path):
    (tmp_path / "empty").mkdir()
    for root in (tmp_path / "empty", tmp_path / "a" / "b" / "s"):
        assert len(write_store(root, some_clips(), STICK)) == 5


def test_what_came_to_the_place_meanwhile_stays(tmp_path):
    def clips():
        yield from some_clips()
        (tmp_path / "s").mkdir()
        (tmp_path / "s" / "thesis.txt").write_text("years of work")

    with pytest.raises(DataError, match="s: exists and is no store; choose another folder"):
        write_store(tmp_path / "s", clips(), STICK)
    assert [path.name for path in (tmp_path / "s").iterdir()] == ["thesis.txt"]


def test_failed_overwrite_keeps_the_old_store(tmp_path):
    write_store(tmp_path / "s", some_clips(), STICK)
    with pytest.raises(DataError):
        write_store(tmp_path / "s", [Clip(array(0, 1))], STICK, overwrite=True)
    assert len(ClipStore.open(tmp_path / "s")) == 5


def test_processes_that_write_the_same_store_do_not_collide(tmp_path):
    def clips(meanwhile):
        yield from some_clips()
        write_store(tmp_path / "s", meanwhile, STICK)

    assert len(write_store(tmp_path / "s", clips(some_clips()), STICK)) == 5
    shutil.rmtree(tmp_path / "s")
    with pytest.raises(DataError, match="another process wrote another store"):
        write_store(tmp_path / "s", clips(some_clips()[:2]), STICK)
    assert len(ClipStore.open(tmp_path / "s")) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_killed_write_leaves_nothing_that_opens(tmp_path):
    reader, writer = os.pipe()

    def clips():
        yield from some_clips()
        os.write(writer, b"half")
        time.sleep(60)

    if (child := os.fork()) == 0:
        write_store(tmp_path / "s", clips(), STICK)
        os._exit(0)
    assert os.read(reader, 4) == b"half"
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    os.close(reader)
    os.close(writer)
    left = list(tmp_path.iterdir())
    assert len(left) == 1 and left[0].name.endswith(".partial")
    for folder in (tmp_path / "s", left[0]):
        with pytest.raises(SkeletonFormatError):
            ClipStore.open(folder)
    assert len(write_store(tmp_path / "s", some_clips(), STICK)) == 5


def test_clips_are_never_all_in_memory(tmp_path):
    alive = set()

    class Counted(np.ndarray):
        def __del__(self):
            alive.discard(id(self))

    def clips():
        for i in range(20):
            pos = array(1, 2, seed=i).view(Counted)
            alive.add(id(pos))
            assert len(alive) < 5
            yield Clip(pos)
            del pos

    assert len(write_store(tmp_path / "s", clips(), STICK)) == 20


def test_pickles_as_its_folder(tmp_path):
    store = write_store(tmp_path / "s", some_clips(), STICK)
    data = pickle.dumps(store)
    assert len(data) < 300
    assert torch.equal(pickle.loads(data).pos, store.pos)


@pytest.mark.parametrize(
    "read", [lambda s: s.clip(0), lambda s: s.verify(), lambda s: s.verify("stamp")]
)
def test_a_file_that_has_shrunk_is_named_before_it_is_read(tmp_path, read):
    store = write_store(tmp_path / "store", some_clips(), STICK)
    os.truncate(tmp_path / "store" / "pos.npy", 200)
    with pytest.raises(SkeletonFormatError, match=r"pos\.npy"):
        read(store)


def test_clips_in_memory_need_no_file(tmp_path):
    valid = np.zeros((2, 3, 4), bool)
    valid[1, 2, 0] = True  # the other person is left out
    write_store(tmp_path / "s", [replace(some_clips()[1], valid=valid)], STICK)
    memory = MemoryStore(tmp_path / "s")
    for name, size in (("valid.npy", 12), ("pos.npy", 12 * 3 * 4)):
        with (tmp_path / "s" / name).open("r+b") as file:
            file.seek(-size, os.SEEK_END)
            file.write(bytes(size))
    assert memory.valid.sum() == 1 and memory.pos.abs().sum() > 0


def test_a_clip_without_missing_joints_says_so(tmp_path):
    clip = write_store(tmp_path / "store", some_clips(), STICK).clip(1)
    assert clip.valid.shape == (2, 3, 4) and clip.valid.dtype == bool and clip.valid.all()


def test_what_is_verified_says_so(tmp_path):
    store = write_store(tmp_path / "store", some_clips(), STICK)
    assert not ClipStore(tmp_path / "store").verified
    for how in ("off", "stamp", "full"):
        store = ClipStore(tmp_path / "store")
        store.verify(how)
        assert store.verified
    memory = MemoryStore(tmp_path / "store")
    assert memory.in_memory and memory.verified and not store.in_memory


def test_written_once(tmp_path):
    root, times = tmp_path / "store", []

    def write():
        times.append(1)
        write_store(root, some_clips(), STICK, overwrite=True)

    written_once(root, write)
    written_once(root, write)
    assert len(times) == 1
    written_once(root, write, again=True)
    assert len(times) == 2


def test_opens_fast(tmp_path):
    clips = (Clip(array(1, 3, seed=i), i % 4, i % 5) for i in range(1000))
    write_store(tmp_path / "s", clips, STICK)
    seconds = []
    for _ in range(9):
        start = time.perf_counter()
        ClipStore.open(tmp_path / "s")
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.02, f"opening takes {1000 * min(seconds):.1f} ms"
    print(f"opening 1000 clips takes {1000 * min(seconds):.2f} ms")
