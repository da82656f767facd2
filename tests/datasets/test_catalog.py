import importlib
import inspect
from dataclasses import fields
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from ntu_helpers import person, write_skeleton
from pyskl_helpers import save_athletes

from pyg_skeletonmae import datasets
from pyg_skeletonmae.commands import prepare
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.datasets.catalog import CATALOG, Place, entry
from pyg_skeletonmae.errors import ConfigError, DataError


def opened(name, root, **options):
    return entry(name).open(Place(root), **options)


@pytest.mark.parametrize(
    ("name", "kind", "file", "second"),
    [
        ("finegym", "FineGym", "gym_hrnet.pkl", "val"),
        ("diving48", "Diving48", "diving48_hrnet.pkl", "test"),
    ],
)
def test_athletes(tmp_path, name, kind, file, second):
    save_athletes(tmp_path / file, second, 48)
    data = opened(name, tmp_path)
    assert repr(data) == f"{kind}(6)"
    train, test = data.official_split()
    assert len(train) == len(test) == 3
    with pytest.raises(ConfigError, match=f"protocol: means nothing for {kind}"):
        opened(name, tmp_path, protocol="xsub")


def test_ntu(tmp_path):
    for name in ("S001C001P001R001A001", "S003C003P003R001A060", "S002C002P002R001A060"):
        write_skeleton(tmp_path, {5: (0, person(14))}, 14, name)
    data = opened("ntu60", tmp_path, protocol="xview", policy="none")
    assert data.store.root.name == "ntu60-none"
    assert [side.subjects.tolist() for side in data.official_split()] == [[2, 3], [1]]
    data = opened("ntu120", tmp_path, protocol="xset")
    assert [side.subjects.tolist() for side in data.official_split()] == [[2], [1, 3]]
    (tmp_path / "list.txt").write_text("S002C002P002R001A060\n")
    assert len(opened("ntu60", tmp_path, incomplete=str(tmp_path / "list.txt"))) == 2


def test_pkummd(tmp_path):
    with pytest.raises(DataError, match="no recording of PKU-MMD 2"):
        opened("pkummd2", tmp_path, protocol="xview", policy="none")
    with pytest.raises(ConfigError, match="incomplete: means nothing for PKU-MMD I"):
        opened("pkummd1", tmp_path, incomplete="x")


def test_names(tmp_path):
    assert entry("ntu60").folder == entry("ntu120").folder == "ntu"
    with pytest.raises(ConfigError, match=r"data\.name 'ntu': expected one of ntu60, ntu120"):
        opened("ntu", tmp_path)


@pytest.mark.parametrize("name", CATALOG)
def test_a_line_of_the_list(name):
    """Class and opener are there, the class is public, and takes what the name stands for."""
    data = CATALOG[name]
    for path in filter(None, (data.cls, data.opener)):
        module, _, attribute = f"pyg_skeletonmae.datasets.{path}".rpartition(".")
        assert callable(getattr(importlib.import_module(module), attribute))
    cls = getattr(datasets, data.cls.rpartition(".")[2])
    assert issubclass(cls, SkeletonDataset)
    own = cls.official_split is not SkeletonDataset.official_split
    assert own == data.official and (data.folder is None or data.path == "folder")
    takes = set(inspect.signature(cls).parameters)
    assert set(data.fixed) <= takes
    if data.opener is None:
        assert {*Place._fields, *data.options} <= takes


def test_all_who_name_data_sets_follow_the_list():
    assert get_args(get_type_hints(DataConfig)["name"]) == tuple(CATALOG)
    assert set(prepare.NAMES) < set(CATALOG)
    settings = {field.name for field in fields(DataConfig)}
    known = settings | set(inspect.signature(prepare.prepare).parameters) | {"seed"}
    for data in CATALOG.values():
        assert set(data.options) <= known


def test_the_table_in_the_documentation_is_the_list():
    text = (Path(__file__).parents[2] / "docs/data.md").read_text(encoding="utf-8")
    rows = text.partition("| `--data.name` |")[2].partition("\n\n")[0].splitlines()[2:]
    settings = {field.name for field in fields(DataConfig)}
    for row, (name, data) in zip(rows, CATALOG.items(), strict=True):
        path = {"nothing": ""}.get(data.path, data.path) if data.folder is None else data.folder
        cells = [f"`{name}`", data.title, f"`{data.cls.rpartition('.')[2]}`", path]
        cells += [", ".join(f"`{key}`" for key in data.options if key in settings)]
        cells += [", ".join(data.splits)]
        assert [cell.strip() for cell in row.strip("|").split("|")] == cells
