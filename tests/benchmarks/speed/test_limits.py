import json

from speed import limits
from speed.graph import main


def test_it_runs_and_writes(tmp_path, capsys):
    page, figures = tmp_path / "SPEED.md", tmp_path / "speed.json"
    page.write_text(f"# Speed\n\nNotes.\n\n{limits.MARK}\n\nold\n")
    command = ["--only", "limits", "--quick", "--repeats", "1", "--clock", "cpu", "--threads", "1"]
    main([*command, "--json", str(figures), "--markdown", str(page)])
    found = json.loads(figures.read_text())
    assert {row["encoder"] for row in found["inference"]} == set(limits.MAKERS)
    assert {row["system"] for row in found["training"]} == {"graph", "vit", "st-gcn"}
    rows = found["inference"] + found["training"]
    assert all(row["gflop"] > 0 and row["floor"] > 0 for row in rows)
    assert found["machine"]["copy"] > 0
    assert all(row["textbook"] > 0 for row in found["memory"])
    text = page.read_text()
    assert text.startswith("# Speed\n\nNotes.") and "old" not in text
    assert "| graph, 2 |" in text and "| st-gcn |" in text
    assert "GFLOP/s" in capsys.readouterr().out


def test_the_code_for_an_earlier_commit_makes_the_same_encoders():
    assert limits.ENCODERS.keys() == limits.MAKERS.keys()
    for name, make in limits.MAKERS.items():
        assert limits.ENCODERS[name][0].startswith(type(make()).__name__)
    compile(limits.CHILD, "child", "exec")
