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
HELD_OUT = "held-out, 5 labels a class"
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


def bandai_namco(data: Path, folder: Path, seeds: Sequence[int], held_out: bool = False) -> OpenSet:
    """The data set as a store with its halves, and files of labelled clips.

    Within each class the clips of even places, in the order of their names, are the training half.
    ``joint_Root`` lies on the floor and does not move with the body: it is left out. Left and right
    are told apart by classes, so that nothing is mirrored.

    Args:
        data: The folder of all data sets.
        folder: Where the store and the files of labels are written.
        seeds: Of the draws.
        held_out: Where choices are made: the training half alone, halved once more in the same way.

    Raises:
        SystemExit: The packed file is not there; it says where it can be had.
    """
    path = data / PACKED
    if not path.is_file():
        raise SystemExit(_WHERE.format(path=path))
    packed = read_packed(path)
    train = halves(packed)
    clips = np.flatnonzero(train) if held_out else np.arange(len(packed))
    if held_out:
        train = halves(packed, train)
    if not (folder / "store").exists():
        skeleton = packed.skeleton("bandai_namco")
        columns = {"half": np.where(train, "train", "test").tolist(), **packed.extra}
        SkeletonDataset.from_arrays(
            (packed.pos(number)[:, :, 1:] for number in clips.tolist()),
            packed.label[clips],
            skeleton.subset(skeleton.joints[1:]),
            root=folder / "store",
            subjects=packed.subject[clips],
            names=[packed.names[number] for number in clips],
            class_names=packed.class_names,
            columns={
                name: [column[number] for number in clips] for name, column in columns.items()
            },
        )
    for seed in seeds:
        for count in (1, 5):
            names = [packed.names[number] for number in draw(packed, train, count, seed)]
            write_labels(_file(folder, count, seed), names)
    settings = ("--data.name=store", f"--data.path={folder / 'store'}", "--data.split_by=half")
    sides = ("--data.train_values=[train]", "--data.test_values=[test]")
    split = "halves of the training half" if held_out else "halves"
    return OpenSet(
        "Bandai-Namco 70 classes",
        (*settings, *sides, "--data.flip=0"),
        {name: _protocol(name, split, folder) for name in ((HELD_OUT,) if held_out else PROTOCOLS)},
        ("--trainer.max_clips=24000",) if held_out else (),
    )


def halves(packed: Packed, among: np.ndarray | None = None) -> np.ndarray:
    """Whether a clip is of the training half, ``[N]``.

    Args:
        packed: The clips.
        among: Which of them are halved, ``[N]``, bool; none: all.
    """
    if packed.label is None:
        raise DataError("the packed file has no labels")
    train = np.zeros(len(packed), bool)
    for label in np.unique(packed.label):
        own = _of_class(packed, label)
        train[[number for number in own if among is None or among[number]][::2]] = True
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
def _protocol(name: str, split: str, folder: Path) -> Protocol:
    if name == "all labels":
        return Protocol(split)
    count = int(name.removeprefix("held-out, ").split()[0])

    def settings(seed: int) -> Settings:
        return (f"--data.label_file={_file(folder, count, seed)}",)

    return Protocol(split, settings, draws=True, clips=_FEW, probe=("--l2=0.01",))


def _file(folder: Path, count: int, seed: int) -> Path:
    return folder / f"labels-{count}-{seed}.txt"
