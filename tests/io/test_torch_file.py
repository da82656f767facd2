from __future__ import annotations

import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.io.torch_file import read_torch_file

CONTENT: dict[str, Any] = {
    "weights": {"a": torch.arange(6.0).view(2, 3).t(), "half": torch.ones(2, dtype=torch.bfloat16)},
    "state": OrderedDict(nn.Linear(2, 3).state_dict()),
    "parameter": nn.Parameter(torch.ones(3)),
    "plain": [1, 2.5, None, True, ("x", torch.Size([1, 2]))],
}


class Thing:
    """An object of a class that a caller may allow."""

    def __init__(self) -> None:
        self.value = 3


def save(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def test_what_torch_saves_is_read(tmp_path: Path) -> None:
    content = read_torch_file(save(tmp_path / "a.pt", CONTENT))
    assert torch.equal(content["weights"]["a"], CONTENT["weights"]["a"])
    assert content["weights"]["half"].dtype == torch.bfloat16
    assert list(content["state"]) == ["weight", "bias"] and content["plain"] == CONTENT["plain"]
    assert isinstance(content["parameter"], nn.Parameter)


def test_objects_are_read_where_their_class_is_allowed_only(tmp_path: Path) -> None:
    path = save(tmp_path / "a.pt", {"thing": Thing()})
    assert read_torch_file(path, (Thing,))["thing"].value == 3
    with pytest.raises(CheckpointError, match="Thing, which is not unpickled") as caught:
        read_torch_file(path)
    assert "\n" not in str(caught.value) and str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (torch.ones(1).expand(10**6), "larger than what the file holds of it"),
        (torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8), "no plain one"),
        ([[]] * 1_000_001, "instructions|values"),
        (torch.ones(2).to_sparse(), "no plain one"),
        (print, "could run code"),
    ],
)
def test_what_is_refused(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        read_torch_file(save(tmp_path / "a.pt", content))


def test_a_list_that_holds_itself_many_times(tmp_path: Path) -> None:
    inner: list[Any] = [0]
    for _ in range(28):
        inner = [inner, inner]
    with pytest.raises(CheckpointError, match="values, or 32 levels of them"):
        read_torch_file(save(tmp_path / "a.pt", inner))


def repack(path: Path, **options: Any) -> None:
    """Writes the archive again, with other options of its members."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    rename = options.pop("rename", {})
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, data in members.items():
            archive.writestr(rename.get(name.rpartition("/")[2], name), data)


def test_members_are_neither_packed_nor_elsewhere(tmp_path: Path) -> None:
    path = save(tmp_path / "a.pt", CONTENT)
    repack(path)
    assert read_torch_file(path)["plain"] == CONTENT["plain"]
    repack(path, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(CheckpointError, match=r"packed, which torch.save never does"):
        read_torch_file(path)
    path = save(tmp_path / "a.pt", CONTENT)
    repack(path, rename={"version": "elsewhere/version"})
    with pytest.raises(CheckpointError, match="leads elsewhere"):
        read_torch_file(path)
    path = save(tmp_path / "a.pt", CONTENT)
    repack(path, rename={"data.pkl": "a/other.pkl"})
    with pytest.raises(CheckpointError, match=r"no data\.pkl"):
        read_torch_file(path)


def test_a_storage_shorter_than_it_says(tmp_path: Path) -> None:
    path = save(tmp_path / "a.pt", {"weights": torch.ones(1000)})
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data[:8] if "/data/" in name else data)
    with pytest.raises(CheckpointError, match="a storage of 1000 numbers in 8 bytes"):
        read_torch_file(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"a\.pt: no such file"):
        read_torch_file(tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="not a plain file"):
        read_torch_file(tmp_path)
