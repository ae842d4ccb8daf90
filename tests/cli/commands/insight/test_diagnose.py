"""`qmoe diagnose`: a table, a document, a figure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from qmoe_qiskit.figures import gradient_variance_figure
from qmoe_qiskit.moe import gradient_variance

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL = ("diagnose", "--qubits", "2,3", "--layers", "1", "--draws", "20", "--seed", "3")


def test_the_document_has_what_the_function_finds(qmoe: Callable[..., Any], tmp_path: Path) -> None:
    figure = tmp_path / "variance.svg"
    outcome = qmoe(*SMALL, "--figure", str(figure), "--json")
    document = json.loads(outcome.stdout)
    expected = [gradient_variance("angle", n, 1, 20, 3) for n in (2, 3)]
    assert document["variances"] == [
        {"layers": 1, "qubits": one.n_qubits, "mean": one.mean, "largest": one.largest}
        for one in expected
    ]
    assert document["slopes"][0]["layers"] == 1
    assert "variance of the gradient" in figure.read_text()
    assert qmoe(*SMALL, "--figure", str(figure)).exit_code == 2  # it exists


def test_the_table(qmoe: Callable[..., Any]) -> None:
    outcome = qmoe(*SMALL)
    assert outcome.exit_code == 0
    assert "1 layer: per qubit the mean is multiplied by" in " ".join(outcome.stdout.split())


def test_the_figure_has_a_marker_per_depth_and_a_line_that_halves() -> None:
    figure = gradient_variance_figure({1: {2: 0.1, 4: 0.05}, 8: {2: 0.08, 4: 0.02}, 9: {2: 0.0}})
    (axes,) = figure.axes
    shallow, deep, empty, fall = axes.lines
    assert len({shallow.get_marker(), deep.get_marker()}) == 2
    assert list(empty.get_xdata()) == []
    assert list(fall.get_ydata()) == [0.1, 0.025]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("qubits", "variance of the gradient")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--qubits", "0"], "--qubits must be numbers of at least 1, such as 2,4,8; got '0'"),
        (["--layers", "a"], "--layers must be numbers"),
        (["--qubits", "21"], "at most 20 qubits"),
        (["--circuit", "tree"], "unknown circuit 'tree'"),
        (["--observable", "ZZ"], "unknown observable 'ZZ'"),
        (["--figure", "a.bmp"], "unknown format of figures 'bmp': known are pdf, png, svg"),
    ],
)
def test_bad_input(
    options: list[str],
    words: str,
    qmoe: Callable[..., Any],
    assert_refused: Callable[[Any, str], None],
) -> None:
    assert_refused(qmoe("diagnose", *options), words)
