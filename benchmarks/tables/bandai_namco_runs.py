"""The runs of Bandai-Namco-Research-Motiondataset-2: 70 classes, of few labelled clips each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.datasets.label_subsets import write_labels
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.io.packed import Packed, read_packed
from tables.open_sets import OpenSet, Protocol
from tables.protocols import Settings

PACKED = "bandai_namco/bandai_namco2.npz"
PROTOCOLS = ("1 label a class", "5 labels a class", "all labels")
_WHERE = """{path} is not there.
Bandai-Namco-Research-Motiondataset-2 (CC BY-NC 4.0: no commercial use) is had from its owner by
    git clone https://github.com/BandaiNamcoResearchInc/Bandai-Namco-Research-Motiondataset
and packed by
    python benchmarks/bandai_namco.py --pack Bandai-Namco-Research-Motiondataset/dataset
with $SKELETONMAE_DATA naming the folder that holds bandai_namco/."""
# With few clips fewer steps; classifiers see as many clips as on UI-PRMD with few labels.
_FEW = dict.fromkeys(
    ("joints_mlp_small", "strl_small", "st_gcn_small", "graph_temporal_mlp_small"), 10000
)


def bandai_namco(data: Path, folder: Path, seeds: Sequence[int]) -> OpenSet:
    """The data set as a store with its halves, and files of labelled clips.

    Within each class the clips of even places, in the order of their names, are the training half.
    ``joint_Root`` lies on the floor and does not move with the body: it is left out. Left and right
    are told apart by classes, so that nothing is mirrored.

    Args:
        data: The folder of all data sets.
        folder: Where the store and the files of labels are written.
        seeds: Of the draws.

    Raises:
        SystemExit: The packed file is not there; it says where it can be had.
    """
    path = data / PACKED
    if not path.is_file():
        raise SystemExit(_WHERE.format(path=path))
    packed = read_packed(path)
    train = halves(packed)
    if not (folder / "store").exists():
        skeleton = packed.skeleton("bandai_namco")
        SkeletonDataset.from_arrays(
            (packed.pos(number)[:, :, 1:] for number in range(len(packed))),
            packed.label,
            skeleton.subset(skeleton.joints[1:]),
            root=folder / "store",
            subjects=packed.subject,
            names=packed.names,
            class_names=packed.class_names,
            columns={"half": np.where(train, "train", "test").tolist(), **packed.extra},
        )
    for seed in seeds:
        for count in (1, 5):
            names = [packed.names[number] for number in draw(packed, train, count, seed)]
            write_labels(_file(folder, count, seed), names)
    settings = ("--data.name=store", f"--data.path={folder / 'store'}", "--data.split_by=half")
    sides = ("--data.train_values=[train]", "--data.test_values=[test]")
    return OpenSet(
        "Bandai-Namco 70 classes",
        (*settings, *sides, "--data.flip=0"),
        {name: _protocol(name, folder) for name in PROTOCOLS},
    )


def halves(packed: Packed) -> np.ndarray:
    """Whether a clip is of the training half, ``[N]``."""
    if packed.label is None:
        raise DataError("the packed file has no labels")
    train = np.zeros(len(packed), bool)
    for label in np.unique(packed.label):
        train[_of_class(packed, label)[::2]] = True
    return train


def draw(packed: Packed, train: np.ndarray, count: int, seed: int) -> list[int]:
    """``count`` clips of the training half of each class, one generator for all classes."""
    generator = np.random.default_rng(seed)
    drawn: list[int] = []
    for label in np.unique(packed.label):
        own = [number for number in _of_class(packed, label) if train[number]]
        drawn += generator.permutation(own)[:count].tolist()
    return drawn


def _of_class(packed: Packed, label: int) -> list[int]:
    """The clips of a class in the order of their names."""
    assert packed.label is not None
    return sorted(np.flatnonzero(packed.label == label).tolist(), key=packed.names.__getitem__)


# Nothing can be chosen with one clip of a class, and with five it takes ten minutes: the penalty is
# that of the data's description, fixed in advance.
def _protocol(name: str, folder: Path) -> Protocol:
    if name == "all labels":
        return Protocol("halves")
    count = int(name.split()[0])

    def settings(seed: int) -> Settings:
        return (f"--data.label_file={_file(folder, count, seed)}",)

    return Protocol("halves", settings, draws=True, clips=_FEW, probe=("--l2=0.01",))


def _file(folder: Path, count: int, seed: int) -> Path:
    return folder / f"labels-{count}-{seed}.txt"
