import io
import json
import resource
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from oracle_helpers import oracles

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.npz import FREE_BYTES, NpzFile, map_npy, write_npz
from pyg_skeletonmae.io.packed import read_packed


def write_zip(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return path


def npy(array: np.ndarray, **replace: object) -> bytes:
    """The bytes of an npy file, its header changed to claim something else."""
    stream = io.BytesIO()
    claim = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape, **replace}
    np.lib.format.write_array_header_1_0(stream, claim)
    return stream.getvalue() + array.tobytes()


@pytest.mark.parametrize("compress", [True, False])
def test_round_trip(tmp_path, compress):
    arrays = {
        "a": np.arange(12.0).reshape(3, 4),
        "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "big_endian": np.arange(5, dtype=">i4"),
        "text": np.array(["x", "yz"]),
        "scalar": np.float32(2.5),
        "empty": np.zeros((0, 3), np.float32),
    }
    write_npz(tmp_path / "new" / "a.npz", arrays, compress)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.npz"]
    with NpzFile(tmp_path / "new" / "a.npz") as file:
        assert file.keys == tuple(arrays)
        assert repr(file) == "NpzFile(a.npz, arrays=6)"
        assert file.header("a").shape == (3, 4)
        for key, wanted in arrays.items():
            found = file.array(key, "fiuU", np.ndim(wanted))
            np.testing.assert_array_equal(found, wanted)
            assert found.dtype.isnative and found.flags.c_contiguous and found.flags.writeable


def test_failed_write_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="allow_pickle"):
        write_npz(tmp_path / "a.npz", {"a": np.zeros(3), "b": np.array([{}], object)})
    assert not list(tmp_path.iterdir())


def refused(path: Path, key: str = "a", kinds: str = "f", ndim: int = 1) -> str:
    with pytest.raises(SkeletonFormatError) as error, NpzFile(path) as file:
        file.array(key, kinds, ndim)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)
    return str(error.value)


def test_no_file(tmp_path):
    assert "no such file" in refused(tmp_path / "a.npz")
    assert "a folder" in refused(tmp_path)


@pytest.mark.parametrize("data", [b"", b"text", b"PK\x03\x04" + bytes(40), npy(np.zeros(3))])
def test_no_zip(tmp_path, data):
    (tmp_path / "a.npz").write_bytes(data)
    assert "zip archive" in refused(tmp_path / "a.npz")


def test_every_truncation(tmp_path):
    write_npz(tmp_path / "a.npz", {"a": np.random.default_rng(0).normal(size=50)})
    data = (tmp_path / "a.npz").read_bytes()
    for size in range(0, len(data), 7):
        (tmp_path / "cut.npz").write_bytes(data[:size])
        refused(tmp_path / "cut.npz")


def test_flipped_byte(tmp_path):
    write_npz(tmp_path / "a.npz", {"a": np.random.default_rng(0).normal(size=500)})
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "a.npz").write_bytes(data)
    assert "array 'a'" in refused(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (npy(np.zeros(3), shape=(10**12,)), "a claim of float64 of shape"),
        (npy(np.zeros(3), shape=(2,)), "a claim of"),
        (npy(np.zeros(3), shape=(-3,)), "a claim of"),
        (npy(np.zeros(3), descr="|O"), "pickled objects"),
        (npy(np.zeros(0), descr="<U0", shape=(10**15,)), "a claim of"),
        (npy(np.zeros(3), shape="x"), "damage"),
        (b"\x93NUMPY\x09\x00", "damage"),
        (b"\x93NUMPY\x01\x00\xff\xff{", "damage"),
        (b"", "damage"),
        (npy(np.zeros((3, 1))), "1 axes"),
        (npy(np.zeros(3, np.int64)), "expected floats, found type int64"),
    ],
)
def test_hostile_member(tmp_path, member, message):
    assert message in refused(write_zip(tmp_path / "a.npz", a=member))


def test_missing_key_names_the_others(tmp_path):
    assert "only 'b', 'c'" in refused(write_zip(tmp_path / "a.npz", c=npy(np.zeros(1)), b=b""))


def test_name_twice(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("a.npy", npy(np.zeros(1)))
        archive.writestr("a.npy", npy(np.ones(1)))
    assert "twice" in refused(tmp_path / "a.npz")


def test_bomb(tmp_path):
    size = FREE_BYTES // 8 + 1
    with (
        zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("a.npy", "w") as file,
    ):
        file.write(npy(np.zeros(0), shape=(size,)))
        for _ in range(size // 2**17 + 1):
            file.write(bytes(2**20))
    assert "when unpacked" in refused(tmp_path / "a.npz")


def test_map(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(6.0).reshape(2, 3))
    array = map_npy(tmp_path / "a.npy")
    array[0, 0] = 7.0
    assert map_npy(tmp_path / "a.npy")[0, 0] == 0.0, "the file changed"
    data = (tmp_path / "a.npy").read_bytes()
    for damaged in (b"", data[:30], data[:-1], data + b"x", npy(np.zeros(3), descr="|O")):
        (tmp_path / "a.npy").write_bytes(damaged)
        with pytest.raises(SkeletonFormatError, match=r"a\.npy"):
            map_npy(tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", np.asfortranarray(np.ones((2, 3))))
    with pytest.raises(SkeletonFormatError, match="Fortran"):
        map_npy(tmp_path / "a.npy")


@pytest.mark.oracle
def test_hostile_recordings():
    folder = oracles() / "data" / "hostile" / "npz"
    cases = json.loads((folder / "cases.json").read_text())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, case in cases.items():
        path = folder / f"{name}.npz"
        with pytest.raises(SkeletonFormatError):
            read_packed(path)
        shapes = case.get("numpy_load_without_pickle")
        if isinstance(shapes, dict):  # NumPy reads it: so do we, key by key
            with NpzFile(path) as file:
                for key, (shape, _) in shapes.items():
                    assert file.array(key, "fiuU", len(shape)).shape == tuple(shape), (name, key)
        elif shapes is not None:
            with pytest.raises(SkeletonFormatError), NpzFile(path) as file:
                for key in file.keys:
                    file.array(key, "fiuU", len(file.header(key).shape))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100_000, f"{grown} kB more memory"


@pytest.mark.parametrize("order", ["C", "F"])
def test_rows(tmp_path, order):
    wanted = np.asarray(np.arange(24.0, dtype=">f4").reshape(4, 3, 2), order=order)
    write_npz(tmp_path / "a.npz", {"a": wanted, "empty": wanted[:0]})
    with NpzFile(tmp_path / "a.npz") as file:
        rows = list(file.rows("a", "f", 3))
        assert list(file.rows("empty", "f", 3)) == []
        with pytest.raises(SkeletonFormatError, match="2 axes"):
            next(file.rows("a", "f", 2))
        with pytest.raises(SkeletonFormatError, match="integers"):
            next(file.rows("a", "i", 3))
    assert len(rows) == 4 and all(row.dtype == np.float32 for row in rows)
    np.testing.assert_array_equal(np.stack(rows), wanted)


def test_rows_of_a_damaged_array(tmp_path):
    write_npz(tmp_path / "a.npz", {"a": np.ones((4, 1000))}, compress=False)
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[-600] ^= 1
    (tmp_path / "a.npz").write_bytes(data)
    with (
        NpzFile(tmp_path / "a.npz") as file,
        pytest.raises(SkeletonFormatError, match="CRC"),
    ):
        list(file.rows("a", "f", 2))


def test_headers_of_python_2_are_read_without_a_word(tmp_path):
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }" + b" " * 20 + b"\n"
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(24)
    (tmp_path / "a.npy").write_bytes(data)
    write_zip(tmp_path / "a.npz", a=data)
    with warnings.catch_warnings(), NpzFile(tmp_path / "a.npz") as file:
        warnings.simplefilter("error")
        assert file.array("a", "f", 2).shape == map_npy(tmp_path / "a.npy").shape == (2, 3)


def test_endless_names(tmp_path):
    write_zip(tmp_path / "a.npz", **{"x" * 60_000: npy(np.zeros(3))})
    message = refused(tmp_path / "a.npz")
    assert "at most 200 letters" in message and len(message) < 400
    write_zip(tmp_path / "a.npz", **{f"{i:0200}": npy(np.zeros(3)) for i in range(50)})
    assert len(refused(tmp_path / "a.npz")) < 600
    write_zip(tmp_path / "a.npz", **{"two\nlines": npy(np.zeros(3))})
    assert "\n" not in refused(tmp_path / "a.npz")


@pytest.mark.parametrize("code", [0x110000, 2**32 - 1, 0xD800])
@pytest.mark.parametrize("order", "<>")
def test_text_of_no_letters(tmp_path, code, order):
    data = npy(np.array(["abc", "d"], f"{order}U3"))
    damaged = data[:-4] + np.array([code], f"{order}u4").tobytes()
    with NpzFile(write_zip(tmp_path / "a.npz", a=data)) as file:
        assert file.array("a", "U", 1).tolist() == ["abc", "d"]
    assert "no letters" in refused(write_zip(tmp_path / "a.npz", a=damaged), kinds="U")
