"""Calls of one function in several processes, which end when they are done, or their parent is."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import BaseContext
from typing import Any, TypeVar

import torch

from pyg_skeletonmae.errors import ConfigError, DataError

R = TypeVar("R")
_function: Callable[..., Any] | None = None  # of a worker process: what it was started for


def run_calls(
    function: Callable[..., R],
    calls: Sequence[tuple[Any, ...]],
    workers: int,
    done: Callable[[R], object],
) -> None:
    """Calls a function once for each tuple of arguments, in any order.

    Processes are never forked from this one, whose threads (those of torch, for example) would be
    missing in the copy: they come from a server that has none, or start afresh. After an error or
    Ctrl-C, calls that have begun are finished and no others begin. If this process is killed, the
    others end at once.

    Args:
        function: The function; with workers it must be picklable, and is sent to each once.
        calls: The arguments.
        workers: The number of processes; 0 = this one makes the calls.
        done: Called here with each result.

    Raises:
        ConfigError: ``workers`` is negative.
        DataError: A process died.
    """
    if workers < 0:
        raise ConfigError(f"workers {workers}: expected 0 or more")
    if not workers:
        for call in calls:
            done(function(*call))
        return
    pool = ProcessPoolExecutor(min(workers, len(calls) or 1), _context(), _begin, (function,))
    try:
        for future in as_completed([pool.submit(_call, call) for call in calls]):
            done(future.result())
    except BrokenProcessPool:
        raise DataError(
            "a worker process died: the memory may be full (take fewer workers), or the script "
            'that started it has no `if __name__ == "__main__":`'
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _context() -> BaseContext:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])  # imported once, not once per process
    return context


def _begin(function: Callable[..., Any]) -> None:
    global _function
    _function = function
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends the work
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _call(arguments: tuple[Any, ...]) -> Any:
    assert _function is not None
    return _function(*arguments)
