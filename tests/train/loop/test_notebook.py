"""In a notebook: a bar that stays, objects on one line, figures shown once, and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.process,
    # Of the client, in this process.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

CELLS = (
    """
import warnings
warnings.simplefilter("error")
from sklearn.datasets import make_moons
from qmoe_qiskit import QMoEClassifier
from qmoe_qiskit.train.loop import progress
X, y = make_moons(80, noise=0.2, random_state=0)
model = QMoEClassifier("linear", max_epochs=5, random_state=0)
""",
    "progress.DELAY_S = 0.0\nmodel.fit(X, y);",
    "progress.DELAY_S = 60.0\nmodel.fit(X, y);",
    """
from concurrent.futures import ThreadPoolExecutor
progress.DELAY_S = 0.0
with ThreadPoolExecutor(2) as pool:
    list(pool.map(lambda _: QMoEClassifier("linear", max_epochs=3).fit(X, y), range(2)));
""",
    "QMoEClassifier('linear', max_epochs=3, verbose=False).fit(X, y);",
    "model.plot_decision_boundary(X, y)",
    "import matplotlib.pyplot as plt\nfigure = model.plot_routing_map(X, y)",
    "figure",
    "fig, ax = plt.subplots()\nmodel.plot_loss(ax=ax);",
    """
from qmoe_qiskit import angle_router, open_backend
open_backend("statevector").compile(angle_router(2, 1))
""",
)


# As MPLBACKEND would, which Jupyter sets, had matplotlib not been imported before.
KERNEL = """
import matplotlib
from ipykernel.kernelapp import launch_new_instance
matplotlib.rcParams["backend"] = "module://matplotlib_inline.backend_inline"
launch_new_instance()
"""


@pytest.fixture(scope="module")
def outputs(python: str, tmp_path_factory: pytest.TempPathFactory) -> list[list[Any]]:
    folder: Path = tmp_path_factory.mktemp("notebook")
    (folder / "kernel.py").write_text(KERNEL)
    kernel = folder / "kernels" / "forked"
    kernel.mkdir(parents=True)
    argv = [python, str(folder / "kernel.py"), "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Python", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MPLBACKEND", raising=False)  # a kernel has its own
        patch.setenv("IPYTHONDIR", str(folder))
        patch.setenv("JUPYTER_PATH", str(folder))
        cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
        notebook = nbformat.v4.new_notebook(cells=cells)
        client = nbclient.NotebookClient(
            notebook, timeout=300, kernel_name="forked", resources={"metadata": {"path": folder}}
        )
        client.execute()
    return [cell.outputs for cell in notebook.cells]


def test_a_bar_shows_the_last_epoch_and_stays(outputs: list[list[Any]]) -> None:
    (bar,) = outputs[1]
    assert bar.output_type == "display_data"
    assert set(bar.data) == {"text/plain", "text/html"}
    assert bar.data["text/plain"].startswith("training: epoch 5 of 5, loss 0.")
    assert '<progress max="5" value="5">' in bar.data["text/html"]


def test_a_short_or_quiet_fit_shows_nothing(outputs: list[list[Any]]) -> None:
    assert outputs[0] == outputs[2] == outputs[4] == []


def test_threads_have_a_bar_each(outputs: list[list[Any]]) -> None:
    texts = [one.data["text/plain"] for one in outputs[3]]
    assert len(texts) == 2
    assert all(text.startswith("training: epoch 3 of 3") for text in texts)


def test_figures_are_shown_once(outputs: list[list[Any]]) -> None:
    for cell in (5, 7):
        (shown,) = outputs[cell]
        assert (shown.output_type, "image/png" in shown.data) == ("execute_result", True)
    assert outputs[6] == []
    (drawn,) = outputs[8]  # pyplot's own
    assert (drawn.output_type, "image/png" in drawn.data) == ("display_data", True)


def test_a_compiled_router_is_one_line(outputs: list[list[Any]]) -> None:
    (shown,) = outputs[9]
    assert shown.data["text/plain"].startswith("<BatchedRouter on 'statevector': qubits 0 1, depth")
