"""What training on several processes costs: weak scaling on this machine, with the same clips each.

For each model and number of processes: seconds of a step, and of one whose gradients stay where
they are (the difference is traffic that is not hidden behind the backward pass); what each process
sends and receives in a step; how much of the gradients is sent while others are still computed; and
the seconds of that traffic alone. Bytes and shares are exact; seconds are medians, and processes
that share cores take them from each other.

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

    def __init__(self, model: nn.Module, sent: list[int]) -> None:
        super().__init__()
        self.model, self.sent = model, sent
        self.ends, self.marks = [time.perf_counter()], [0]

    def forward(self, batch: Any) -> Any:
        """What the model does."""
        return self.model(batch)

    def after_step(self) -> None:
        """What the model does, and the time."""
        after = getattr(self.model, "after_step", None)
        if after is not None:
            after()
        self.ends.append(time.perf_counter())
        self.marks.append(len(self.sent))


def measure(
    name: str, rank: int, processes: int, clips: int, steps: int, quiet: bool = False
) -> dict[str, float]:
    """The median step of one process, and the traffic of the last; ``quiet``: without gradients."""
    sent: list[int] = []
    buckets: list[tuple[int, bool]] = []  # bytes, and whether others are still computed
    wrap, reduce = DistributedDataParallel.__init__, dist.all_reduce

    def hook(state: object, bucket: dist.GradBucket) -> torch.futures.Future[torch.Tensor]:
        buckets.append((bucket.buffer().nbytes, not bucket.is_last()))
        if not quiet:
            return allreduce_hook(None, bucket)  # whose reductions are Python's
        done: torch.futures.Future[torch.Tensor] = torch.futures.Future()
        done.set_result(bucket.buffer())
        return done

    def wrapped(self: Any, *args: Any, **kwargs: Any) -> None:
        wrap(self, *args, **kwargs)
        self.register_comm_hook(None, hook)

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
        model = Timed(MODELS[name](dataset.skeleton), sent)
        trainer.fit(model, loader)
    finally:
        DistributedDataParallel.__init__, dist.all_reduce = wrap, reduce
    step = statistics.median(b - a for a, b in zip(model.ends[2:], model.ends[3:], strict=False))
    last = sent[model.marks[-2] : model.marks[-1]]  # buckets are cut anew after the first
    calls, volume, alone = len(last), sum(last), 0.0
    own = len(buckets) // steps if buckets else 0
    early = sum(size for size, others in buckets[-own:] if others) if own else 0
    total = sum(size for size, _ in buckets[-own:]) if own else 1
    if processes > 1 and not quiet:
        buffer = torch.zeros(max(int(volume / 4), 1))
        dist.barrier()
        begin = time.perf_counter()
        for _ in range(5):
            dist.all_reduce(buffer)
        alone = (time.perf_counter() - begin) / 5
    parameters = sum(p.numel() for p in model.parameters())
    return {
        "parameters": parameters, "step": step, "calls": calls, "bytes": volume, "alone": alone,
        "early": early / total,
    }  # fmt: skip


def run(rank: int, processes: int, port: int, clips: int, steps: int, pipe: Any) -> None:
    """All models in one process; the first sends what it measured."""
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "LOCAL_RANK": str(rank)}
    for name in MODELS:
        row = measure(name, rank, processes, clips, steps)
        row["quiet"] = measure(name, rank, processes, clips, steps, quiet=True)["step"]
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
    print(
        "| model | parameters | processes | s per step | of which exposed | MB per step | "
        "reductions | sent early | alone, s |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
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
                f"{row['step'] - row['quiet']:.3f} | {row['bytes'] / 1e6:.2f} | {row['calls']} | "
                f"{row['early']:.0%} | {row['alone']:.3f} |",
                flush=True,
            )
        for job in jobs:
            job.join()


if __name__ == "__main__":
    main()
