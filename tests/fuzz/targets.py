"""The readers under test: their valid files, what to do to these, and what must come out."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fuzz import formats, mutators, plain, seeds
from fuzz.mutators import BYTES, SAME_TEXT, TEXT, Mutator
from pyg_skeletonmae import io
from pyg_skeletonmae.datasets.store import ClipStore
from pyg_skeletonmae.errors import SkeletonError, SkeletonFormatError
from pyg_skeletonmae.io.poses import PoseTracks
from pyg_skeletonmae.skeleton import Skeleton

_KINDS = "iufbU"


class Format(NamedTuple):
    """How files of one kind can change.

    Args:
        damage: Changes that may make the file mean something else, or nothing.
        same: Changes that do not.
    """

    damage: tuple[Mutator, ...]
    same: tuple[Mutator, ...]


class Target(NamedTuple):
    """A reader.

    Args:
        seeds: Its valid files.
        read: Reads those in a folder.
        formats: The format of files by the ends of their names.
        plain: Whether the plainest reader agrees with what was read; None if there is none.
        refusals: What it may raise.
    """

    seeds: Callable[[], list[seeds.Files]]
    read: Callable[[Path], object]
    formats: Mapping[str, Format]
    plain: Callable[[Path, Any], bool] | None = None
    refusals: tuple[type[Exception], ...] = (SkeletonFormatError,)


_NUMBERS = (*SAME_TEXT, mutators.decimals, mutators.trailing_blanks)
_TABLE = Format(TEXT, (*_NUMBERS, mutators.wider_blanks))
_CSV = Format(TEXT, (*SAME_TEXT, mutators.decimals))
_NAMES = Format(TEXT, (*SAME_TEXT, mutators.trailing_blanks))
_JSON = Format(
    (*TEXT, *[formats.edit_tree] * 6),
    (formats.same_tree, formats.same_tree, mutators.decimals, *SAME_TEXT),
)
_ZIP = (*BYTES, *[formats.edit_member] * 6, *[formats.edit_archive] * 3)
_NPZ = Format(_ZIP, (formats.same_archive,))
_NPY = Format((*BYTES, *[formats.edit_header] * 5), (formats.same_header,))
_PICKLE = Format((*BYTES, *[formats.edit_opcodes] * 7), (formats.same_pickle,))
_YAML = Format(TEXT, SAME_TEXT)
_GZIP = Format(
    (*BYTES, *map(formats.inside_gzip, TEXT)), tuple(map(formats.inside_gzip, _CSV.same))
)


def _one(name: str, read: Callable[..., Any]) -> Callable[..., Any]:
    return lambda folder, *value: read(folder / name, *value)


def _read_xy(path: Path) -> object:
    with io.XYFile(path) as file:
        return file.num_classes, file.labels, [list(file.clips(side)) for side in ("train", "test")]


def _read_npz(path: Path) -> object:
    with io.NpzFile(path) as file:
        arrays = {}
        for key in file.keys:
            axes = len(file.header(key).shape)
            arrays[key] = file.array(key, _KINDS, axes)
            rows = list(file.rows(key, _KINDS, axes)) if axes else []
            if rows and flat(np.stack(rows)) != flat(arrays[key]):
                raise AssertionError(f"{key}: the rows differ from the array")
        return arrays


def _read_stgcn(folder: Path) -> object:
    file = io.StgcnFile(folder / "a.npy", folder / "a.pkl", seeds.STICK)
    return list(file.clips()), file.dropped


def _read_packed(path: Path) -> object:
    packed = io.read_packed(path)
    skeleton = packed.skeleton("packed")
    clips = [(packed.pos(i), packed.present(i)) for i in range(len(packed))]
    return packed, skeleton, clips


def _read_store(folder: Path) -> object:
    store = ClipStore.open(folder)
    clips = [store.clip(i) for i in range(len(store))]
    store.verify()
    return store.skeleton, clips, store.class_names


TARGETS: dict[str, Target] = {
    "ntu": Target(
        seeds.ntu, _one(seeds.NTU_FILE, io.read_ntu), {"": _TABLE}, _one(seeds.NTU_FILE, plain.ntu)
    ),
    "pku": Target(seeds.pku, _one("a.txt", io.read_pku), {"": _TABLE}, _one("a.txt", plain.pku)),
    "pku_labels": Target(
        seeds.pku_labels, _one("a.txt", io.read_pku_labels), {"": _NAMES},
        _one("a.txt", plain.pku_labels),
    ),
    "pku_split": Target(seeds.pku_split, _one("s.txt", io.read_pku_split), {"": _NAMES}),
    "pyskl": Target(
        seeds.pyskl, _one("a.pkl", io.read_pyskl), {"": _PICKLE}, _one("a.pkl", plain.pyskl)
    ),
    "packed": Target(
        seeds.packed, _one("a.npz", _read_packed), {"": _NPZ}, _one("a.npz", plain.packed)
    ),
    "xy": Target(seeds.xy, _one("a.npz", _read_xy), {"": _NPZ}, _one("a.npz", plain.xy)),
    "stgcn": Target(seeds.stgcn, _read_stgcn, {".npy": _NPY, ".pkl": _PICKLE}),
    "npz": Target(seeds.packed, _one("a.npz", _read_npz), {"": _NPZ}, _one("a.npz", plain.npz)),
    "openpose": Target(seeds.openpose, io.read_openpose, {"": _JSON}, plain.openpose),
    "coco": Target(seeds.coco, _one("a.json", io.read_coco_keypoints), {"": _JSON}),
    "mediapipe_csv": Target(seeds.mediapipe_csv, _one("a.csv", io.read_mediapipe), {"": _CSV}),
    "landmark_table": Target(
        seeds.landmark_table, _one("a.csv", lambda path: io.read_landmark_table(path, seeds.STICK)),
        {"": _CSV},
    ),
    "mediapipe_npy": Target(
        seeds.mediapipe_npy, _one("a.npy", io.read_mediapipe), {"": _NPY},
        _one("a.npy", plain.mediapipe_npy),
    ),
    "arrays": Target(
        seeds.arrays,
        lambda folder: io.read_arrays(next(folder.glob("a.np?")), seeds.STICK, axes="MTVC"),
        {".npy": _NPY, "": _NPZ},
        lambda folder, poses: plain.arrays(next(folder.glob("a.np?")), poses),
    ),
    "labels": Target(seeds.labels, _one("a.csv", io.read_label_csv), {"": _NAMES}),
    "deeplabcut": Target(
        seeds.deeplabcut, _one("a.csv", lambda path: io.read_deeplabcut(path, seeds.STICK)),
        {"": _CSV},
    ),
    "bvh": Target(seeds.bvh, _one("a.bvh", io.read_bvh), {"": _TABLE}),
    "mmpose": Target(seeds.mmpose, _one("a.json", io.read_mmpose), {"": _JSON}),
    "kinetics": Target(seeds.kinetics, _one("a.json", io.read_kinetics), {"": _JSON}),
    "yolo": Target(seeds.yolo, io.read_yolo_pose, {"": _TABLE}),
    "yolo_json": Target(seeds.yolo_json, _one("a.json", io.read_yolo_pose), {"": _JSON}),
    "mediapipe_json": Target(
        seeds.mediapipe_json, _one("a.json", io.read_mediapipe_json), {"": _JSON}
    ),
    "trc": Target(
        seeds.trc, _one("a.trc", lambda path: io.read_trc(path, seeds.STICK)), {"": _CSV}
    ),
    "c3d": Target(
        seeds.c3d, _one("a.c3d", lambda path: io.read_c3d(path, seeds.STICK)),
        {"": Format(BYTES, (lambda data, rng: data + bytes(int(rng.integers(600))),))},
    ),
    "skeleton": Target(
        seeds.skeleton_yaml, _one("a.yaml", Skeleton.from_yaml), {"": _YAML},
        refusals=(SkeletonError,),
    ),
    "store": Target(
        seeds.store, _read_store,
        {".npy": Format(_NPY.damage, _NPY.same), ".npz": _NPZ, ".yaml": _YAML, ".json": _JSON},
        refusals=(SkeletonFormatError, SkeletonError),
    ),
    "uiprmd": Target(
        seeds.uiprmd, lambda folder: list(io.read_recordings(folder)), {".gz": _GZIP, "": _CSV}
    ),
}  # fmt: skip
if importlib.util.find_spec("h5py"):
    from fuzz import hdf5

    TARGETS["sleap"] = Target(
        seeds.sleap,
        _one("a.h5", io.read_sleap),
        {"": Format((*BYTES, *[hdf5.edit] * 7), (hdf5.same,))},
    )


def fault(value: object) -> str | None:
    """What no reader may give, whatever its file says; None if there is nothing of the kind."""
    if isinstance(value, PoseTracks):
        pos, valid = value.pos, value.valid
        if pos.dtype != np.float32 or pos.shape[:3] != valid.shape or valid.dtype != np.bool_:
            return f"pos {pos.dtype} {pos.shape}, valid {valid.dtype} {valid.shape}"
        if pos.shape[2] != value.skeleton.num_joints or pos[~valid].any():
            return "joints that do not fit the skeleton, or missing ones that are not zero"
        return None if np.isfinite(pos).all() else "coordinates that are not finite"
    return None


def flat(value: Any) -> Any:
    """A value as nested tuples that are equal if and only if the values are."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, np.ascontiguousarray(value).tobytes()
    if isinstance(value, Skeleton):
        return flat(value.to_dict())
    if isinstance(value, Path):
        return value.name
    if isinstance(value, Mapping):
        return tuple(sorted((repr(key), flat(item)) for key, item in value.items()))
    if isinstance(value, tuple | list):
        return tuple(map(flat, value))
    if hasattr(value, "__dataclass_fields__"):
        return tuple(flat(getattr(value, name)) for name in value.__dataclass_fields__)
    return type(value).__name__, repr(value)
