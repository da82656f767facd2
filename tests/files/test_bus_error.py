"""A map that is read where its file has ended, in a process of its own, as it ends by it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="maps of Windows keep their file")
READ = """
import os, sys
import numpy as np
from pyg_skeletonmae.io.npz import map_npy
whole, other = map_npy(sys.argv[1]), map_npy(sys.argv[2])
{before}
os.truncate(sys.argv[1], 5000)
print({read}, flush=True)
"""


def run(folder: Path, read: str, before: str = "") -> subprocess.CompletedProcess[str]:
    paths = [folder / "rows.npy", folder / "other.npy"]
    for path in paths:
        np.save(path, np.ones(100_000))
    code = READ.format(read=read, before=before)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-c", code, *paths], capture_output=True, text=True, env=environment,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("read", "before"),
    [
        ("whole.sum()", ""),
        ("whole[90_000]", ""),
        ("whole.tobytes()", "import faulthandler; faulthandler.enable()"),
        ("torch.from_numpy(whole)[torch.arange(0, 100_000, 7)].sum()", "import torch"),
        ("torch.from_numpy(whole).sum()", "import torch; torch.set_num_threads(2)"),
    ],
)
def test_the_file_is_named(tmp_path, read, before):
    done = run(tmp_path, read, before)
    assert done.returncode == 2 and done.stdout == ""
    line = done.stderr.splitlines()[-1]
    assert line.startswith(f"skeletonmae: error: {tmp_path / 'rows.npy'}: the file became shorter")
    assert line.endswith("from 800128 to 5000 bytes: something else writes there; restore it and "
                         "go on with the last checkpoint")  # fmt: skip


def test_what_is_left_can_be_read(tmp_path):
    done = run(tmp_path, "whole[:100].sum(), other.sum()")
    assert (done.returncode, done.stdout) == (0, "100.0 100000.0\n")


@pytest.mark.parametrize("before", ["", "import faulthandler; faulthandler.enable()"])
def test_a_signal_of_others_takes_its_course(tmp_path, before):
    done = run(tmp_path, "whole.sum()", f"{before}\nos.kill(os.getpid(), {int(signal.SIGBUS)})")
    assert done.returncode == -signal.SIGBUS and "became shorter" not in done.stderr
