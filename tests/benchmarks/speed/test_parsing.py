from __future__ import annotations

from pathlib import Path

import numpy as np
from speed.parsing import parsing_steps, read_plainly, write_file

from pyg_skeletonmae.io import read_ntu


def test_the_plain_reader_reads_what_ours_does(tmp_path: Path) -> None:
    write_file(tmp_path / "S001C001P001R001A001.skeleton", frames=4, bodies=2, seed=0)
    ours = read_ntu(tmp_path / "S001C001P001R001A001.skeleton").bodies
    plain = read_plainly(tmp_path / "S001C001P001R001A001.skeleton")
    assert [body.id for body in ours] == list(plain) and len(ours) == 2
    for body in ours:
        np.testing.assert_array_equal(body.joints, plain[body.id])


def test_steps_say_how_much_they_read(tmp_path: Path) -> None:
    steps, size = parsing_steps(tmp_path)
    assert size == sum(path.stat().st_size for path in tmp_path.iterdir()) > 0
    read = [step() for step in steps.values()]
    assert [len(found) for found in read] == [4, 4]
