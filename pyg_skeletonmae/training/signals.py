"""Ctrl-C and SIGTERM, deferred until a step is done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Calls ``stop`` on the first SIGINT or SIGTERM; after the block the signal takes its course.

    A second signal takes its course at once. Outside the main thread signals cannot be caught:
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

    previous = {n: signal.signal(n, defer) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        restore()
    if received:
        signal.raise_signal(received[0])
