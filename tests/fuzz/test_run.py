"""The short run of the fuzzing; the long one is a command, see docs/data.md."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import fuzz_helpers
import pytest

from fuzz import run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limits are those of Linux")


@pytest.fixture(scope="module")
def runs() -> dict[str, subprocess.CompletedProcess[str]]:
    """What the script prints and its exit status; in a process of its own, since it forks."""
    script = [sys.executable, fuzz_helpers.__file__]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    parts = re.split(r"^done (\w+) (\d)\n", done.stdout, flags=re.MULTILINE)
    assert parts[1::3] == list(fuzz_helpers.RUNS), done.stderr
    return {
        name: subprocess.CompletedProcess(script, int(status), output, done.stderr)
        for output, name, status in zip(parts[::3], parts[1::3], parts[2::3], strict=False)
    }


def counts(output: str) -> dict[str, list[int]]:
    rows = re.findall(r"^(\w+)((?: +\d+){4})$", output, re.MULTILINE)
    return {name: [int(number) for number in numbers.split()] for name, numbers in rows}


def test_no_reader_fails_in_a_short_run(runs):
    done = runs["short"]
    assert done.returncode == 0 and not done.stderr, done.stdout + done.stderr
    found = counts(done.stdout)
    assert set(found) == {*run.TARGETS, "all"}
    for name, (equal, _, refused, fail) in found.items():
        assert equal > 0 and refused > 0 and fail == 0, name
    assert sum(found["all"]) == 40 * len(run.TARGETS)
    print(done.stdout)


def test_whatever_goes_wrong_is_found_and_named(runs):
    done = runs["bad"]
    assert done.returncode == 1
    assert counts(done.stdout)["bad"] == [3, 0, 0, 12], done.stdout + done.stderr
    said = dict(re.findall(r"^bad:0:(\d+) (.*)$", done.stdout, re.MULTILINE))
    wanted = {
        1: "raised: KeyError", 2: "warned 'careful'", 3: "its process died: exit status 7",
        4: "took 0.", 5: "its process died: SIGPROF", 6: "wanted more than 500 MB",
        7: "did os.system", 8: "changed files", 9: "another result when read again",
        10: "read /etc/hostname", 11: "executed <text>", 12: "raised: SkeletonFormatError",
    }  # fmt: skip
    assert sorted(map(int, said)) == sorted(wanted)
    for number, text in wanted.items():
        assert text in said[str(number)], (number, said[str(number)])


def test_one_case_again(runs):
    done = runs["only"]
    pattern = r".+ of seed file \d: (equal|other|refused); files in (.+)\n"
    folder = Path(re.fullmatch(pattern, done.stdout)[2])
    target = run.TARGETS["pku_labels"]
    case = run.make_case(target, target.seeds(), "pku_labels", 3, 4)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == case.files
    shutil.rmtree(folder)
    assert done.returncode == 0


def test_an_unknown_reader(capsys):
    with pytest.raises(SystemExit):
        run.main(["--reader", "none"])
    assert "invalid choice" in capsys.readouterr().err
