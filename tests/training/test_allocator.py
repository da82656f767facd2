from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from pyg_skeletonmae.training import allocator

SCRIPT = """
import ctypes, resource, runpy, sys
keep_memory = runpy.run_path(sys.argv[1])["keep_memory"]
def faults():
    for _ in range(20):
        buffer = ctypes.CDLL(None).malloc
        buffer.restype, buffer.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
        free = ctypes.CDLL(None).free
        free.argtypes = [ctypes.c_void_p]
        place = buffer(2**26)
        ctypes.memset(place, 1, 2**26)
        free(place)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
start = faults()
before = faults() - start
assert keep_memory()
assert not keep_memory(), "it is so already"
kept = faults()
print(before, faults() - kept)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_buffers_are_kept():
    command = [sys.executable, "-c", SCRIPT, allocator.__file__]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    before, after = map(int, done.stdout.split())
    assert after < before / 10


def test_other_platforms_are_left_alone(monkeypatch):
    monkeypatch.setattr(allocator.sys, "platform", "darwin")
    assert not allocator.keep_memory()
    monkeypatch.setattr(allocator.sys, "platform", "linux")
    monkeypatch.setattr(allocator.platform, "libc_ver", lambda: ("musl", "1.2"))
    assert not allocator.keep_memory()
