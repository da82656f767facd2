"""Changes of files that know their format: npy, npz, gzip, pickle and JSON."""

from __future__ import annotations

import ast
import gzip
import io
import json
import pickle
import pickletools
import struct
import warnings
import zipfile
from typing import Any

import numpy as np

from fuzz.mutators import BYTES, Mutator

_TYPES = (
    "|O", "<f8", ">f4", "<f2", "<i4", "<u1", "|b1", "<c8", "|V4", "|S5", "<U1000000", "<U0",
    "<m8[s]", "<M8[s]", "<f16", "x", [("a", "<f4")], ("<f4", (2,)),
)  # fmt: skip
_SIZES: tuple[Any, ...] = (-1, 0, 1, 2, 3, 2**31, 2**62, 2**63, 2**70, 1.5, "a", None, True)
_HEADERS = (
    b"", b"{}", b"None", b"{'descr':'<f4'}", b"__import__('os').system('echo')", b"(" * 5000,
    b"[" * 9000, b"{'descr': '<f4', 'fortran_order': False, 'shape': (2L,)}", b"\x00" * 30,
    b"{'descr': '<f4', 'fortran_order': False, 'shape': " + b"1" * 9000 + b"}",
)  # fmt: skip
_JSON: tuple[Any, ...] = (
    None, True, -1, 0, 1, 7, 0.5, -0.5, 1e300, 2**70, "", "a", "12.jpg", "\x00", [], {}, [[]],
    [None] * 51, [0.1] * 75, {"a": 1}, [{}], "9" * 3000,
)  # fmt: skip
_OPCODES = [opcode.code.encode("latin-1") for opcode in pickletools.opcodes]
_NAMES = (
    b"cos\nsystem\n", b"cbuiltins\neval\n", b"cnumpy\nload\n", b"cnumpy\nfromfile\n",
    b"c_codecs\nlookup\n", b"cnumpy.core.multiarray\n_reconstruct\n", b"cbuiltins\nbytearray\n",
    b"cnumpy\nndarray\n", b"cnumpy\ndtype\n", b"ccopyreg\n_reconstructor\n",
)  # fmt: skip
_DATE = (1980, 1, 1, 0, 0, 0)


# npy --------------------------------------------------------------------------------------------


def npy(array: np.ndarray[Any, Any]) -> bytes:
    """An array as a file."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _npy_parts(data: bytes) -> tuple[dict[str, Any], bytes]:
    """What the header of a sound file says, and the values behind it."""
    long = data[6:7] == b"\x02"
    size = struct.unpack_from("<I" if long else "<H", data, 8)[0]
    start = 12 if long else 10
    return ast.literal_eval(data[start : start + size].decode()), data[start + size :]


def _npy_join(header: bytes, values: bytes, version: int = 1) -> bytes:
    size = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + size + header + values


def edit_header(data: bytes, rng: np.random.Generator) -> bytes:
    """The header claims another type, shape or order, or is none."""
    try:
        header, values = _npy_parts(data)
        shape = list(header["shape"])
    except (SyntaxError, ValueError, KeyError, TypeError, struct.error):
        return data
    what = rng.integers(6)
    if what == 0:
        header["descr"] = _TYPES[rng.integers(len(_TYPES))]
    elif what == 1 and shape:
        shape[rng.integers(len(shape))] = _SIZES[rng.integers(len(_SIZES))]
    elif what == 2:
        order = rng.permutation(len(shape))
        shape = [shape[i] for i in order] if rng.random() < 0.5 else [*shape, 1]
    elif what == 3:
        header["fortran_order"] = (True, 0, None, "x")[rng.integers(4)]
    elif what == 4:
        version = (1, 2, 3, 4, 0)[rng.integers(5)]
        return _npy_join(repr(header).encode() + b"\n", values, version)
    else:
        return _npy_join(_HEADERS[rng.integers(len(_HEADERS))], values)
    return _npy_join(repr({**header, "shape": tuple(shape)}).encode() + b"\n", values)


def same_header(data: bytes, rng: np.random.Generator) -> bytes:
    """The header is written in another way: version 2, more blanks, another order, ``2L``."""
    header, values = _npy_parts(data)
    keys = [str(key) for key in rng.permutation(list(header))]
    text = repr({key: header[key] for key in keys}).encode()
    if rng.random() < 0.3:  # as NumPy wrote it under Python 2
        shape = "".join(f"{size}L, " for size in header["shape"])
        text = text.replace(repr(header["shape"]).encode(), f"({shape})".encode())
    text += b" " * int(rng.integers(100)) + b"\n"
    return _npy_join(text, values, int(rng.integers(1, 3)))


# npz --------------------------------------------------------------------------------------------


def zipped(members: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive, the same bytes at any time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name that stands twice is meant
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name, _DATE), content, method)
    return buffer.getvalue()


def npz(arrays: dict[str, Any]) -> bytes:
    """Arrays as a file, the same bytes at any time."""
    return zipped([(f"{key}.npy", npy(np.asarray(array))) for key, array in arrays.items()])


def _members(data: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def edit_member(data: bytes, rng: np.random.Generator) -> bytes:
    """One array of a sound archive is changed, and the archive is sound again."""
    try:
        members = _members(data)
    except Exception:  # another change came first
        return data
    if not members:
        return data
    number = int(rng.integers(len(members)))
    change = (edit_header, edit_header, *BYTES)[rng.integers(len(BYTES) + 2)]
    members[number] = members[number][0], change(members[number][1], rng)
    return zipped(members)


def edit_archive(data: bytes, rng: np.random.Generator) -> bytes:
    """A member is lost, stands twice, has another name, or is a bomb."""
    try:
        members = _members(data)
    except Exception:
        return data
    if not members:
        return data
    number = int(rng.integers(len(members)))
    name, content = members[number]
    what = rng.integers(6)
    if what == 0:
        del members[number]
    elif what == 1:
        members.append((name + ("" if rng.random() < 0.5 else ".npy"), content))
    elif what == 2:
        names = ("../" + name, "/x.npy", "x" * 60_000, "", "\x01.npy", name[:-4], "é.npy")
        members[number] = names[rng.integers(len(names))], content
    elif what == 3:
        members[number] = name, content[:80] + bytes(2**22)
    elif what == 4:
        other = members[rng.integers(len(members))]
        members[number] = name, other[1]
    else:
        members += [(f"x{i}.npy", b"") for i in range(300)]
    return zipped(members)


def same_archive(data: bytes, rng: np.random.Generator) -> bytes:
    """The same arrays: another order, packed or not, with a comment, header and byte order."""
    members = _members(data)
    members = [members[i] for i in rng.permutation(len(members))]
    if rng.random() < 0.5:
        members = [(name, same_header(content, rng)) for name, content in members]
    elif rng.random() < 0.5:
        members = [(name, _same_values(content, rng)) for name, content in members]
    method = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)[rng.integers(2)]
    return zipped(members, method)


def _same_values(data: bytes, rng: np.random.Generator) -> bytes:
    array = np.load(io.BytesIO(data), allow_pickle=False)
    array = array.astype(array.dtype.newbyteorder("<>"[rng.integers(2)]))
    return npy(np.asfortranarray(array) if array.ndim and rng.random() < 0.5 else array)


# gzip -------------------------------------------------------------------------------------------


def inside_gzip(change: Mutator) -> Mutator:
    """A change of what a gzip file holds; the file is sound again."""

    def changed(data: bytes, rng: np.random.Generator) -> bytes:
        try:
            content = gzip.decompress(data)
        except Exception:  # another change came first
            return data
        return gzip.compress(change(content, rng), int(rng.integers(10)), mtime=0)

    changed.__name__ = f"gzip_{change.__name__}"
    return changed


# pickle -----------------------------------------------------------------------------------------


def edit_opcodes(data: bytes, rng: np.random.Generator) -> bytes:
    """Instructions are lost, doubled, moved, replaced, or name other things."""
    try:
        places = [position or 0 for _, _, position in pickletools.genops(data)]
    except Exception:  # another change came first
        return data
    parts = [data[a:b] for a, b in zip(places, [*places[1:], len(data)], strict=True)]
    for _ in range(int(rng.integers(1, 4))):
        i, j = (int(i) for i in rng.integers(len(parts), size=2))
        what = rng.integers(7)
        if what == 0:
            parts[i] = b""
        elif what == 1:
            parts[i] *= 2
        elif what == 2:
            parts[i], parts[j] = parts[j], parts[i]
        elif what == 3:
            parts[i] = _OPCODES[rng.integers(len(_OPCODES))] + parts[i][1:]
        elif what == 4:
            parts[i] += _OPCODES[rng.integers(len(_OPCODES))]
        elif what == 5:
            parts[i] = (
                _NAMES[rng.integers(len(_NAMES))] + (b"", b")R", b"(N.", b"\x85R")[rng.integers(4)]
            )
        else:
            parts[i] = parts[i][:1] + b"\xff" * (len(parts[i]) - 1)
    return b"".join(parts)


def same_pickle(data: bytes, rng: np.random.Generator) -> bytes:
    """The same content, pickled in another protocol, order of arrays, or by an older NumPy."""
    content = pickle.loads(data)  # our own seed
    for annotation in content["annotations"] if isinstance(content, dict) else ():
        for key in ("keypoint", "keypoint_score"):
            if key in annotation and rng.random() < 0.5:
                annotation[key] = np.asfortranarray(annotation[key])
        if "img_shape" in annotation and rng.random() < 0.5:
            annotation["img_shape"] = list(annotation["img_shape"])
    protocol = int(rng.integers(0, 6))
    data = pickle.dumps(content, protocol)
    if protocol < 4:
        data = data.replace(b"numpy._core.", b"numpy.core.")
    return pickletools.optimize(data) if rng.random() < 0.5 else data


# JSON -------------------------------------------------------------------------------------------


def edit_tree(data: bytes, rng: np.random.Generator) -> bytes:
    """A value somewhere becomes another one, is lost, or stands twice."""
    try:
        content = json.loads(data)
    except Exception:  # another change came first
        return data
    nodes = list(_nodes(content))
    if not nodes:
        return data
    parent, key = nodes[rng.integers(len(nodes))]
    what = rng.integers(4)
    if what == 0:
        del parent[key]
    elif what == 1 and isinstance(parent, list):
        parent.insert(key, parent[key])
    elif what == 2 and isinstance(parent, dict):
        parent[str(key) + "_"] = parent.pop(key)
    else:
        parent[key] = _JSON[rng.integers(len(_JSON))]
    return json.dumps(content).encode()


def _nodes(value: Any) -> Any:
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        yield value, key
        yield from _nodes(value[key])


def same_tree(data: bytes, rng: np.random.Generator) -> bytes:
    """The same content: keys in another order, other blanks, escapes."""
    return json.dumps(
        _shuffled(json.loads(data), rng),
        indent=(None, 1, "\t")[rng.integers(3)],
        separators=((",", ":"), (" , ", " : "))[rng.integers(2)],
        ensure_ascii=bool(rng.integers(2)),
    ).encode()


def _shuffled(value: Any, rng: np.random.Generator) -> Any:
    if isinstance(value, list):
        return [_shuffled(item, rng) for item in value]
    if not isinstance(value, dict):
        return value
    keys = list(value)
    return {keys[i]: _shuffled(value[keys[i]], rng) for i in rng.permutation(len(keys))}
