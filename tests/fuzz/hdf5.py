"""Changes of HDF5 files that know the format; needs h5py."""

from __future__ import annotations

import io
from typing import Any

import h5py
import numpy as np

from fuzz.mutators import BYTES

_KEYS = ("tracks", "point_scores", "node_names", "edge_inds")


def _load(data: bytes) -> dict[str, Any]:
    with h5py.File(io.BytesIO(data), "r") as file:
        content = {key: file[key][()] for key in file}
        return content | {"dims": dict(file["tracks"].attrs).get("dims")}


def _save(content: dict[str, Any], **settings: Any) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for key, value in content.items():
            if key == "dims":
                continue
            if isinstance(value, h5py.SoftLink | h5py.ExternalLink):
                file[key] = value
            elif isinstance(value, list):  # the settings of a dataset
                file.create_dataset(key, **value[0])
            else:
                plain = np.ndim(value) == 0 or np.asarray(value).dtype.kind not in "iuf"
                file.create_dataset(key, data=value, **({} if plain else settings))
        if content.get("dims") is not None and isinstance(file.get("tracks"), h5py.Dataset):
            file["tracks"].attrs["dims"] = content["dims"]
    return buffer.getvalue()


def edit(data: bytes, rng: np.random.Generator) -> bytes:
    """A dataset is lost, has another type or shape, is a link, or claims to be huge."""
    try:
        return _edited(_load(data), rng)
    except Exception:  # another change came first, or h5py does not write this one
        return data


def _edited(content: dict[str, Any], rng: np.random.Generator) -> bytes:
    key = _KEYS[rng.integers(len(_KEYS))]
    value = content[key]
    huge: dict[str, Any] = {"shape": (2**20, 2, 5, 2**10), "dtype": "f8", "chunks": (1, 2, 5, 8)}
    text = h5py.string_dtype()
    others: tuple[Any, ...] = (
        h5py.SoftLink("/tracks"), h5py.SoftLink(f"/{key}"), h5py.ExternalLink("/etc/passwd", "/x"),
        h5py.ExternalLink("other.h5", "/tracks"), [huge], [huge | {"compression": "gzip"}],
        [{"shape": None, "dtype": "f4"}], 3, np.arange(4), np.zeros(0), np.zeros((0, 2)),
        value[..., :1], value.reshape(-1), np.stack([value, value]), value.T,
        np.array(["a"] * 5, "S"), np.array([b"\xff"] * 5), np.array([["a"]] * 5, "S"),
        np.full(value.shape, np.nan), np.full(value.shape, np.inf), np.full(value.shape, -1),
        np.full(value.shape, 2**62), [{"data": list("abcde"), "dtype": text}],
        [{"data": ["x" * 5000] * 5, "dtype": text}],
        [{"data": [b"a"] * 5, "dtype": h5py.string_dtype("ascii", 2**16)}],
        [{"data": np.zeros(5), "dtype": np.dtype([("a", "f4")])}],
        [{"shape": (5,), "dtype": h5py.ref_dtype}],
        [{"shape": (5,), "dtype": h5py.vlen_dtype("f4")}],
    )  # fmt: skip
    what = rng.integers(len(others) + 4)
    if what < len(others):
        content[key] = others[what]
    elif what == len(others):
        del content[key]
    elif what == len(others) + 1:
        dims = (
            "[]",
            "{}",
            "[" * 900,
            '["track"]',
            '["xy", "node", "frame", "track"]',
            "",
            "\x00",
            3,
        )
        choice = dims[rng.integers(len(dims))]
        content["dims"] = np.bytes_(choice) if isinstance(choice, str) else choice
    elif what == len(others) + 2:
        content["dims"] = ('["track", "xy", "node", "frame"]', None)[rng.integers(2)]
    else:
        change = BYTES[rng.integers(len(BYTES))]
        raw = np.frombuffer(change(value.tobytes(), rng).ljust(value.nbytes, b"\0"), value.dtype)
        content[key] = raw[: value.size].reshape(value.shape)
    return _save(content)


def same(data: bytes, rng: np.random.Generator) -> bytes:
    """The same content: packed or not, another byte order, texts of another kind, more datasets."""
    content = _load(data)
    settings: dict[str, Any] = {}
    if rng.random() < 0.5:
        settings = {"compression": "gzip", "shuffle": bool(rng.integers(2))}
    elif rng.random() < 0.5:
        settings = {"fletcher32": True}
    for key in ("tracks", "point_scores", "edge_inds"):
        if rng.random() < 0.5:
            content[key] = content[key].astype(content[key].dtype.newbyteorder(">"))
    if rng.random() < 0.5:
        names = [name.decode() for name in content["node_names"]]
        content["node_names"] = [{"data": names, "dtype": h5py.string_dtype()}]
    if rng.random() < 0.5:
        content["dims"] = None
    if rng.random() < 0.5:
        content["provenance"] = np.bytes_("{}")
    keys = [str(key) for key in rng.permutation(list(content))]
    return _save({key: content[key] for key in keys}, **settings)
