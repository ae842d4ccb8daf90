"""The tutorials run, and are stored clean."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient

TUTORIALS = sorted((Path(__file__).parents[2] / "docs" / "tutorials").glob("*.ipynb"))


def test_there_is_one_for_each_user() -> None:
    assert [path.stem for path in TUTORIALS] == [
        "drift",
        "federated",
        "fewer-executions",
        "ibm-quantum",
        "many-experts",
        "own-circuit",
        "own-pytorch-model",
        "private-training",
    ]


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_stored_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", cell.id), "name the cell by what it does"
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
    assert notebook.cells[0].source.startswith("# ")


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_cells_can_be_compiled(path: Path) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            source = TransformerManager().transform_cell(cell.source)
            compile(source, f"{path.name}: {cell.id}", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.trial
@pytest.mark.process
@pytest.mark.filterwarnings("default")  # of Jupyter's client, in this process
@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("MPLBACKEND")  # figures go into the notebook
    # Whatever would be downloaded fails.
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()  # raises the error of a cell
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    said = "".join(o.text for o in outputs if o.output_type == "stream" and o.name == "stderr")
    assert "Warning" not in said
    figures = [o for o in outputs if "image/png" in o.get("data", {})]
    assert len(figures) >= 2
    if path.stem == "ibm-quantum":
        printed = "".join(o.text for o in outputs if o.output_type == "stream")
        assert "error" not in printed.replace("standard error", "").replace("an error in", "")
        assert re.search(r"ibm_torino\s+done", printed)
