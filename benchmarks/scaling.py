"""What training on several processes costs: weak scaling on this machine, with the same clips each.

For each model and number of processes: seconds of a step, what each process sends and receives in
it, and the seconds of that traffic alone. What a step takes longer than one of one process, beyond
what processes take from each other's cores, is traffic that is not hidden behind the backward pass.

    python benchmarks/scaling.py --processes 1 2 4 --clips 8 --steps 10
"""

import argparse
import multiprocessing
import os
import statistics
import time
from typing import Any

import torch
from lightning_fabric.plugins.environments.lightning import find_free_network_port
from torch import distributed as dist
from torch import nn
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.nn.parallel import DistributedDataParallel

from pyg_skeletonmae.datasets import SyntheticActions
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.models import STRL, GraphSkeletonMAE, STSkeletonMAE
from pyg_skeletonmae.training import OptimConfig, Trainer
from pyg_skeletonmae.transforms import Resample

FRAMES = 60
MODELS = {
    "graph SkeletonMAE": lambda skeleton: GraphSkeletonMAE(skeleton, norm="layer"),
    "graph SkeletonMAE, sync batch norm": GraphSkeletonMAE,
    "ST SkeletonMAE (ViT)": lambda skeleton: STSkeletonMAE(skeleton, frames=FRAMES),
    "STRL, sync batch norm": lambda skeleton: STRL(skeleton, 3, 4, frames=FRAMES),
}


class Timed(nn.Module):
    """A model that notes when its steps end."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.ends = model, [time.perf_counter()]

    def forward(self, batch: Any) -> Any:
        """What the model does."""
        return self.model(batch)

    def after_step(self) -> None:
        """What the model does, and the time."""
        after = getattr(self.model, "after_step", None)
        if after is not None:
            after()
        self.ends.append(time.perf_counter())


def measure(name: str, rank: int, processes: int, clips: int, steps: int) -> dict[str, float]:
    """The median step of one process, and the traffic of the last."""
    sent: list[int] = []
    wrap, reduce = DistributedDataParallel.__init__, dist.all_reduce

    def wrapped(self: Any, *args: Any, **kwargs: Any) -> None:
        wrap(self, *args, **kwargs)
        self.register_comm_hook(None, allreduce_hook)  # whose reductions are Python's

    def counted(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        sent.append(x.nbytes)
        return reduce(x, *args, **kwargs)

    DistributedDataParallel.__init__, dist.all_reduce = wrapped, counted
    try:
        trainer = Trainer(
            max_steps=steps, optim=OptimConfig(lr=1e-4), accelerator="cpu", devices=processes,
            log_every=10**6, progress=False,
        )  # fmt: skip
        dataset = SyntheticActions(clips * processes * steps, num_classes=4)
        loader = SkeletonLoader(
            dataset, clips, Resample(FRAMES), True, rank=trainer.rank, world_size=processes
        )
        torch.manual_seed(0)
        model = Timed(MODELS[name](dataset.skeleton))
        trainer.fit(model, loader)
    finally:
        DistributedDataParallel.__init__, dist.all_reduce = wrap, reduce
    step = statistics.median(b - a for a, b in zip(model.ends[2:], model.ends[3:], strict=False))
    calls = len(sent) // steps
    volume = sum(sent) / steps
    alone = 0.0
    if processes > 1:
        buffer = torch.zeros(max(int(volume / 4), 1))
        dist.barrier()
        begin = time.perf_counter()
        for _ in range(5):
            dist.all_reduce(buffer)
        alone = (time.perf_counter() - begin) / 5
    parameters = sum(p.numel() for p in model.parameters())
    return {"parameters": parameters, "step": step, "calls": calls, "bytes": volume, "alone": alone}


def run(rank: int, processes: int, port: int, clips: int, steps: int, pipe: Any) -> None:
    """All models in one process; the first sends what it measured."""
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "LOCAL_RANK": str(rank)}
    for name in MODELS:
        row = measure(name, rank, processes, clips, steps)
        if rank == 0:
            pipe.send((name, row))


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--clips", type=int, default=8, help="Of each process and step.")
    parser.add_argument("--steps", type=int, default=10)
    args = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    print("| model | parameters | processes | s per step | MB per step | reductions | alone, s |")
    print("|---|---|---|---|---|---|---|")
    for processes in args.processes:
        reader, writer = context.Pipe(duplex=False)
        port = find_free_network_port()
        jobs = [
            context.Process(
                target=run, args=(rank, processes, port, args.clips, args.steps, writer)
            )
            for rank in range(processes)
        ]
        for job in jobs:
            job.start()
        for _ in MODELS:
            name, row = reader.recv()
            print(
                f"| {name} | {row['parameters']:,} | {processes} | {row['step']:.3f} | "
                f"{row['bytes'] / 1e6:.2f} | {row['calls']} | {row['alone']:.3f} |",
                flush=True,
            )
        for job in jobs:
            job.join()


if __name__ == "__main__":
    main()
