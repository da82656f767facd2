from __future__ import annotations

import pytest
import torch
from training_helpers import make_clips

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.training import devices


def make(precision="32-true", strategy="auto", **more):
    return devices.make_fabric("cpu", 1, strategy, precision, **more)


def test_one_device():
    fabric = make()
    assert fabric.world_size == 1 and fabric.device == torch.device("cpu")


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true"])
def test_bf16_needs_a_cpu_that_has_it(monkeypatch, precision):
    monkeypatch.setattr(devices, "has_native_bf16", lambda: False)
    with pytest.raises(ConfigError, match=f"precision: {precision} .* allow_slow_bf16"):
        make(precision)
    assert make(precision, allow_slow_bf16=True)
    assert make("32-true")
    monkeypatch.setattr(devices, "has_native_bf16", lambda: True)
    assert make(precision)


@pytest.mark.parametrize("flags", ["fpu avx512_bf16", "fpu avx2"])
def test_native_bf16_is_read_from_the_cpu(monkeypatch, tmp_path, flags):
    (tmp_path / "cpuinfo").write_text(f"flags : {flags}\n")
    monkeypatch.setattr(devices, "Path", lambda name: tmp_path / "cpuinfo")
    assert devices.has_native_bf16() == ("bf16" in flags)
    (tmp_path / "cpuinfo").unlink()
    assert not devices.has_native_bf16()


def test_names_fabric_does_not_know():
    with pytest.raises(ConfigError, match=r"trainer: .*8-bit"):
        make("8-bit")
    with pytest.raises(ConfigError, match="trainer: "):
        devices.make_fabric("abacus", 1, "auto", "32-true")


def test_strategies_that_cut_the_model_are_refused(monkeypatch):
    with pytest.raises(ConfigError, match=r"trainer: .*FSDP"):
        make(strategy="fsdp")
    monkeypatch.setattr(devices, "SingleDeviceStrategy", devices.DDPStrategy)
    with pytest.raises(ConfigError, match="strategy: expected auto or a name of ddp, found 'auto'"):
        make()


def test_sizes_left_open(monkeypatch):
    seen = []
    monkeypatch.setattr(torch._dynamo, "maybe_mark_dynamic", lambda t, dim: seen.append((t, dim)))
    devices.leave_size_open(make_clips(1)[0])
    assert [dim for _, dim in seen] == [0] * 4
