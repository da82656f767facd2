from __future__ import annotations

import pytest
import torch
from model_helpers import make_batch
from training_helpers import make_clips

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.layouts import COCO17
from pyg_skeletonmae.models import Skeleton2Vec, ViTBackbone
from pyg_skeletonmae.training import Trainer, devices
from pyg_skeletonmae.transforms import MotionTubeMask


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


def test_strategies(monkeypatch):
    assert isinstance(make(strategy="fsdp").strategy, devices.ModelParallelStrategy)
    fabric = devices.make_fabric("cpu", 2, "auto", "32-true", num_nodes=3, timeout=7)
    assert isinstance(fabric.strategy, devices.DDPStrategy)
    assert fabric.world_size == 6 and fabric.strategy._timeout.total_seconds() == 7
    with pytest.raises(ConfigError, match=r"trainer: .*64-true"):
        make("64-true", strategy="fsdp")
    monkeypatch.setattr(devices, "SingleDeviceStrategy", devices.DDPStrategy)
    with pytest.raises(ConfigError, match="strategy: expected auto, a name of ddp, or fsdp, found"):
        make()


TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "1",
    "WORLD_SIZE": "6",
    "LOCAL_WORLD_SIZE": "3",
    "LOCAL_RANK": "0",
    "GROUP_RANK": "0",
    "RANK": "0",
}
SLURM = {
    "SLURM_NTASKS": "6",
    "SLURM_NNODES": "2",
    "SLURM_NTASKS_PER_NODE": "3",
    "SLURM_JOB_NAME": "train",
    "SLURM_LOCALID": "0",
    "SLURM_NODEID": "0",
    "SLURM_PROCID": "0",
}


@pytest.mark.parametrize("variables", [TORCHRUN, SLURM], ids=["torchrun", "srun"])
def test_processes_that_were_started(monkeypatch, variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for asked in ((1, 1), (3, 2)):
        fabric = devices.make_fabric("cpu", asked[0], "auto", "32-true", num_nodes=asked[1])
        assert fabric.world_size == 6 and fabric.strategy.num_nodes == 2
    with pytest.raises(ConfigError, match=r"devices 2, num_nodes 1: .* 3 process"):
        devices.make_fabric("cpu", 2, "auto", "32-true")


def test_sizes_left_open(monkeypatch):
    seen = []
    monkeypatch.setattr(torch._dynamo, "maybe_mark_dynamic", lambda t, dim: seen.append((t, dim)))
    devices.leave_size_open(make_clips(1)[0])
    assert [dim for _, dim in seen] == [0] * 4


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("64-true", torch.float64), ("bf16-true", torch.bfloat16), ("32-true", torch.float32)],
)
def test_floats_of_a_batch_follow_the_precision(precision, dtype):
    batch = make_batch(COCO17)
    fabric = make(precision, allow_slow_bf16=True)
    converted = devices.convert_floats(fabric, batch)
    assert converted.pos.dtype == dtype and batch.pos.dtype == torch.float32
    for name in ("valid", "edge_index", "y", "num_tracks", "key"):
        assert torch.equal(converted[name], batch[name])
    assert converted.num_graphs == batch.num_graphs
    assert devices.convert_floats(fabric, [1]) == [1]


def test_a_teacher_of_a_bfloat16_student_moves():
    torch.manual_seed(0)
    backbone = ViTBackbone(2, 8, 1, 2, decoder_channels=8, decoder_depth=1)
    model = Skeleton2Vec(
        COCO17, 3, 8, backbone, MotionTubeMask(0.5, 2), ema_start=0.999, ema_end=0.999, ema_steps=1
    )
    before = [parameter.detach().clone() for parameter in model.teacher.parameters()]
    trainer = Trainer(None, 3, precision="bf16-true", allow_slow_bf16=True, accelerator="cpu")
    trainer.fit(model, [make_batch(COCO17)])
    assert {p.dtype for p in model.student.parameters()} == {torch.bfloat16}
    after = list(model.teacher.parameters())
    assert {p.dtype for p in after} == {torch.float32}
    moved = [
        not torch.equal(new, old.bfloat16().float()) for new, old in zip(after, before, strict=True)
    ]
    assert sum(moved) > len(moved) / 2
