"""How outcomes are judged is tested in test_run.py, where workers have processes of their own."""

from __future__ import annotations

from collections import Counter

import pytest

from fuzz.targets import TARGETS
from fuzz.worker import SAME_SHARE, make_case, write_case


@pytest.mark.parametrize("name", ["ntu", "store", "uiprmd"])
def test_cases_depend_on_reader_seed_and_number(name):
    target = TARGETS[name]
    seeds = target.seeds()
    cases = [make_case(target, seeds, name, 5, number) for number in range(40)]
    assert cases == [make_case(target, seeds, name, 5, number) for number in range(40)]
    assert cases[0] != make_case(target, seeds, name, 6, 0)
    assert len({tuple(sorted(case.files.items())) for case in cases}) > 25
    assert {case.seed for case in cases} == set(range(len(seeds)))
    assert all(len(case.changes) == 1 for case in cases if case.same)
    assert seeds == target.seeds(), "a case changed a seed"


def test_a_share_of_the_cases_keeps_its_meaning():
    target = TARGETS["pku_labels"]
    kinds = Counter(
        make_case(target, target.seeds(), "pku_labels", 0, number).same for number in range(400)
    )
    assert abs(kinds[True] / 400 - SAME_SHARE) < 0.1


def test_a_folder_holds_the_files_of_one_case(tmp_path):
    write_case(tmp_path, {"a": b"1", "b/c": b"2"})
    write_case(tmp_path, {"b/c": b"3", "d": b""})
    found = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert found == {"b/c", "d"} and (tmp_path / "b" / "c").read_bytes() == b"3"
