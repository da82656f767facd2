from __future__ import annotations

import signal
import threading

import pytest

from pyg_skeletonmae.training.signals import stop_signals


def test_first_signal_is_deferred():
    seen = []
    with pytest.raises(KeyboardInterrupt), stop_signals(lambda: seen.append("stop")):
        signal.raise_signal(signal.SIGINT)
        seen.append("went on")
    assert seen == ["stop", "went on"]


def test_second_signal_takes_its_course():
    seen = []
    with pytest.raises(KeyboardInterrupt), stop_signals(lambda: seen.append("stop")):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        seen.append("went on")
    assert seen == ["stop"]


def test_handlers_come_back():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyError), stop_signals(lambda: None):
        raise KeyError
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_other_threads_change_nothing():
    seen = []

    def run():
        with stop_signals(lambda: None):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows knows none")
def test_a_closed_terminal_is_deferred_unless_it_is_ignored():
    seen, before = [], signal.signal(signal.SIGHUP, lambda *_: seen.append("hung up"))
    try:
        with stop_signals(lambda: seen.append("stop")):
            signal.raise_signal(signal.SIGHUP)
            seen.append("went on")
        assert seen == ["stop", "went on", "hung up"]
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        with stop_signals(lambda: seen.append("stop")):
            signal.raise_signal(signal.SIGHUP)
        assert len(seen) == 3 and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
