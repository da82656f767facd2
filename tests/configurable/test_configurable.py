import json

import pytest
import torch

from pyg_skeletonmae import layouts
from pyg_skeletonmae.configurable import Configurable, decode, encode
from pyg_skeletonmae.errors import CheckpointError


class Inner(Configurable):
    def __init__(self, ratio: float = 0.5) -> None:
        self.ratio = ratio


class Outer(Configurable):
    def __init__(
        self, inner: Inner, skeleton: layouts.Skeleton, sizes: tuple[int, ...] = (1, 2)
    ) -> None:
        self.inner, self.skeleton, self.sizes = inner, skeleton, sizes


CLASSES: dict[str, type] = {"Inner": Inner, "Outer": Outer}


def test_round_trip_through_json() -> None:
    outer = Outer(Inner(0.25), layouts.UIPRMD22)
    assert outer.config["class_path"] == "Outer"
    assert outer.config["init_args"]["sizes"] == [1, 2]
    again = decode(json.loads(json.dumps(outer.config)), CLASSES)
    assert isinstance(again, Outer) and again.inner.ratio == 0.25
    assert again.skeleton == layouts.UIPRMD22
    assert again.config == outer.config


def test_subclass_records_its_own_arguments() -> None:
    class Special(Inner):
        def __init__(self, strength: int) -> None:
            super().__init__(strength / 10)

    assert Special(3).config == {"class_path": "Special", "init_args": {"strength": 3}}


def test_arguments_must_be_plain() -> None:
    with pytest.raises(TypeError, match="Tensor cannot be part of a configuration"):
        encode(torch.zeros(1))


def test_unknown_class_and_argument() -> None:
    with pytest.raises(CheckpointError, match=r"unknown class 'os\.system'"):
        decode({"class_path": "os.system", "init_args": {}}, CLASSES)
    with pytest.raises(CheckpointError, match=r"Inner: .*speed"):
        decode({"class_path": "Inner", "init_args": {"speed": 1}}, CLASSES)


def test_plain_values_pass() -> None:
    assert decode(encode({"a": [1, None, "x"]}), CLASSES) == {"a": [1, None, "x"]}
