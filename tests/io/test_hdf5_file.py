import sys

import numpy as np
import pytest

from pyg_skeletonmae.errors import ConfigError, SkeletonFormatError
from pyg_skeletonmae.io.hdf5_file import Hdf5File


def test_h5py_is_asked_for_by_the_name_of_the_extra(tmp_path, monkeypatch):
    (tmp_path / "a.h5").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ConfigError, match=r"pip install 'pyg_skeletonmae\[poses\]'"):
        Hdf5File(tmp_path / "a.h5")
    with pytest.raises(SkeletonFormatError, match="no such file"):
        Hdf5File(tmp_path / "b.h5")


def test_datasets_are_read(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = np.arange(6.0).reshape(2, 3)
        file.create_dataset("x", data=data, compression="gzip", shuffle=True, fletcher32=True)
        file["i"] = np.arange(3)
        file["names"] = ["a", "b"]
        file["fixed"] = np.array([b"a", b"bc"])
        file["x"].attrs["dims"] = np.bytes_("[1]")
    with Hdf5File(tmp_path / "a.h5") as file:
        assert repr(file) == "Hdf5File(a.h5)"
        assert "x" in file and "y" not in file and file.shape("x") == (2, 3)
        assert file.floats("x", 2).dtype == np.float32
        np.testing.assert_array_equal(file.floats("x", 2), data)
        np.testing.assert_array_equal(file.integers("i", 1), [0, 1, 2])
        assert file.texts("names", 2) == ["a", "b"] and file.texts("fixed", 2) == ["a", "bc"]
        assert file.attribute("x", "dims") == "[1]" and file.attribute("x", "other") is None
        for read, message in [
            (lambda: file.floats("y", 2), "the dataset 'y'"),
            (lambda: file.floats("x", 3), "floats with 3 axes"),
            (lambda: file.integers("x", 2), "integers with 2 axes"),
            (lambda: file.texts("x", 9), "1 to 9 names"),
            (lambda: file.texts("names", 1), "1 to 1 names"),
            (lambda: file.texts("i", 9), "i: expected text"),
        ]:
            with pytest.raises(SkeletonFormatError, match=message):
                read()


def test_nothing_outside_of_the_file_is_read(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.zeros(3)
    (tmp_path / "raw").write_bytes(b"0" * 24)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["external"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "x")
        file["soft"] = h5py.SoftLink("/raw")
        raw = [(str(tmp_path / "raw"), 0, 24)]
        file.create_dataset("raw", (3,), "f8", external=raw)
        layout = h5py.VirtualLayout((3,), "f8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (3,))
        file.create_virtual_dataset("virtual", layout)
        file.create_group("group")
        file.create_dataset("huge", (2**40,), "f4", chunks=(1024,))
        file.create_dataset("chunk", (3,), "f4", chunks=(2**28,), maxshape=(None,))
        file.create_dataset("hollow", (2**20,), "f4", chunks=(1024,))
        file.create_dataset("lzf", data=np.zeros(3), compression="lzf")
    with Hdf5File(tmp_path / "a.h5") as file:
        for key, message in [
            ("external", "a link"),
            ("soft", "a link"),
            ("raw", "external"),
            ("virtual", "virtual"),
            ("group", "a dataset, found Group"),
            ("huge", "at most"),
            ("chunk", "at most"),
            ("hollow", "what 0 bytes can hold"),
            ("lzf", "deflate at most"),
        ]:
            with pytest.raises(SkeletonFormatError, match=message):
                file.floats(key, 1)


def test_texts_of_a_forged_length_take_no_memory(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["names"] = ["a", "b"]
        file.create_dataset("chunked", data=["a"], chunks=(1,))
        offset = file["names"].id.get_offset()
    data = bytearray(path.read_bytes())
    data[offset + 3] = 0x7F
    path.write_bytes(data)
    with Hdf5File(path) as file:
        for read, message in [
            (lambda: file.texts("names", 2), "at most 1024 bytes"),
            (lambda: file.texts("chunked", 2), "without chunks"),
        ]:
            with pytest.raises(SkeletonFormatError, match=message):
                read()


def test_attributes_whose_length_cannot_be_checked_are_not_read(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.zeros(3)
        file["x"].attrs["dims"] = "a text"
        file["x"].attrs["number"] = 3
    with Hdf5File(tmp_path / "a.h5") as file:
        assert file.attribute("x", "dims") is None and file.has_attribute("x", "dims")
        assert file.attribute("x", "other") is None and not file.has_attribute("x", "other")
        with pytest.raises(SkeletonFormatError, match="attribute 'number': expected a text"):
            file.attribute("x", "number")


def test_damage_is_one_error(tmp_path):
    pytest.importorskip("h5py")
    path = tmp_path / "a.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(40))
    with pytest.raises(SkeletonFormatError, match="a whole HDF5 file"):
        Hdf5File(path)
