from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tables.bandai_namco_runs import HELD_OUT, PACKED, PROTOCOLS, bandai_namco, draw, halves

from pyg_skeletonmae.commands.data_clips import open_dataset, split
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.datasets.label_subsets import read_labels
from pyg_skeletonmae.io.packed import Packed, read_packed, write_packed

JOINTS, PARENTS = ("joint_Root", "Hips", "Spine", "Head"), (-1, 0, 1, 2)
CLASSES, EACH = 3, 14


def packed(order: np.ndarray) -> Packed:
    """Three classes of fourteen clips of four frames, in any order."""
    generator = np.random.default_rng(0)
    label = np.repeat(np.arange(CLASSES), EACH)
    names = [f"class {number // EACH} clip {number % EACH:03d}" for number in range(len(label))]
    return Packed(
        joints=generator.integers(-900, 900, (4 * len(label), 4, 3)).astype(np.int16),
        scale=0.0002,
        offset=4 * np.arange(len(label) + 1),
        subject=np.ones(len(label), np.int64),
        names=tuple(names[i] for i in order),
        joint_names=JOINTS,
        parents=PARENTS,
        label=label[order],
        class_names=("a", "b", "c"),
        extra={"content": label[order]},
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "bandai_namco").mkdir()
    order = np.random.default_rng(1).permutation(CLASSES * EACH)
    write_packed(tmp_path / PACKED, packed(order))
    return tmp_path


def test_halves_are_even_and_odd_places_by_name_in_each_class(data):
    content = read_packed(data / PACKED)
    train = halves(content)
    assert train.sum() == CLASSES * EACH // 2
    assert [int(name[-3:]) % 2 == 0 for name in content.names] == train.tolist()


def test_one_generator_draws_for_all_classes_in_their_order(data):
    content = read_packed(data / PACKED)
    generator = np.random.default_rng(2)
    names = [
        [f"class {c} clip {i:03d}" for i in generator.permutation(range(0, EACH, 2))[:5]]
        for c in range(CLASSES)
    ]
    drawn = draw(content, halves(content), 5, seed=2)
    assert [content.names[number] for number in drawn] == [name for own in names for name in own]


def test_the_store_has_no_joint_on_the_floor_and_runs_see_the_halves(data, tmp_path):
    folder = tmp_path / "out"
    name = "5 labels a class"
    for _ in range(2):  # the second time everything is there
        opened = bandai_namco(data, folder, seeds=[0, 3])
    assert tuple(opened.protocols) == PROTOCOLS
    few, every = (
        list(opened.runs("frozen", ["coordinates"], [name], [0])) for name in PROTOCOLS[1:]
    )
    assert ["--l2=0.01" in run.command for run in (*few, *every)] == [True] * 3 + [False] * 3
    settings = [*opened.settings, *opened.protocols[name].settings(3)]
    file = next(s.partition("=")[2] for s in settings if "label_file" in s)
    config = DataConfig(
        name="store",
        path=str(folder / "store"),
        split_by="half",
        train_values=["train"],
        test_values=["test"],
        label_file=file,
    )
    sides = split(open_dataset(config), config)
    assert sides.train.skeleton.joints == JOINTS[1:]
    assert (len(sides.train), len(sides.labelled), len(sides.test)) == (21, 15, 21)
    assert sorted(read_labels(file)) == sorted(
        sides.labelled.store.names[i] for i in sides.labelled.indices()
    )


def test_choices_are_made_on_the_training_half_alone(data, tmp_path):
    content = read_packed(data / PACKED)
    train, quarter = halves(content), halves(content, halves(content))
    opened = bandai_namco(data, tmp_path / "out", seeds=[0], held_out=True)
    store = SkeletonDataset(tmp_path / "out" / "store").store
    there = {name for name, own in zip(content.names, train, strict=True) if own}
    assert set(store.names) == there and quarter.sum() == 12 and (train | ~quarter).all()
    run = next(opened.runs("frozen", ["coordinates"], [HELD_OUT], [0]))
    assert run.row["protocol"] == HELD_OUT and "--l2=0.01" in run.command
    assert opened.pretraining == ("--trainer.max_clips=24000",)


def test_without_the_file_it_is_said_where_it_can_be_had(tmp_path):
    with pytest.raises(SystemExit, match=r"CC BY-NC[^$]*git clone"):
        bandai_namco(tmp_path, tmp_path / "out", [0])
    assert not (tmp_path / "out").exists()
