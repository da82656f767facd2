from argparse import Namespace
from pathlib import Path

import pytest
import torch
from public_helpers import save
from torch import nn

from pyg_skeletonmae.errors import CheckpointError, ConfigError
from pyg_skeletonmae.models.checkpoints.file import (
    build_public,
    count_blocks,
    entry,
    named,
    read_public,
    shape_of,
    tensors,
)
from pyg_skeletonmae.models.checkpoints.names import Source, only


def test_only_allowed_classes_are_read(tmp_path: Path) -> None:
    path = save({"args": Namespace(lr=0.1)}, tmp_path)
    assert read_public(path, (Namespace,))["args"].lr == 0.1
    with pytest.raises(CheckpointError, match=r"it holds argparse\.Namespace, which"):
        read_public(path)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such file"):
        read_public(tmp_path / "none.pth")
    path = save({"model": torch.zeros(1000)}, tmp_path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        read_public(path)
    with pytest.raises(CheckpointError, match="expected a dict, found list"):
        read_public(save([1], tmp_path))


def test_entries() -> None:
    content = {"heads": 8, "norm": True, "name": "motion"}
    assert entry("f", content, "heads", int) == 8 and entry("f", content, "norm", bool) is True
    assert type(entry("f", content, "heads", float)) is float
    for key, kind in (("heads", str), ("norm", int), ("norm", float), ("depth", int)):
        with pytest.raises(CheckpointError, match=f"f: {key}: expected a {kind.__name__}"):
            entry("f", content, key, kind)
    with pytest.raises(CheckpointError, match="name: 'motion' is not one of"):
        entry("f", content, "name", str, ["tube"])


def test_state_dicts() -> None:
    state = {"blocks.0.norm1.weight": torch.zeros(3), "blocks.1.norm1.weight": torch.zeros(3)}
    assert tensors("f", state) == state and count_blocks(state, "blocks.") == 2
    assert shape_of(state, "blocks.1.norm1.weight", 1) == [3]
    with pytest.raises(CheckpointError, match="no 'norm'"):
        shape_of(state, "norm", 1)
    with pytest.raises(CheckpointError, match="expected 2 axes"):
        shape_of(state, "blocks.1.norm1.weight", 2)
    with pytest.raises(CheckpointError, match="expected a tensor"):
        tensors("f", {3: torch.zeros(3)})
    with pytest.raises(CheckpointError, match="larger than"):
        tensors("f", {"norm": torch.zeros(1).expand(3)})


def test_memory_is_taken_only_for_what_fits() -> None:
    built = []

    def build() -> nn.Module:
        model = nn.Linear(10**6, 10**6)
        built.append(model.weight.device.type)
        return model

    with pytest.raises(CheckpointError, match="does not fit"):
        build_public(build, {"weight": torch.zeros(3)}, lambda name: Source((name,), only))
    assert built == ["meta"]


def test_files_are_named() -> None:
    with pytest.raises(CheckpointError, match=r"^f: heads$"), named("f"):
        raise ConfigError("heads")
    with pytest.raises(CheckpointError, match=r"^f: heads$"), named("f"):
        raise CheckpointError("f: heads")
