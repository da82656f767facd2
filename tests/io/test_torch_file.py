import zipfile
from argparse import Namespace
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch

from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.io.torch_file import MAX_DEPTH, read_torch_file


def save(content: Any, folder: Path) -> Path:
    torch.save(content, folder / "a.pt")
    return folder / "a.pt"


def rewrite(path: Path, change: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    """The archive again, with some members changed, or others added."""
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()} | change
    with zipfile.ZipFile(path, "w", method) as new:
        for name, data in members.items():
            new.writestr(name, data)
    return path


def test_tensors_and_plain_values_come_back(tmp_path: Path) -> None:
    weights = OrderedDict(a=torch.arange(6.0).reshape(2, 3), b=torch.tensor(3))
    content = {"weights": weights, "half": torch.ones(2).bfloat16(), "plain": [1, 0.5, None, "x"]}
    loaded = read_torch_file(save(content, tmp_path))
    assert torch.equal(loaded["weights"]["a"], weights["a"])
    assert loaded["half"].dtype == torch.bfloat16 and loaded["plain"] == content["plain"]
    parameter = torch.nn.Parameter(torch.ones(2))
    assert torch.equal(read_torch_file(save({"p": parameter}, tmp_path))["p"], parameter)


def test_a_class_has_to_be_allowed(tmp_path: Path) -> None:
    path = save({"args": Namespace(lr=0.1)}, tmp_path)
    assert read_torch_file(path, (Namespace,))["args"].lr == 0.1
    with pytest.raises(CheckpointError, match=r"a\.pt: .*argparse\.Namespace, which is not unpick"):
        read_torch_file(path)


@pytest.mark.parametrize("size", [(10**6, 10**6), (5,)])
def test_a_tensor_that_is_larger_than_its_storage(tmp_path: Path, size: tuple[int, ...]) -> None:
    tensor = torch.ones(1).expand(size)
    with pytest.raises(CheckpointError, match="larger than what the file holds of it"):
        read_torch_file(save({"a": tensor}, tmp_path))


def test_archives_that_torch_never_writes(tmp_path: Path) -> None:
    def refused(path: Path, message: str) -> None:
        with pytest.raises(CheckpointError, match=message):
            read_torch_file(path)

    content = {"a": torch.zeros(1000)}
    refused(rewrite(save(content, tmp_path), {}, zipfile.ZIP_DEFLATED), "packed, which torch.save")
    refused(rewrite(save(content, tmp_path), {"a/data/0": b"\0" * 8}), "1000 numbers in 8 bytes")
    refused(rewrite(save(content, tmp_path), {"b/c": b""}), "leads elsewhere")
    refused(rewrite(save(content, tmp_path), {"a/constants.pkl": b""}), "or a script")


def test_values_that_are_nested_too_deeply(tmp_path: Path) -> None:
    content: list[Any] = []
    for _ in range(MAX_DEPTH + 1):
        content = [content]
    with pytest.raises(CheckpointError, match=f"{MAX_DEPTH} levels"):
        read_torch_file(save(content, tmp_path))


def test_what_is_no_file_of_torch(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(b"no archive")
    for name, message in (("a.pt", "not a readable checkpoint"), ("b.pt", "no such file")):
        with pytest.raises(CheckpointError, match=rf"{name}: {message}"):
            read_torch_file(tmp_path / name)
    with pytest.raises(CheckpointError, match="not a plain file"):
        read_torch_file(tmp_path)
