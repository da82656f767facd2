"""Several processes on one machine, each running the same function of a test module."""

from __future__ import annotations

import multiprocessing
import os
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import torch
from lightning_fabric.plugins.environments.lightning import find_free_network_port

# One process imports everything once; the others are its forks, which costs them no second.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["process_helpers", "pyg_skeletonmae.training.trainer"])


def run_processes(count: int, function: Callable[..., Any], *arguments: Any) -> list[Any]:
    """What the function returns in each of ``count`` processes, in the order of their ranks."""
    port = find_free_network_port()
    pipes = [CONTEXT.Pipe(duplex=False) for _ in range(count)]
    processes = [
        CONTEXT.Process(target=_run, args=(rank, count, port, pipe[1], function, arguments))
        for rank, pipe in enumerate(pipes)
    ]
    for process in processes:
        process.start()
    results = []
    try:
        for rank, (reader, _) in enumerate(pipes):
            assert reader.poll(120), f"process {rank} says nothing"
            done, result = reader.recv()
            assert done, f"process {rank}: {result}"
            results.append(result)
    finally:
        for process in processes:
            process.join(0 if len(results) < count else 10)
            process.kill()
    return results


def _run(
    rank: int,
    count: int,
    port: int,
    pipe: Connection,
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
) -> None:
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "LOCAL_RANK": str(rank)}
    os.environ |= {"NODE_RANK": "0", "WORLD_SIZE": str(count)}
    try:
        pipe.send((True, function(*arguments)))
    except BaseException:
        pipe.send((False, traceback.format_exc()))
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
