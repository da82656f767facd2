"""What is looked at while a training goes on, and when it counts as flat."""

from __future__ import annotations

import os

from soak.hour import Look, look, report


def looks(mib: float = 0, files: float = 0) -> list[Look]:
    """From 0 to 1,000 s, growing by so much in all."""
    return [Look(10 * i, 400 + mib * i / 100, 6 + int(files * i / 100), 900, 3) for i in range(101)]


def test_flat(capsys):
    assert report(looks()) == 0
    assert "mib: 400.0 at the start, 400.0 at the end, +0.00 an hour" in capsys.readouterr().out


def test_growth_is_seen_after_the_warm_up():
    assert report(looks(mib=60)) == 1 and report(looks(files=5)) == 1
    early = [one._replace(mib=100.0) if one.seconds < 100 else one for one in looks()]
    assert report(early) == 0


def test_a_process_that_opens_a_file(tmp_path):
    before = look(os.getpid(), 0.0)
    with (tmp_path / "a").open("w"):
        assert look(os.getpid(), 1.0).files == before.files + 1
    assert before.mib > 50 and before.maps > 10 and before.threads >= 1
