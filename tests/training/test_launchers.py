"""The same training, started by hand, by torchrun on one machine and on two, and by Slurm."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from lightning_fabric.plugins.environments.lightning import find_free_network_port
from training_helpers import SlicedLoader, Task, make_clips

from pyg_skeletonmae.training import OptimConfig, Trainer

TESTS = Path(__file__).parents[1]
SCRIPT = """
import os, signal, sys
from training_helpers import SlicedLoader, Task, make_clips
from pyg_skeletonmae.training import OptimConfig, Trainer

folder, dies = sys.argv[1], sys.argv[2] == "dies"
optim = OptimConfig(name="sgd", lr=0.1)
trainer = Trainer(
    max_epochs=3, optim=optim, accelerator="cpu", timeout=30, checkpoint_minutes=0, log_every=1,
    progress=0,
)
loader = SlicedLoader(make_clips(24), 3, trainer.rank, trainer.world_size)
model = Task(norm=False, dropout=0)
first = os.environ.get("TORCHELASTIC_RESTART_COUNT") == "0"

def on_step(step):
    if dies and first and step == 6 and trainer.rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)

model.on_step = on_step
assert trainer.world_size == 2
trainer.fit(model, loader, run_dir=folder, resume="auto")
"""


def environment(**more: str) -> dict[str, str]:
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    return os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1", **more}


def run_jobs(jobs: list[tuple[list[str], dict[str, str]]]) -> None:
    started = [
        subprocess.Popen(words, env=env, stderr=subprocess.PIPE, text=True) for words, env in jobs
    ]
    try:
        said = [job.communicate(timeout=120)[1] for job in started]
    finally:
        for job in started:
            job.kill()
    assert [job.returncode for job in started] == [0] * len(jobs), said


def check_run(folder: Path) -> None:
    """It ended with the weights of one process."""
    model = Task(norm=False, dropout=0)
    optim = OptimConfig(name="sgd", lr=0.1)
    trainer = Trainer(max_epochs=3, optim=optim, accelerator="cpu", progress=0)
    trainer.fit(model, SlicedLoader(make_clips(24), 6))
    state = torch.load(folder / "last.ckpt", weights_only=True)
    assert state["settings"]["processes"] == 2 and state["progress"]["step"] == 12
    for name, value in model.state_dict().items():
        torch.testing.assert_close(state["model"][name], value, rtol=0, atol=1e-6)


def test_slurm(tmp_path: Path) -> None:
    shared = {
        "SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2", "SLURM_NNODES": "1", "SLURM_NODEID": "0",
        "SLURM_JOB_NAME": "train", "SLURM_NODELIST": "127.0.0.1", "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(find_free_network_port()),
    }  # fmt: skip
    words = [sys.executable, "-c", SCRIPT, str(tmp_path / "run"), "lives"]
    ranks = [
        environment(**shared, SLURM_PROCID=str(rank), SLURM_LOCALID=str(rank)) for rank in (0, 1)
    ]
    run_jobs([(words, env) for env in ranks])
    check_run(tmp_path / "run")


# Long: where cores are busy, gloo may wait for the processes of a restart until its time-out.
@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("machines", [1, 2])
def test_torchrun_goes_on_after_a_process_died(tmp_path: Path, machines: int) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    words = [
        sys.executable, "-m", "torch.distributed.run", "--nnodes", str(machines),
        "--nproc_per_node", str(2 // machines), "--max-restarts", "2", "--rdzv_backend", "c10d",
        "--rdzv_endpoint", f"127.0.0.1:{find_free_network_port()}", "--rdzv_id", tmp_path.name,
        str(script), str(tmp_path / "run"), "dies",
    ]  # fmt: skip
    run_jobs([(words, environment())] * machines)
    check_run(tmp_path / "run")
    lines = (tmp_path / "run/metrics.jsonl").read_text().splitlines()
    assert len(lines) == 12
