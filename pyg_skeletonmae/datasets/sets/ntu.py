"""NTU RGB+D 60 and 120: everyday actions of one or two persons, seen by three Kinects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar, get_args

from pyg_skeletonmae.datasets.conversion import Filter, Transform
from pyg_skeletonmae.datasets.prepare import ClipInfo, prepare_store, prepared
from pyg_skeletonmae.datasets.sets.ntu_incomplete import (
    fetch_incomplete,
    incomplete_note,
    read_incomplete,
)
from pyg_skeletonmae.datasets.sets.ntu_protocols import (
    SPLIT_SIZES,
    Protocol,
    Version,
    check_protocol,
    check_split_sizes,
    is_training,
)
from pyg_skeletonmae.datasets.skeleton_dataset import SkeletonDataset
from pyg_skeletonmae.datasets.store.clips import Clip
from pyg_skeletonmae.errors import DataError, SkeletonFormatError, check_choice
from pyg_skeletonmae.io.ntu import NtuClip, parse_name, read_ntu
from pyg_skeletonmae.io.ntu_policies import Persons, all_bodies, ctrgcn, pyskl
from pyg_skeletonmae.io.scan import scan
from pyg_skeletonmae.skeleton.layouts import NTU25

Policy = Literal["ctrgcn", "pyskl", "none"]
Self = TypeVar("Self", bound="NTURGBD")
POLICIES: dict[str, Callable[[NtuClip], Persons]] = {
    "ctrgcn": ctrgcn,
    "pyskl": pyskl,
    "none": all_bodies,
}
FOLDERS = ("nturgb+d_skeletons", "nturgb+d_skeletons120")
FETCH, LISTED = "fetch", "on the owners' list of incomplete clips"


class NTURGBD(SkeletonDataset):
    r"""NTU RGB+D 60 and 120, 25 joints in metres.

    From `"NTU RGB+D: A Large Scale Dataset for 3D Human Activity Analysis"
    <https://arxiv.org/abs/1604.02808>`_ (Shahroudy et al., CVPR 2016) and `"NTU RGB+D 120"
    <https://arxiv.org/abs/1905.04757>`_ (Liu et al., TPAMI 2019). For research only, from its
    owners under their agreement: this class reads their files and never fetches them.

    The ``.skeleton`` files are looked for in ``root``, in the owners' folders
    ``nturgb+d_skeletons`` and ``nturgb+d_skeletons120`` below it, and in ``root/raw``. The store is
    written once, into ``root/processed/ntu60-ctrgcn`` and so on, and holds all clips;
    :meth:`official_split` divides them. It has the further columns ``setup``, ``camera`` and
    ``replication``. The card lists the clips that were left out, with reasons.

    Args:
        root: The folder with the files.
        version: 60 or 120; of the files of 120, 60 takes those of actions 1 to 60.
        protocol: The official split: ``"xsub"``, ``"xview"`` (60) or ``"xset"`` (120).
        policy: Which bodies are persons, see :mod:`pyg_skeletonmae.io.ntu_policies`: as in CTR-GCN
            and MAMP (centred), as in pyskl, or all of them (``"none"``).
        transform: Applied to a clip at every access.
        pre_transform: Applied to every clip once, see :class:`SkeletonDataset`.
        pre_filter: Chooses clips once, see :class:`SkeletonDataset`.
        force_reload: Read the files again.
        incomplete: The owners' list of clips whose skeletons are missing or incomplete, which the
            published numbers leave out: a file, or ``"fetch"`` to get it once from the owners'
            repository into ``root``; None = keep those clips. The card says which was done.
        processed_root: The folder for the stores; None = ``root/processed``.
        workers: How many processes read the files; 0 = this one.

    Raises:
        ConfigError: Version, protocol or policy are none, or do not fit.
        DataError: There are no files, no clip is left, or the list cannot be fetched.
        SkeletonFormatError: The list is not the owners'.

    **STATS** (without the incomplete clips):

    .. list-table::
        :widths: 12 10 10 10 12 20 20
        :header-rows: 1

        * - version
          - #clips
          - #classes
          - #subjects
          - #joints
          - xsub train / test
          - xview or xset train / test
        * - 60
          - 56,578
          - 60
          - 40
          - 25
          - 40,091 / 16,487
          - 37,646 / 18,932
        * - 120
          - 113,945
          - 120
          - 106
          - 25
          - 63,026 / 50,919
          - 54,468 / 59,477
    """

    def __init__(
        self,
        root: str | Path,
        version: Version = 60,
        protocol: Protocol = "xsub",
        policy: Policy = "ctrgcn",
        transform: Transform | None = None,
        pre_transform: Transform | None = None,
        pre_filter: Filter | None = None,
        force_reload: bool = False,
        *,
        incomplete: str | Path | None = None,
        processed_root: str | Path | None = None,
        workers: int = 0,
    ) -> None:
        check_protocol(version, protocol)
        check_choice("policy", policy, get_args(Policy))
        root, self.version, self.protocol = Path(root), version, protocol
        # Stores with and without the incomplete clips must not be taken for each other.
        tail = "" if incomplete is None else "-complete"
        folder = Path(processed_root or root / "processed") / f"ntu{version}-{policy}{tail}"
        if force_reload or not prepared(folder):
            owners_list = fetch_incomplete(root, version) if incomplete == FETCH else incomplete
            _process(
                root,
                folder,
                version,
                policy,
                owners_list=owners_list,
                workers=workers,
                overwrite=force_reload,
            )
        super().__init__(folder, transform, pre_transform, pre_filter, force_reload)

    def official_split(self: Self) -> tuple[Self, Self]:
        """The training and the test side of the protocol, as views.

        Raises:
            DataError: A side is empty, or the data set is complete and the sizes of the two are
                not the official ones.
        """
        train, test = self.split(
            lambda name: is_training(parse_name(name), self.version, self.protocol), train=[True]
        )
        check_split_sizes(self.version, self.protocol, len(train), len(test))
        return train, test


@dataclass(frozen=True)
class NtuReader:
    """Reads a file as the one clip it is.

    Args:
        policy: Which bodies are persons.
    """

    policy: Policy

    def __call__(self, path: Path) -> list[Clip]:
        """The clip of a file.

        Raises:
            DataError: The policy cannot use it.
            SkeletonFormatError: It is damaged.
        """
        persons, name = POLICIES[self.policy](read_ntu(path)), parse_name(path)
        extra = {"setup": name.setup, "camera": name.camera, "replication": name.replication}
        return [Clip(persons.pos, name.action - 1, name.performer, path.stem, persons.valid, extra)]


def _process(
    root: Path,
    folder: Path,
    version: Version,
    policy: Policy,
    *,
    owners_list: str | Path | None,
    workers: int,
    overwrite: bool,
) -> None:
    files, notes = _files(root)
    paths, odd = [], []
    for path in files:
        try:
            if parse_name(path).action <= version:
                paths.append(path)
        except SkeletonFormatError:
            odd.append(path.stem)
    if not paths:
        raise DataError(f"{root}: no .skeleton file of NTU RGB+D {version}, here or in {FOLDERS}")
    incomplete = frozenset[str]() if owners_list is None else read_incomplete(owners_list)
    prepare_store(
        folder,
        [path for path in paths if path.stem not in incomplete],
        NtuReader(policy),
        NTU25,
        [f"A{action:03}" for action in range(1, version + 1)],
        name=lambda path: path.stem,
        source=f"NTU RGB+D {version}, {len(paths)} files",
        policy=policy,
        inputs=[] if owners_list is None else [Path(owners_list)],
        fps=30.0,
        all_tracks=True,  # the policy says who is a person
        unit="m",
        dropped=[
            *((name, "its name is no clip of NTU RGB+D") for name in odd),
            *((path.stem, LISTED) for path in paths if path.stem in incomplete),
        ],
        notes=[incomplete_note(version, None if owners_list is None else len(incomplete)), *notes],
        splits=_splits(version),
        workers=workers,
        progress=True,
        overwrite=overwrite,
    )


def _splits(version: Version) -> dict[str, Callable[[ClipInfo], bool]]:
    """Both sides of each official protocol."""

    def side(protocol: str, train: bool) -> Callable[[ClipInfo], bool]:
        return lambda clip: is_training(parse_name(clip.name), version, protocol) == train

    protocols = [protocol for number, protocol in SPLIT_SIZES if number == version]
    return {
        f"{protocol} {name}": side(protocol, name == "train")
        for protocol in protocols
        for name in ("train", "test")
    }


def _files(root: Path) -> tuple[list[Path], list[str]]:
    """The files in order of name; of a name that stands in several folders, the first. And notes
    on what else lies there."""
    files: dict[str, Path] = {}
    notes: list[str] = []
    for parent in (root, root / "raw"):
        for folder in (parent, *(parent / name for name in FOLDERS)):
            here = scan(folder, (".skeleton",), deep=False)
            notes += here.notes
            for path in here.files:
                files.setdefault(path.name, path)
    return [files[name] for name in sorted(files)], notes
