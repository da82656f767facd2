"""Ctrl-C, SIGTERM and a closed terminal, deferred until a step is done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Calls ``stop`` on the first SIGINT, SIGTERM or SIGHUP; after the block it takes its course.

    A second signal takes its course at once. One that is ignored, as ``nohup`` has it, stays so.
    Outside the main thread signals cannot be caught:
    there, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []

    def defer(number: int, frame: FrameType | None) -> None:
        received.append(number)
        restore()
        stop()

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    handlers = {n: signal.getsignal(n) for n in (signal.Signals[name] for name in names)}
    previous = {n: handler for n, handler in handlers.items() if handler is not signal.SIG_IGN}
    for number in previous:
        signal.signal(number, defer)
    try:
        yield
    finally:
        restore()
    if received:
        signal.raise_signal(received[0])
