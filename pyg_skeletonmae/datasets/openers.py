"""Data sets that are opened by more than the call of a class, see :mod:`catalog`."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, cast

from pyg_skeletonmae.datasets.catalog import Place
from pyg_skeletonmae.datasets.sets.hrnet_poses import Diving48, FineGym
from pyg_skeletonmae.datasets.sets.pkummd import PKUMMD, PkuPolicy
from pyg_skeletonmae.datasets.sets.pkummd_files import Part, PkuProtocol
from pyg_skeletonmae.datasets.sets.pose_folder import PoseFolder
from pyg_skeletonmae.datasets.sets.pose_plan import LABELS
from pyg_skeletonmae.datasets.sets.pyskl import PysklDataset
from pyg_skeletonmae.datasets.sets.pyskl_clips import PysklOptions
from pyg_skeletonmae.datasets.sets.stgcn import StgcnDataset
from pyg_skeletonmae.datasets.sets.synthetic import SyntheticActions
from pyg_skeletonmae.datasets.sets.uiprmd import UIPRMD, LabelTarget
from pyg_skeletonmae.datasets.skeleton_dataset import SkeletonDataset
from pyg_skeletonmae.datasets.store import ClipStore, written_once
from pyg_skeletonmae.datasets.store.cached import StoreCache
from pyg_skeletonmae.datasets.store.clips import NanPolicy
from pyg_skeletonmae.files.names import portable
from pyg_skeletonmae.io.poses import PoseOptions

_POSE_OPTIONS = ("axes", "min_score", "image_size", "fps", "unit", "positions", "key")


def open_pkummd(
    place: Place, part: Part, policy: str = "mamp", protocol: PkuProtocol = "xsub"
) -> PKUMMD:
    """PKU-MMD with one more policy, ``"untrimmed"``: actions are not cut."""
    untrimmed = policy == "untrimmed"
    cut = cast(PkuPolicy, "mamp" if untrimmed else policy)  # which the class checks
    return PKUMMD(**place._asdict(), part=part, protocol=protocol, policy=cut, untrimmed=untrimmed)


def open_pyskl(place: Place, protocol: str | None = None, **options: Any) -> PysklDataset:
    """A pickle of pyskl; its stores are in its folder."""
    how = place._asdict()
    path = how.pop("root")
    return PysklDataset(
        path, path.parent, protocol=protocol, options=PysklOptions(**options), **how
    )


def open_finegym(place: Place, **options: Any) -> FineGym:
    """FineGym, with what its scores are."""
    return FineGym(**place._asdict(), options=PysklOptions(**options))


def open_diving48(place: Place, **options: Any) -> Diving48:
    """Diving48, with what its scores are."""
    return Diving48(**place._asdict(), options=PysklOptions(**options))


def open_stgcn(place: Place, skeleton: str | None = None) -> StgcnDataset:
    """The arrays of ST-GCN and 2s-AGCN, which one process reads."""
    how = place._asdict()
    del how["workers"]
    return StgcnDataset(**how, skeleton=skeleton)


def open_uiprmd(place: Place, target: LabelTarget = "movement") -> UIPRMD:
    """UI-PRMD, which one process reads in a second."""
    return UIPRMD(
        place.root,
        target,
        processed_root=place.processed_root,
        force_reload=place.force_reload,
    )


def open_synthetic(place: Place, **settings: Any) -> SyntheticActions:
    """Made-up clips, in a temporary store unless the place is to hold it."""
    return SyntheticActions(**settings, root=place.processed_root)


def open_poses(place: Place, **settings: Any) -> PoseFolder:
    """A folder of poses, with labels if there is a table of them."""
    return PoseFolder(**place._asdict(), **pose_settings(place.root, **settings))


def pose_settings(root: Path, labels: str | None = None, **settings: Any) -> dict[str, Any]:
    """Options of one level as the arguments of :class:`PoseFolder`."""
    if labels is None and (root / LABELS).is_file():
        labels = LABELS
    given = {key: settings.pop(key) for key in _POSE_OPTIONS if key in settings}
    return {"labels": labels, "options": PoseOptions(**given), **settings}


def open_npz(place: Place, nan: NanPolicy = "error") -> SkeletonDataset:
    """A packed file as a store, kept under a name that changes with the file and the policy."""
    path = place.root
    stat = path.stat() if path.is_file() else None
    told = (str(path.resolve()), stat and (stat.st_size, stat.st_mtime_ns), nan)
    name = f"{path.stem}-{hashlib.sha256(repr(told).encode()).hexdigest()[:10]}"
    root = (place.processed_root or path.parent / "processed") / portable(name)
    again = place.force_reload

    def write() -> None:
        SkeletonDataset.from_npz(path, root, nan=nan, overwrite=again)

    written_once(root, write, again)
    return SkeletonDataset(root)


def open_store(
    place: Place, store_cache: str | None = None, store_cache_gb: float | None = None
) -> SkeletonDataset:
    """What :class:`SkeletonDataset` wrote, in a folder or in object storage."""
    return SkeletonDataset(ClipStore(place.root, StoreCache(store_cache, store_cache_gb)))
