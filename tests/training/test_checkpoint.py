from __future__ import annotations

import os
import pickle
import random
from typing import ClassVar

import pytest
import torch
from training_helpers import Task, assert_identical

from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.nn.ema import EMA
from pyg_skeletonmae.training.checkpoint import (
    load_checkpoint,
    load_model,
    load_weights,
    renamed,
    save_checkpoint,
)
from pyg_skeletonmae.training.schema import MAX_COUNT

STATE = {"a": torch.arange(3.0), "b": {"c": [1, 2.5, "x", None, (True,)]}}


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_round_trip(tmp_path):
    save_checkpoint(tmp_path / "new" / "x.ckpt", STATE)
    assert_identical(load_checkpoint(tmp_path / "new" / "x.ckpt", STATE), {"format": 1, **STATE})
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["x.ckpt"]


def test_missing_file_and_key(tmp_path):
    with pytest.raises(CheckpointError, match=r"x.ckpt: no such checkpoint"):
        load_checkpoint(tmp_path / "x.ckpt")
    save_checkpoint(tmp_path / "x.ckpt", STATE)
    with pytest.raises(CheckpointError, match=r"x.ckpt: the key 'model' is missing"):
        load_checkpoint(tmp_path / "x.ckpt", ["a", "model"])


@pytest.mark.parametrize("kept", [0, 1, 40, 0.5, -1])
def test_truncated(tmp_path, kept):
    path = tmp_path / "x.ckpt"
    save_checkpoint(path, STATE)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole)) if isinstance(kept, float) else kept])
    with pytest.raises(CheckpointError, match=r"x.ckpt: not a readable checkpoint"):
        load_checkpoint(path)


@pytest.mark.parametrize("writer", ["torch", "pickle"])
def test_hostile_files_are_not_run(tmp_path, writer):
    path, proof = tmp_path / "x.ckpt", tmp_path / "ran"
    content = {"format": 1, "model": Hostile(f"touch {proof}")}
    if writer == "torch":
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(CheckpointError, match=r"x.ckpt: not a readable checkpoint") as error:
        load_checkpoint(path)
    assert not proof.exists()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"text", {"model": {}}, [1], {"format": 99}])
def test_other_files(tmp_path, content):
    path = tmp_path / "x.ckpt"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(CheckpointError, match=r"x.ckpt: not a"):
        load_checkpoint(path)


def test_weights_of_another_model_are_named():
    model, weights = Task(), Task(seed=1).state_dict()
    before = model.head.weight.clone()
    short = {name: tensor for name, tensor in weights.items() if name != "head.bias"}
    with pytest.raises(CheckpointError, match=r"p: Task needs the tensor 'head.bias'"):
        load_weights(model, short, "p")
    with pytest.raises(CheckpointError, match=r"p: the tensor 'extra' does not belong to Task"):
        load_weights(model, weights | {"extra": torch.ones(1)}, "p")
    message = r"p: head.weight: Task expects the shape \[2, 8\], found \[3, 8\]"
    with pytest.raises(CheckpointError, match=message):
        load_weights(model, weights | {"head.weight": torch.ones(3, 8)}, "p")
    with pytest.raises(CheckpointError, match=r"expects the shape \[2, 8\], found str"):
        load_weights(model, weights | {"head.weight": "text"}, "p")
    with pytest.raises(CheckpointError, match="expected a dict of tensors, found list"):
        load_weights(model, [1], "p")
    assert torch.equal(model.head.weight, before)


@pytest.mark.parametrize("count", [float("nan"), float("inf"), -5.0])
def test_a_teacher_of_no_number_of_updates(count):
    model = EMA(torch.nn.Linear(2, 2), 0.9, 1.0, 10)
    before = model.module.weight.clone()
    weights = {**EMA(torch.nn.Linear(2, 2), 0.9, 1.0, 10).state_dict()}
    weights["_extra_state"] = torch.tensor(count)
    with pytest.raises(CheckpointError, match="p: _extra_state: expected a count of updates"):
        load_weights(model, weights, "p")
    assert torch.equal(model.module.weight, before)


@pytest.mark.parametrize("kind", ["meta", "sparse"])
def test_tensors_without_values(kind):
    weights = Task().state_dict()
    tensor = weights["head.weight"]
    weights["head.weight"] = tensor.to("meta") if kind == "meta" else tensor.to_sparse()
    with pytest.raises(CheckpointError, match=r"p: head.weight: expected a plain tensor"):
        load_weights(Task(), weights, "p")


def test_load_model(tmp_path):
    model, other = Task(), Task(seed=1)
    save_checkpoint(tmp_path / "best.ckpt", {"model": other.state_dict()})
    load_model(model, tmp_path / "best.ckpt")
    assert torch.equal(model.head.weight, other.head.weight)


class Remembers(torch.nn.Module):
    """Has a state of its own beside its weights, and names that were others."""

    former_names: ClassVar = {"old.": "norm.", "older.": "linear."}

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.linear = torch.nn.BatchNorm1d(2), torch.nn.Linear(2, 2)
        self.state = {"steps": 3}

    def get_extra_state(self):
        return self.state

    def set_extra_state(self, state):
        self.state = state


def test_a_state_of_the_modules_own_is_checked_and_the_weights_after_it_too():
    model, weights = Remembers(), Remembers().state_dict()
    state = weights.pop("_extra_state")
    first = {"_extra_state": state}
    load_weights(model, {**first, **weights, "_extra_state": {"steps": 5}}, "p")
    assert model.state == {"steps": 5}
    for other in ({"steps": "five"}, [5]):
        with pytest.raises(CheckpointError, match="p: _extra_state"):
            load_weights(model, {**weights, "_extra_state": other}, "p")


def test_statistics_of_norms_are_checked():
    model, weights = Remembers(), Remembers().state_dict()
    still = weights | {"norm.running_var": torch.tensor([0.0, 1.0])}
    load_weights(model, still, "p")
    assert model.norm.running_var.tolist() == [0.0, 1.0]
    negative = weights | {"norm.running_var": torch.tensor([-1.0, 1.0])}
    with pytest.raises(CheckpointError, match=r"p: norm\.running_var: holds a negative variance"):
        load_weights(model, negative, "p")
    for count in (MAX_COUNT, -1):
        counted = weights | {"norm.num_batches_tracked": torch.tensor(count)}
        with pytest.raises(CheckpointError, match=r"num_batches_tracked: expected a count"):
            load_weights(model, counted, "p")
    wider = {
        name: x.double() if torch.is_tensor(x) and x.is_floating_point() else x
        for name, x in weights.items()
    }
    load_weights(model, wider, "p")
    assert model.linear.weight.dtype == torch.float32


def test_former_names():
    model, weights = Remembers(), Remembers().state_dict()
    former = {
        name.replace("norm.", "old.").replace("linear.", "older."): x for name, x in weights.items()
    }
    load_weights(model, former, "p")
    assert torch.equal(model.linear.weight, weights["linear.weight"])
    assert renamed("old.weight", Remembers.former_names) == "norm.weight"
    assert renamed("an.old.weight", Remembers.former_names) == "an.old.weight"
    assert renamed(3, Remembers.former_names) == 3


def test_flipped_bits_are_noticed_or_without_effect(tmp_path):
    """Anywhere in the file: numbers, names, the table of contents."""
    path = tmp_path / "x.ckpt"
    state = {f"part {i}": torch.randn(4, i + 1) for i in range(12)} | STATE
    save_checkpoint(path, state)
    whole, expected = path.read_bytes(), load_checkpoint(path)
    table = whole.index(b"PK\x01\x02")
    draws = random.Random(0)
    places = [draws.randrange(8 * len(whole)) for _ in range(200)]
    places += [draws.randrange(8 * table, 8 * len(whole)) for _ in range(300)]
    noticed = 0
    for place in places:
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            assert_identical(load_checkpoint(path), expected)
        except CheckpointError as error:
            assert str(error).startswith(f"{path}: ")
            noticed += 1
    assert noticed > len(places) / 2


def test_a_part_that_is_said_to_be_a_folder(tmp_path):
    """PyTorch's reader would leave its numbers as the memory happens to be."""
    path = tmp_path / "x.ckpt"
    save_checkpoint(path, STATE)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 38] |= 0x10
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"x\.ckpt: not a readable checkpoint.*a folder"):
        load_checkpoint(path)


def test_the_one_before_keeps_its_name(tmp_path):
    path, before = tmp_path / "last.ckpt", tmp_path / "previous.ckpt"
    for number in range(3):
        save_checkpoint(path, {"n": number}, before)
        assert load_checkpoint(path)["n"] == number
        assert before.exists() == (number > 0)
    assert load_checkpoint(before)["n"] == 1
    assert {file.name for file in tmp_path.iterdir()} == {"last.ckpt", "previous.ckpt"}
