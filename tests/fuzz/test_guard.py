"""What the guard finds is tested in test_run.py; here it watches the recorded hostile files."""

from __future__ import annotations

import json
import subprocess
import sys

import hostile_helpers
import pytest
from oracle_helpers import oracles

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limits are those of Linux")
SIZES = {
    "pickles": 36, "skeleton": 45, "pku": 38, "npz": 31, "openpose": 24, "bvh": 28,
    "skeleton_yaml": 30,
}  # fmt: skip
ACCEPTED = {
    "pickles": set(),
    # An id with leading zeros is a number all the same, and files may have any name.
    "skeleton": {
        f"{name}.skeleton"
        for name in (
            "id_leading_zero_alias", "not_an_ntu_name", "ok_bom", "ok_cr_only", "ok_exponents",
            "ok_no_final_newline", "ok_reference", "ok_tabs_and_spaces", "ok_trailing_blank_lines",
            "ok_trailing_blanks",
        )
    },
    "npz": {
        f"{name}.npz"
        for name in (
            "ok_reference", "x_float64", "x_float16", "x_big_endian", "x_fortran_order",
            "extra_arrays", "empty_train",
        )
    },
    "openpose": {"people_empty.json"},
    "bvh": {"ok_crlf_spaces.bvh", "ok_lower_case_keywords.bvh"},
    "skeleton_yaml": set(),
}  # fmt: skip


def pku_accepted(name: str) -> bool:
    """The half of each pair that is not damaged, and what is odd but valid."""
    case, part, _ = name.split(".")
    valid = ("skeleton_one_line", "label_single_line", "label_empty")
    valid += ("label_three_columns", "label_blank_lines_crlf")
    return not case.startswith(part) or case in valid


@pytest.mark.oracle
def test_hostile_files_within_the_limits(tmp_path):
    hostile = oracles() / "data" / "hostile"
    command = [sys.executable, hostile_helpers.__file__, hostile, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1000:]
    found = json.loads(done.stdout)
    assert found.pop("left") == []
    assert {kind: len(files) for kind, files in found.items()} == SIZES
    for kind, files in found.items():
        refusal = "SkeletonError" if kind == "skeleton_yaml" else "SkeletonFormatError"
        for name, file in files.items():
            assert not file["problems"], (kind, name, file["problems"])
            good = pku_accepted(name) if kind == "pku" else name in ACCEPTED[kind]
            assert good == (file["error"] is None), (kind, name, file["error"])
            if file["error"]:
                error, message = file["error"]
                shown = "clip_0_keypoints.json" if kind == "openpose" else name
                assert error == refusal and shown in message
                assert "\n" not in message and len(message) < 1000
