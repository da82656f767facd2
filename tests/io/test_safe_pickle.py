import os
import pickle
import pickletools
import re
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
from oracle_helpers import oracles

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.safe_pickle import PickledArray, load_pickle

NEW = b"numpy._core"
ARRAYS = [
    np.arange(12, dtype=np.float16).reshape(3, 4),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(5, dtype=">f4"),
    np.zeros((2, 0, 3), np.float32),
    np.array([True, False]),
    np.array(7),
]


class Runs:
    """Pickles into a call."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def save(folder: Path, data: bytes) -> Path:
    path = folder / "a.pkl"
    path.write_bytes(data)
    return path


def refused(path: Path) -> str:
    with pytest.raises(SkeletonFormatError) as error:
        load_pickle(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ") and "\n" not in message and len(message) < 500
    return message


@pytest.mark.parametrize("protocol", range(6))
def test_containers_numbers_and_text(tmp_path, protocol):
    content = {"a": [1, -(2**70), 2.5, None, True], "b": ("ä", b"\xff\x00", {}), "c": {1: [[]]}}
    assert load_pickle(save(tmp_path, pickle.dumps(content, protocol))) == content


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_and_scalars(tmp_path, protocol):
    scalars = [np.float32(1.5), np.int64(-3), np.bool_(True)]
    data = pickle.dumps([ARRAYS, scalars], protocol)
    if NEW not in data:
        data = data.replace(b"numpy.core", NEW)
    for name in (NEW, b"numpy.core"):
        if protocol >= 4 and name != NEW:
            data = _renamed(data)
        path = save(tmp_path, data if protocol >= 4 else data.replace(NEW, name))
        arrays, found = load_pickle(path)
        assert found == [1.5, -3, True] and [type(v) for v in found] == [float, int, bool]
        for array, wanted in zip(arrays, ARRAYS, strict=True):
            assert isinstance(array, PickledArray)
            np.testing.assert_array_equal(array.array(), wanted)
            assert array.array().dtype == wanted.dtype.newbyteorder("=")
            assert array.array().shape == wanted.shape


def _renamed(data: bytes) -> bytes:
    """Protocol 4 and 5: new module names, in length-prefixed text, become the old ones."""
    out, last = bytearray(), 0
    for opcode, argument, position in pickletools.genops(data):
        if opcode.name == "FRAME":
            out += data[last:position]
            last = position + 9
        if opcode.name == "SHORT_BINUNICODE" and argument.startswith("numpy._core"):
            old = argument.replace("_core", "core").encode()
            out += data[last:position] + b"\x8c" + bytes([len(old)]) + old
            last = position + 2 + len(argument)
    return bytes(out + data[last:])


@pytest.mark.parametrize(
    "content",
    [
        Runs(os.system, "echo pwned > MARKER"),
        Runs(eval, "open('MARKER', 'w')"),
        Runs(np.load, "x.npy", None, True),
        Runs(np.fromfile, "/etc/hostname"),
        Runs(np.ndarray, (2**40,)),
        Runs(np.zeros, (2**40,)),
        Runs(print),
        np.array([Runs(os.system, "echo pwned > MARKER")], object),
        np.zeros(2, [("a", "f4")]),
        np.array(["text"]),
        np.array("2026-01-01", "M8[D]"),
        {1, 2},
        slice(1),
        Path("x"),
        2j,
        os.path.join,
    ],
)
def test_nothing_else(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    for protocol in (0, 2, 5):
        message = refused(save(tmp_path, pickle.dumps([content], protocol)))
        assert re.search("forbidden|without values|other than numbers", message), message
    assert not (tmp_path / "MARKER").exists()


def test_no_global_can_be_changed(tmp_path):
    # A pickle that hands a state to what a global name stands for.
    for state in (b"}(X\x01\x00\x00\x00aK\x01u", b"N}(X\x01\x00\x00\x00aK\x01u\x86"):
        data = b"\x80\x02cnumpy\ndtype\n" + state + b"b."
        assert "a change of a global name" in refused(save(tmp_path, data))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04.",
        b"\x80\x63N.",
        pickle.dumps([1, 2])[:-1],
        pickle.dumps([1, 2]) + b"x",
        b"\x80\x04\x95" + struct.pack("<Q", 2**40) + b"N.",
        b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"abcd.",
        b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b"abcd.",
        b"\x80\x02]r" + struct.pack("<I", 2**30 - 1) + b".",
        b"\x8b" + struct.pack("<i", -5) + b".",
        b"h\x05.",
        b"<html></html>",
    ],
)
def test_damage(tmp_path, data):
    refused(save(tmp_path, data))


def test_arrays_that_do_not_fit(tmp_path):
    good = pickle.dumps(np.arange(4, dtype=np.float32), 4)
    for shape in (b"K\x05", b"J\xff\xff\xff\xff", b"]"):
        assert good.count(b"K\x04\x85") == 1
        data = good.replace(b"K\x04\x85", shape + b"\x85")
        data = data[:2] + data[11:]  # without the frame, whose length has changed
        array = load_pickle(save(tmp_path, data))
        with pytest.raises(ValueError, match="shape"):
            array.array()


def test_text_is_not_turned_into_more_bytes_than_the_file_can_mean(tmp_path):
    text = b"X" + struct.pack("<I", 1000) + b"a" * 1000 + b"q\x00"
    call = b"c_codecs\nencode\nq\x01"
    again = b"h\x01h\x00X\x06\x00\x00\x00latin1\x86R"
    path = save(tmp_path, b"\x80\x02(" + text + call + again * 3 + b"l.")
    assert load_pickle(path)[-1] == b"a" * 1000
    path = save(tmp_path, b"\x80\x02(" + text + call + again * 100 + b"l.")
    assert "more bytes than the file can mean" in refused(path)


def test_tuples_that_would_take_forever_to_hash(tmp_path):
    for double in (b"2\x86", b"q\x00h\x00\x86", b"q\x000(h\x00h\x00t"):
        data = b"\x80\x02})" + double * 80 + b"K\x01s."
        assert "a tuple of more than" in refused(save(tmp_path, data))
        load_pickle(save(tmp_path, b"\x80\x02})" + double * 5 + b"K\x01s."))


def test_mutations_are_refused_or_loaded(tmp_path):
    data, rng = pickle.dumps({"a": ARRAYS, "b": [1, "x"] * 5}), np.random.default_rng(0)
    counts = {"loaded": 0, "refused": 0}
    for case in range(300):
        damaged = bytearray(data)
        if case % 2:
            damaged[rng.integers(len(data))] = rng.integers(256)
        else:
            del damaged[rng.integers(len(data)) :]
        path = save(tmp_path, bytes(damaged))
        try:
            load_pickle(path)
        except SkeletonFormatError:
            counts["refused"] += 1
        else:
            counts["loaded"] += 1
    assert min(counts.values()) > 10, counts


@pytest.mark.oracle
def test_hostile_files(tmp_path, monkeypatch):
    root = oracles()
    monkeypatch.chdir(tmp_path)
    harmless = {  # they load as something useless
        "array_negative_shape", "array_shape_claim", "deep_nested_lists", "deep_nested_tuples",
        "list_doubling", "self_reference", "wrong_top_level",
    }  # fmt: skip
    paths = sorted(Path(root, "data/hostile/pickles").glob("*.pkl"))
    assert len(paths) == 36
    for path in paths:
        if path.stem in harmless:
            load_pickle(path)
        else:
            refused(path)
    assert not list(tmp_path.iterdir())


def test_odd_escapes_in_text_warn_nobody(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_pickle(save(tmp_path, rb"S'\q'" + b"\n.")) == r"\q"
        refused(save(tmp_path, b"S'\\\xc8'\n."))


@pytest.mark.parametrize("name", ["f5", "f16", "b2", "i3", "u16", "f0", "f40"])
def test_types_that_are_none(tmp_path, name):
    data = pickle.dumps(np.zeros(2, np.float32), 0)
    assert b"Vf4\n" in data
    refused(save(tmp_path, data.replace(b"Vf4\n", f"V{name}\n".encode())))
