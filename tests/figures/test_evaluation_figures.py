"""The figures of an evaluation: routing beside the exact one, outputs, QPU time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.figures.circuit_outputs import circuit_outputs_figure
from qmoe_qiskit.figures.evaluation.qpu_time import JobTime, qpu_time_figure
from qmoe_qiskit.figures.evaluation.routing_comparison import routing_comparison_figure

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from qmoe_qiskit.data import Split


@pytest.mark.parametrize("n_experts", [2, 4])
def test_routing_has_one_scale_and_rings(
    *,
    moons: Split,
    rng: np.random.Generator,
    n_experts: int,
    legend_of: Callable[[Figure], list[str]],
    assert_legible: Callable[[Figure], None],
) -> None:
    rows = moons.test
    exact_NE = rng.dirichlet(np.ones(n_experts), len(rows.labels_N))
    device_NE = rng.dirichlet(np.ones(n_experts), len(rows.labels_N))
    figure = routing_comparison_figure({"exact": exact_NE, "runtime:ibm_fez": device_NE}, rows)
    first, second, bar = figure.axes
    flips_N = exact_NE.argmax(axis=1) != device_NE.argmax(axis=1)
    title = " ".join(second.get_title().split())
    assert title.endswith(f"{flips_N.sum()} of {len(flips_N)} rows routed otherwise")
    rings = {a: c for a in (first, second) for c in a.collections if c.get_gid() == "rings"}
    assert len(rings[first].get_offsets()) == 0
    assert np.array_equal(rings[second].get_offsets(), rows.features_NF[flips_N])
    for axes, weights_NE in ((first, exact_NE), (second, device_NE)):
        for expert in range(n_experts):
            (drawn,) = (c for c in axes.collections if c.get_gid() == f"expert {expert}")
            here_N = weights_NE.argmax(axis=1) == expert
            assert np.array_equal(drawn.get_offsets(), rows.features_NF[here_N])
            shown_N = weights_NE[:, 1] if n_experts == 2 else weights_NE.max(axis=1)
            assert np.array_equal(drawn.get_array(), shown_N[here_N])
            assert tuple(drawn.norm.boundaries[[0, -1]]) == (0.0, 1.0)
    one = "routing weight of expert 1"
    assert bar.get_ylabel() == (one if n_experts == 2 else "largest routing weight")
    expected = [*(f"served by expert {e}" for e in range(n_experts)), "other expert than exact"]
    assert legend_of(figure) == expected
    assert_legible(figure)


def test_routing_of_many_features_is_projected(
    digits10: Split, rng: np.random.Generator, assert_legible: Callable[[Figure], None]
) -> None:
    weights_NE = rng.dirichlet(np.ones(3), len(digits10.test.labels_N))
    figure = routing_comparison_figure({"exact": weights_NE}, digits10.test)
    (heading,) = (t.get_text() for t in figure.texts)
    assert "projected onto their first two" in " ".join(heading.split())
    assert_legible(figure)
    with pytest.raises(InputError, match="of the same rows"):
        routing_comparison_figure({"exact": weights_NE[1:]}, digits10.test)


@pytest.mark.parametrize("n_outputs", [1, 2, 6])
def test_outputs_against_exact_ones(
    rng: np.random.Generator, n_outputs: int, assert_legible: Callable[[Figure], None]
) -> None:
    exact_NO = rng.uniform(-1, 1, (40, n_outputs))
    errors_NO = np.full_like(exact_NO, 0.05)
    errors_NO[0, 0] = np.nan
    values_NO = 0.9 * exact_NO + 0.05 * rng.normal(size=exact_NO.shape)
    labels = [f"Z{k}" for k in range(n_outputs)]
    figure = circuit_outputs_figure(
        exact_NO, values_NO, errors_NO, labels, title="runtime:ibm_fez, 40 rows"
    )
    assert len(figure.axes) == n_outputs
    limits = {(*axes.get_xlim(), *axes.get_ylim()) for axes in figure.axes}
    assert len(limits) == 1  # one scale
    for k, axes in enumerate(figure.axes):
        (points,) = (line for line in axes.lines if line.get_gid() == "estimates")
        assert np.array_equal(points.get_xdata(), exact_NO[:, k])
        assert np.array_equal(points.get_ydata(), values_NO[:, k])
        far = np.abs(values_NO - exact_NO)[:, k] > 1.96 * errors_NO[:, k]
        known = 39 if k == 0 else 40
        assert axes.get_title().endswith(f"{far.sum()} of {known} beyond 1.96 std. errors")
    assert_legible(figure)
    with pytest.raises(InputError, match="one shape"):
        circuit_outputs_figure(exact_NO, values_NO[1:], errors_NO, labels)
    with pytest.raises(InputError, match="at least one row"):
        circuit_outputs_figure(exact_NO[:0], values_NO[:0], errors_NO[:0], labels)


def test_charges_against_estimates(
    assert_legible: Callable[[Figure], None], legend_of: Callable[[Figure], list[str]]
) -> None:
    own = JobTime(device="ibm_fez", estimated_s=15.2, charged_s=17.0)
    other = JobTime(device="ibm_torino", estimated_s=60.0, charged_s=50.0, highlighted=False)
    figure = qpu_time_figure([own, other])
    (axes,) = figure.axes
    drawn = {
        line.get_gid(): (list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines
    }
    assert drawn["ibm_fez own"] == ([15.2], [17.0])
    assert drawn["ibm_torino other"] == ([60.0], [50.0])
    assert axes.get_title() == "this evaluation: 17.0 s charged,\n15.2 s estimated"
    assert "hollow: other jobs in the ledger" in legend_of(figure)
    assert_legible(figure)
    assert_legible(qpu_time_figure([own]))
    with pytest.raises(InputError, match="no job has been charged"):
        qpu_time_figure([JobTime(device="fake_fez", estimated_s=0.0, charged_s=0.0)])
