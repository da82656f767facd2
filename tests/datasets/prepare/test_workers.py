import os
import signal
import time

import pytest
import torch

from pyg_skeletonmae.datasets.prepare.workers import run_calls
from pyg_skeletonmae.errors import ConfigError, DataError


def touch(folder, number):
    (folder / str(number)).touch()
    time.sleep(0.05)
    return os.getpid(), torch.get_num_threads()


def fail(number):
    if number == 3:
        raise ValueError("number three")
    return number


def die(number):
    os.kill(os.getpid(), signal.SIGKILL)


def test_here(tmp_path):
    found = []
    run_calls(touch, [(tmp_path, number) for number in range(3)], 0, found.append)
    assert {pid for pid, _ in found} == {os.getpid()} and len(list(tmp_path.iterdir())) == 3
    run_calls(touch, [], 0, found.append)


def test_in_processes(tmp_path):
    found = []
    run_calls(touch, [(tmp_path, number) for number in range(8)], 2, found.append)
    assert len(found) == 8 == len(list(tmp_path.iterdir()))
    assert os.getpid() not in {pid for pid, _ in found}
    assert {threads for _, threads in found} == {1}


@pytest.mark.parametrize("workers", [0, 2])
def test_error_of_a_call(workers):
    with pytest.raises(ValueError, match="number three"):
        run_calls(fail, [(number,) for number in range(5)], workers, lambda result: None)


def test_dead_worker():
    with pytest.raises(DataError, match="a worker process died"):
        run_calls(die, [(1,), (2,)], 2, lambda result: None)


def test_interrupted(tmp_path):
    def interrupt(result):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_calls(touch, [(tmp_path, number) for number in range(40)], 2, interrupt)
    begun = len(list(tmp_path.iterdir()))
    time.sleep(0.3)
    assert begun == len(list(tmp_path.iterdir())) < 20, "what has begun is finished, no more"


def test_negative():
    with pytest.raises(ConfigError, match="workers -1: expected 0 or more"):
        run_calls(fail, [], -1, lambda result: None)
