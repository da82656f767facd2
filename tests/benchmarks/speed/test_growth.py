from __future__ import annotations

import json

import pytest
from speed import growth, limits
from speed.graph import main, write_section


def test_it_runs_and_writes(tmp_path, capsys):
    page, figures = tmp_path / "SPEED.md", tmp_path / "speed.json"
    command = ["--only", "growth", "--quick", "--repeats", "1", "--clock", "cpu", "--threads", "1"]
    main([*command, "--json", str(figures), "--markdown", str(page)])
    rows = json.loads(figures.read_text())
    assert {(row["system"], row["size"]) for row in rows} == {
        (system, size) for system in growth.SYSTEMS for size in growth.SIZES
    }
    assert page.read_text().startswith(growth.MARK) and "| graph | time |" in page.read_text()
    for row in rows:  # what is saved is counted, and the same everywhere
        if row["size"] in ("clips", "persons"):
            assert row["saved exponent"] == pytest.approx(1.0, abs=0.05)
    assert "| st-gcn | FLOPs |" in capsys.readouterr().out


def test_no_memory_grows_with_the_square_of_the_joints():
    """Where attention or an adjacency were written out, it would."""
    for system, make in growth.SYSTEMS.items():
        sizes = [growth.Size(width=32, depth=1, frames=64, joints=joints) for joints in (34, 136)]
        saved = [growth.saved_bytes(make(size), growth.make_batch(size)) for size in sizes]
        assert saved[1] < 4.4 * saved[0], system


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0])
def test_the_exponent_is_that_of_a_power(power):
    sizes = [1.0, 3.0, 7.0]
    assert growth.exponent(sizes, [5 * size**power for size in sizes]) == pytest.approx(power)


def test_sections_of_a_page_stand_beside_each_other(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Speed\n")
    write_section(page, limits.MARK, "one\n")
    write_section(page, growth.MARK, "two\n")
    write_section(page, limits.MARK, "three\n")
    expected = ["# Speed", limits.MARK, "three", growth.MARK, "two"]
    assert page.read_text() == "\n\n".join(expected) + "\n"
