"""Error bars: against finite differences, and against the scatter of repeated sampling."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from qiskit.quantum_info import SparsePauliOp, Statevector
from scipy import stats

from qmoe_qiskit.backends import Expectations
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.circuits.angle import basis_projectors
from qmoe_qiskit.cli.output.predictions import evaluation_csv
from qmoe_qiskit.data import load_dataset
from qmoe_qiskit.runs import TrainingRequest, evaluate_run, load_run, train_run
from qmoe_qiskit.runs.error_bars import error_bars
from qmoe_qiskit.runs.shot_correlations import shot_correlations
from qmoe_qiskit.train import QMoEClassifier

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

N_ROWS = 6


@pytest.fixture(scope="module", params=["expectations", "probabilities", "components"])
def model(request: pytest.FixtureRequest) -> tuple[QMoEClassifier, NDArray[np.float64]]:
    """A classifier and some rows."""
    settings: dict[str, Any] = {"n_layers": 1, "max_epochs": 2, "random_state": 0, "n_experts": 3}
    name = "moons"
    if request.param == "components":
        name = "digits10"
        settings["n_qubits"] = 3
    elif request.param == "probabilities":
        settings["readout"] = "probabilities"
    data = load_dataset(name, n_samples=60)
    classifier = QMoEClassifier(**settings).fit(data.features_NF, data.labels_N)
    return classifier, data.features_NF[:N_ROWS]


def predicted(
    classifier: QMoEClassifier, features_NF: NDArray[np.float64], values_NO: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Probabilities and weights for given outputs of the circuit, in NumPy."""
    router = classifier.module_.router
    quantum = getattr(router, "router", router)
    if quantum.adapter is not None:
        matrix = quantum.adapter.weight.detach().numpy()
        scores_NE = values_NO @ matrix.T + quantum.adapter.bias.detach().numpy()
        weights_NE = np.exp(scores_NE - scores_NE.max(axis=1, keepdims=True))
    else:
        weights_NE = values_NO
    weights_NE = weights_NE / weights_NE.sum(axis=1, keepdims=True)
    scaled = torch.from_numpy(classifier.feature_map_.scale(features_NF))
    experts_NEC = np.stack([e(scaled).detach().numpy() for e in classifier.module_.experts], axis=1)
    logits_NC = np.einsum("ne,nec->nc", weights_NE, experts_NEC)
    shares_NC = np.exp(logits_NC - logits_NC.max(axis=1, keepdims=True))
    return shares_NC / shares_NC.sum(axis=1, keepdims=True), weights_NE


def test_slopes_are_those_of_finite_differences(
    model: tuple[QMoEClassifier, NDArray[np.float64]],
) -> None:
    classifier, features_NF = model
    compiled = classifier.compiled_router
    assert compiled is not None
    ((inputs_BF, weights_W),) = classifier.circuit_arguments(features_NF)
    values_NO = compiled.expectations(inputs_BF, weights_W).values
    step = 1e-5
    for output in range(values_NO.shape[1]):
        # Errors of one output alone: its slopes.
        errors_NO = np.zeros_like(values_NO)
        errors_NO[:, output] = 1.0
        bars = error_bars(
            classifier, features_NF, Expectations(values=values_NO, std_errors=errors_NO, shots=1)
        )
        up, down = (
            predicted(classifier, features_NF, values_NO + sign * step * errors_NO)
            for sign in (1, -1)
        )
        for found, above, below in zip(
            (bars.probability_errors_NC, bars.weight_errors_NE), up, down, strict=True
        ):
            assert found == pytest.approx(np.abs(above - below) / (2 * step), rel=1e-5, abs=1e-8)


def covariances(router: RouterCircuit, state: Statevector) -> NDArray[np.float64]:
    """Of one shot, from Qiskit's expectation values; all observables are diagonal."""
    o = router.observables
    means = [state.expectation_value(each).real for each in o]
    return np.array(
        [
            [state.expectation_value(a @ b).real - means[i] * means[j] for j, b in enumerate(o)]
            for i, a in enumerate(o)
        ]
    )


@pytest.mark.parametrize("readout", ["Z", "projectors", "sums"])
def test_correlations_are_those_of_the_state(readout: str, rng: np.random.Generator) -> None:
    router = angle_router(3, n_layers=2)
    if readout == "projectors":
        router = router.with_observables(basis_projectors(3, 5))
    elif readout == "sums":
        router = router.with_observables([{"IIZ": 0.5, "ZZI": -2.0, "III": 1.0}, "IZI", "ZII"])
    inputs_BF = rng.uniform(0, np.pi, (4, 3))
    weights_W = rng.uniform(-np.pi, np.pi, router.n_weights)
    found_BOO = shot_correlations(router, inputs_BF, weights_W)
    for inputs_F, found_OO in zip(inputs_BF, found_BOO, strict=True):
        covariance_OO = covariances(router, Statevector(router.bind(inputs_F, weights_W)))
        scale_O = np.sqrt(np.diag(covariance_OO))
        assert found_OO == pytest.approx(covariance_OO / np.outer(scale_O, scale_O), abs=1e-9)


def test_bases_have_independent_shots(rng: np.random.Generator) -> None:
    """X0 and Z0 share no shot; Z0 and ZZ share one; an output that is certain has no partner."""
    router = angle_router(2, n_layers=3)
    router = router.with_observables(["IX", "IZ", "ZZ", SparsePauliOp(["II"])])
    found_BOO = shot_correlations(
        router, rng.uniform(0, np.pi, (3, 2)), rng.uniform(-np.pi, np.pi, router.n_weights)
    )
    assert (found_BOO[:, 0, 1] == 0).all()
    assert (np.abs(found_BOO[:, 1, 2]) > 1e-3).all()
    assert (found_BOO[:, 3, :3] == 0).all()
    assert (np.diagonal(found_BOO, axis1=1, axis2=2) == 1).all()


def test_scatter_of_repeated_sampling(
    model: tuple[QMoEClassifier, NDArray[np.float64]], rng: np.random.Generator
) -> None:
    """Outcomes drawn from Qiskit's states scatter as the error bars say."""
    classifier, features_NF = model
    compiled = classifier.compiled_router
    assert compiled is not None
    router = compiled.router
    ((inputs_BF, weights_W),) = classifier.circuit_arguments(features_NF)
    shots, repetitions = 20_000, 400
    diagonals_OD = np.array([np.diag(o.to_matrix()).real for o in router.observables])
    probabilities_BD = np.array(
        [Statevector(router.bind(x_F, weights_W)).probabilities() for x_F in inputs_BF]
    )
    values_BO = probabilities_BD @ diagonals_OD.T
    variances_BO = probabilities_BD @ (diagonals_OD**2).T - values_BO**2
    bars = error_bars(
        classifier,
        features_NF,
        Expectations(
            values=values_BO,
            std_errors=np.sqrt(np.maximum(variances_BO, 0) / shots),
            shots=shots,
        ),
    )
    counts_RBD = rng.multinomial(shots, probabilities_BD, size=(repetitions, len(values_BO)))
    drawn = [
        predicted(classifier, features_NF, c_BD @ diagonals_OD.T / shots) for c_BD in counts_RBD
    ]
    # Of a normal sample, (R - 1) s^2 / sigma^2 has a chi-squared distribution. The linear form is
    # wrong by a few percent where a slope is small beside the curvature.
    found = np.concatenate([bars.probability_errors_NC, bars.weight_errors_NE], axis=1)
    scatter = np.concatenate([np.std(each, axis=0, ddof=1) for each in zip(*drawn, strict=True)], 1)
    low, high = np.sqrt(stats.chi2.ppf([1e-6, 1 - 1e-6], repetitions - 1) / (repetitions - 1))
    matters = found > 1e-4
    assert matters.mean() > 0.5
    ratio = scatter[matters] / found[matters]
    assert ratio.min() > 0.95 * low
    assert ratio.max() < 1.05 * high


def test_margins_tell_how_near_another_label_is(
    model: tuple[QMoEClassifier, NDArray[np.float64]],
) -> None:
    """The margin halves when the errors double, and is infinite without errors."""
    classifier, features_NF = model
    compiled = classifier.compiled_router
    assert compiled is not None
    ((inputs_BF, weights_W),) = classifier.circuit_arguments(features_NF)
    values = compiled.expectations(inputs_BF, weights_W).values

    def bars(error: float) -> Any:
        errors = np.full_like(values, error)
        return error_bars(
            classifier, features_NF, Expectations(values=values, std_errors=errors, shots=1)
        )

    assert bars(0.02).margins_N == pytest.approx(bars(0.01).margins_N / 2)
    assert np.isinf(bars(0.0).margins_N).all()
    assert not bars(0.0).uncertain_N.any()
    assert bars(1e3).uncertain_N.all()
    unknown = bars(np.nan)
    assert np.isnan(unknown.probability_errors_NC).all()
    assert np.isnan(unknown.margins_N).all()
    assert not unknown.uncertain_N.any()


def test_every_row_of_an_evaluation(finished: Path) -> None:
    run = load_run(finished, backend="noisy:ibmq_manila", shots=64)
    result = evaluate_run(run)
    rows = list(csv.DictReader(io.StringIO(evaluation_csv(run, result))))
    assert len(rows) == result.n_rows
    hits = [row["label"] == row["predicted"] for row in rows]
    assert np.mean(hits) == result.metrics["accuracy"].value
    own = load_dataset("moons", n_samples=run.manifest.data.n_samples, seed=run.manifest.data.seed)
    for row, features_F in zip(rows, result.selected.features_NF, strict=True):
        assert np.array_equal(own.features_NF[int(row["data_row"])], features_F)
        assert str(own.labels_N[int(row["data_row"])]) == row["label"]
        assert 0 < float(row["std_error_weight_expert_0"]) < 0.5
        assert row["decision_uncertain"] in {"true", "false"}
        total = sum(float(value) for name, value in row.items() if name.startswith("probability_"))
        assert total == pytest.approx(1)


@pytest.mark.parametrize("backend", ["statevector", "noisy:ibmq_manila"])
def test_exact_values_have_no_errors(finished: Path, backend: str) -> None:
    run = load_run(finished, backend=backend)
    rows = list(csv.DictReader(io.StringIO(evaluation_csv(run, evaluate_run(run)))))
    errors = {v for row in rows for name, v in row.items() if name.startswith("std_error_")}
    assert errors == {"0.0"}
    assert {row["decision_uncertain"] for row in rows} == {"false"}


def test_a_classical_router_has_no_errors(tmp_path: Path) -> None:
    request = TrainingRequest(router="linear", n_samples=40, max_epochs=1, control=None)
    run = train_run(request, tmp_path / "run")
    (header, *rows) = csv.reader(io.StringIO(evaluation_csv(run, evaluate_run(run))))
    assert header[:5] == ["row", "data_row", "label", "predicted", "decision_uncertain"]
    place = header.index("std_error_probability_0")
    assert {row[place] for row in rows} == {"0.0"}
