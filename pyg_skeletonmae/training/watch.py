"""Processes that train together end together: a lost one is named, and nobody waits for it."""

from __future__ import annotations

import itertools
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from lightning_fabric import Fabric
from torch import distributed as dist

from pyg_skeletonmae.errors import ProcessError

# What backends say where another process no longer takes part; gloo has no type for it.
_LOST = re.compile(r"gloo|nccl|c10d|connection|timed out", re.IGNORECASE)
_stores: Any = dist  # which exports them without saying so
_DONE, _ENDED = "done", "ended: "


class Watch:
    """Sees by the store that processes meet at which of them go on; ends this one if not all do.

    Each writes a count there that grows while it lives, and how far its loop has come. One whose
    count stays the same for half of the time-out is lost, and so is one for which others wait. The
    store lives in process 0: if it does not answer, that one is lost.

    Args:
        rank: The number of this process.
        processes: How many there are.
        timeout: Seconds after which a process counts as lost.
        place: How far the loop of this process has come, a number that grows.
        end: Called before this process is ended from outside its loop.
    """

    def __init__(
        self,
        rank: int,
        processes: int,
        timeout: float,
        place: Callable[[], int],
        end: Callable[[], None] = lambda: None,
    ) -> None:
        self.rank, self.processes, self.timeout = rank, processes, timeout
        self._place, self._end = place, end
        self._every = min(1.0, timeout / 20)
        self._seen: dict[int, tuple[str, float]] = {}  # what others said last, and since when
        self._answered, self._gone = time.monotonic(), False
        self._over, self._word = threading.Event(), ""
        # The one thread may wait for the store, the other for nothing.
        self._talk = threading.Thread(target=self._run, daemon=True, name="watch-talk")
        self._talk.start()
        threading.Thread(target=self._judge, daemon=True, name="watch-judge").start()

    def lost(self, patience: float) -> str | None:
        """What is known of a process that is lost; None: all go on.

        Args:
            patience: After so many seconds without a sign of life a process is lost.
        """
        now = time.monotonic()
        if self._gone or now - self._answered > patience:
            return f"process 0 of {self.processes}, where the others meet, does not answer"
        for rank, (said, since) in list(self._seen.items()):
            if said.startswith(_ENDED):
                return f"process {rank} of {self.processes} {said}"
            if said != _DONE and now - since > patience:
                silent = f"has not been heard of for {now - since:.0f} s"
                return f"process {rank} of {self.processes} {silent}"
        return None

    def explain(self) -> str:
        """What is known of the process for whose sake this one can not go on; waits to know it."""
        until = time.monotonic() + self.timeout / 2
        while time.monotonic() < until:
            if (found := self.lost(4 * self._every)) is not None:
                return found
            time.sleep(self._every / 2)
        going = {rank: said.split() for rank, (said, _) in self._seen.items() if said != _DONE}
        places = {rank: int(place) for rank, (_, place) in going.items()} | {
            self.rank: self._place()
        }
        rank = min(places, key=lambda rank: places[rank])
        return f"process {rank} of {self.processes} does not go on"

    def leave(self, said: str = "") -> None:
        """Says that this process no longer takes part, and why if others wait for it."""
        self._word = f"{_ENDED}{' '.join(said.split())[:300]}" if said else _DONE
        self._over.set()
        self._talk.join(2 * self._every)

    def stay(self) -> None:
        """Keeps the store there until the others know who is lost, if this is process 0."""
        if self.rank == 0:
            time.sleep(8 * self._every)

    def _run(self) -> None:
        address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        others = [rank for rank in range(self.processes) if rank != self.rank]
        try:
            # A connection of its own: the other one may be waiting.
            server = _stores.TCPStore(
                address, port, is_master=False, timeout=timedelta(seconds=self.timeout)
            )
            store = _stores.PrefixStore(f"watch-{attempt}", server)
            for count in itertools.count():
                word = self._word
                store.set(str(self.rank), word or f"{count} {self._place()}")
                for rank in (rank for rank in others if store.check([str(rank)])):
                    said = store.get(str(rank)).decode()
                    if self._seen.get(rank, ("", 0.0))[0] != said:
                        self._seen[rank] = said, time.monotonic()
                self._answered = time.monotonic()
                if word:
                    return
                self._over.wait(self._every)
        except (RuntimeError, OSError):
            self._gone = True

    def _judge(self) -> None:
        while not self._over.wait(self._every):
            found = self.lost(self.timeout / 2)
            # The loop may hear of it from its backend at the same time, and says it then.
            if found is not None and not self._over.wait(4 * self._every):
                print(f"skeletonmae: {found}", file=sys.stderr, flush=True)
                self.stay()
                self._end()
                os._exit(ProcessError.exit_code)


def meet(fabric: Fabric) -> None:
    """Starts the other processes, if there are to be any, and waits for them.

    Raises:
        ProcessError: Not all of them come within the time-out.
    """
    try:
        fabric.launch()
    except dist.DistError as error:
        reason = str(error).partition("\n")[0]
        raise ProcessError(f"the processes do not meet within the time-out: {reason}") from error


@contextmanager
def watched(fabric: Fabric, timeout: float, place: Callable[[], int]) -> Iterator[None]:
    """Ends the block, on all processes, where one of them is lost.

    Args:
        fabric: The launched Fabric; one process watches nobody.
        timeout: See :class:`Watch`.
        place: See :class:`Watch`.

    Raises:
        ProcessError: Another process is lost; it names it.
    """
    if fabric.world_size == 1:
        yield
        return
    # Fabric's own observer kills this process five seconds after another, without a word.
    for thread in threading.enumerate():
        if thread.name == "child-process-observer":
            thread._finished = True  # type: ignore[attr-defined]
    children: list[Any] = getattr(fabric.strategy.launcher, "procs", [])

    def end() -> None:
        for child in children:
            child.send_signal(signal.SIGKILL)

    watch = Watch(fabric.global_rank, fabric.world_size, timeout, place, end)
    try:
        yield
        fabric.barrier()  # nobody leaves before all are done
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and not _LOST.search(str(error)):
            watch.leave(f"{type(error).__name__}: {error}")
            raise
        reason = watch.explain()
        watch.leave()
        watch.stay()
        end()
        raise ProcessError(reason) from error
    except BaseException as error:
        watch.leave(f"{type(error).__name__}: {error}")
        raise
    watch.leave()
