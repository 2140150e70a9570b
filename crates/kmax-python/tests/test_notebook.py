"""The notebook runs from top to bottom."""

from __future__ import annotations

import nbformat
from conftest import ROOT
from nbclient import NotebookClient

EXAMPLES = ROOT / "crates" / "kmax-python" / "examples"


def test_the_notebook_runs() -> None:
    notebook = nbformat.read(EXAMPLES / "tour.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(EXAMPLES)}}).execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    shown = [output for cell in cells for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in shown)
    assert all(output.output_type != "error" for output in shown)
