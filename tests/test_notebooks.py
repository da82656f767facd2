"""The notebooks run from top to bottom as they are, and are committed with their results."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
MACHINE_PATH = re.compile(r"(?<![\w.~:/])/(home|root|tmp|work|Users|opt|usr|mnt|private)/|[A-Z]:\\")

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem[:2])


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def figures(notebook: nbformat.NotebookNode) -> list[str]:
    return [o.data["image/png"] for o in outputs(notebook) if "image/png" in o.get("data", {})]


def test_there_are_notebooks() -> None:
    assert [path.stem[:2] for path in NOTEBOOKS] == ["01", "02", "03", "04", "05", "06", "07"]


@pytest.mark.slow
@each_notebook
def test_a_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKELETONMAE_SMALL", "1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    committed = read(path)
    notebook = read(path)
    for cell in code_cells(notebook):
        cell.outputs, cell.execution_count = [], None
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
    assert not [o for o in outputs(notebook) if o.output_type == "error"]
    assert not [o.text for o in outputs(notebook) if o.get("name") == "stderr"]
    assert len(figures(notebook)) == len(figures(committed))
    assert {file.name for file in tmp_path.iterdir()} <= {"ipython"}, "it leaves files behind"


@each_notebook
def test_a_notebook_is_committed_with_its_results(path: Path) -> None:
    notebook = read(path)
    nbformat.validate(notebook)
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1)), "run once, from top to bottom"
    assert len(figures(notebook)) >= 3
    assert not [o for o in outputs(notebook) if o.get("name") == "stderr"]
    assert not [o for o in outputs(notebook) if o.output_type == "error"]


@each_notebook
def test_a_notebook_speaks_of_no_machine(path: Path) -> None:
    notebook = read(path)
    texts = [cell.source for cell in notebook.cells]
    for output in outputs(notebook):
        data = output.get("data", {})
        texts += [
            output.get("text", ""),
            *(str(data[kind]) for kind in data if "image" not in kind),
        ]
    found = [text for text in texts if MACHINE_PATH.search(text)]
    assert not found
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert path.stat().st_size < 1_000_000


@each_notebook
def test_a_notebook_is_prose_between_short_cells(path: Path) -> None:
    notebook = read(path)
    assert notebook.cells[0].source.startswith(f"# {path.stem[:2]} · ")
    assert max(len(cell.source.splitlines()) for cell in code_cells(notebook)) <= 35
    assert (
        max(len(line) for cell in code_cells(notebook) for line in cell.source.splitlines()) < 140
    )
