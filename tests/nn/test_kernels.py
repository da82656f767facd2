from __future__ import annotations

import shutil

import pytest
import torch
from torch import nn

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.nn import kernels as module
from pyg_skeletonmae.nn.kernels import SOURCE, VARIABLE, kernels, use_kernels
from pyg_skeletonmae.nn.norm import BatchNormLast
from pyg_skeletonmae.nn.norm_act import norm_act


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """As if nothing had been compiled or asked for."""
    monkeypatch.delenv(VARIABLE, raising=False)
    library = module._library.__wrapped__
    monkeypatch.setattr(module, "_library", library)
    return monkeypatch


def test_nobody_has_to_have_them(fresh: pytest.MonkeyPatch) -> None:
    fresh.setenv("CC", "no-such-compiler")
    assert kernels() is None
    norm_act(BatchNormLast(3), nn.ReLU(), torch.randn(5, 3))


@pytest.mark.parametrize("value", ["yes", "2"])
def test_the_variable_is_0_or_1(fresh: pytest.MonkeyPatch, value: str) -> None:
    fresh.setenv(VARIABLE, value)
    with pytest.raises(ConfigError, match=f"{VARIABLE}='{value}': expected 1"):
        kernels()


@pytest.mark.parametrize(
    ("compiler", "reason"), [("no-such-compiler", "No such"), ("false", "exit code 1")]
)
def test_who_asks_for_them_hears_why_they_are_not_there(
    fresh: pytest.MonkeyPatch, compiler: str, reason: str
) -> None:
    fresh.setenv(VARIABLE, "1")
    fresh.setenv("CC", compiler)
    with pytest.raises(ConfigError, match=reason) as caught:
        kernels()
    assert "install a C compiler" in str(caught.value) and "\n" not in str(caught.value)


def test_a_block_stands_over_the_variable(fresh: pytest.MonkeyPatch) -> None:
    fresh.setenv(VARIABLE, "1")
    with use_kernels(False):
        assert kernels() is None


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_nothing_is_left_behind(
    fresh: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("built")
    fresh.setattr("tempfile.tempdir", str(folder))
    with use_kernels():
        assert kernels() is not None
    assert not list(folder.iterdir())
    assert [file.name for file in SOURCE.parent.glob("kernels.*")] != []
    assert not list(SOURCE.parent.glob("*.so"))
