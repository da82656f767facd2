import io
import tokenize
from pathlib import Path

import pyg_skeletonmae

PACKAGE = Path(pyg_skeletonmae.__file__).parent
COUNTS = {"17", "25"}


def numbers(source: str) -> set[str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.string for token in tokens if token.type == tokenize.NUMBER}


def may_name_joint_counts(path: Path) -> bool:
    inside = path.relative_to(PACKAGE)
    return inside.name.startswith("layouts") or inside.parts[0] == "datasets"


def test_only_layouts_and_data_sets_know_how_many_joints_a_body_has():
    modules = [path for path in PACKAGE.rglob("*.py") if not may_name_joint_counts(path)]
    assert len(modules) > 5
    found = {
        str(path.relative_to(PACKAGE)): COUNTS & numbers(path.read_text(encoding="utf-8"))
        for path in modules
    }
    assert {name: counts for name, counts in found.items() if counts} == {}


def test_the_search_sees_numbers_and_nothing_else():
    assert numbers('"""17 joints"""\nx = 25  # not 17\ny = "25"\nz17 = 1.7') == {"25", "1.7"}
