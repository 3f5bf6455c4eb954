"""Notebooks are stored without outputs and run from top to bottom on the synthetic corpus."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks_and_they_are_numbered():
    assert NOTEBOOKS
    assert [path.name[:2] for path in NOTEBOOKS] == [f"{i + 1:02d}" for i in range(len(NOTEBOOKS))]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestNotebook:
    def test_is_stored_without_outputs(self, path):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                assert cell.outputs == []
                assert cell.execution_count is None

    # the kernel's own machinery, not the library's
    @pytest.mark.filterwarnings("ignore::DeprecationWarning:zmq")
    @pytest.mark.filterwarnings("ignore:Proactor event loop:RuntimeWarning")
    def test_runs(self, path, tmp_path):
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
        pictures = [
            out for cell in notebook.cells for out in cell.get("outputs", []) if "image/png" in out.get("data", {})
        ]
        assert pictures
        errors = [out for cell in notebook.cells for out in cell.get("outputs", []) if out.get("name") == "stderr"]
        assert not any("Traceback" in out["text"] for out in errors)
