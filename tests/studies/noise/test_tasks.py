"""The tasks of the study of noise, where the answer is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from qmoe_qiskit.backends.mitigation.folding import extrapolation
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.studies.noise.bitstrings import observe_with_values
from qmoe_qiskit.studies.noise.tasks import METHODS, MitigationTask, PinnedTask, ShotsTask
from qmoe_qiskit.studies.training.circuit_execution import EXACT, CircuitExecution
from qmoe_qiskit.studies.training.measuring import observe_rows
from qmoe_qiskit.studies.training.train_task import TrainTask, fit

SMALL: dict[str, Any] = {"seed": 4, "n_layers": 2, "n_samples": 80, "epochs": 3}
MANILA = CircuitExecution(backend="noisy:ibmq_manila")
WITHOUT = CircuitExecution(backend="noisy:ibmq_manila", gates=0.0, relaxation=0.0, readout=0.0)


def by_method(task: MitigationTask) -> list[dict[str, dict[str, float]]]:
    """Return what was measured, by number of executions and method."""
    rows = task.run()["mitigation"]
    assert len(rows) == len(task.executions) * len(METHODS)
    n = len(METHODS)
    return [
        dict(zip(METHODS, rows[k * n : (k + 1) * n], strict=True))
        for k in range(len(task.executions))
    ]


@pytest.mark.parametrize("backend", ["statevector", "noisy:depolarizing:0.2", "noisy:ibmq_manila"])
def test_values_route_as_the_circuit_does(backend: str) -> None:
    fitted = fit(TrainTask(**SMALL, train_on=CircuitExecution(backend=backend)))
    model, rows = fitted.classifier, fitted.split.test
    compiled = model.compiled_router
    assert compiled is not None
    inputs_BF = model.feature_map_.scale(rows.features_NF)
    weights_W = model.circuit_arguments(fitted.split.train.features_NF)[0][1]
    values_BO = compiled.expectations(inputs_BF, weights_W).values
    by_values, by_model = observe_with_values(model, rows, values_BO), observe_rows(model, rows)
    np.testing.assert_allclose(by_values.weights_NE, by_model.weights_NE, atol=1e-12)
    np.testing.assert_allclose(by_values.probabilities_NC, by_model.probabilities_NC, atol=1e-12)
    np.testing.assert_array_equal(by_values.hits_N, by_model.hits_N)


def test_it_is_a_training_measured_with_shots_too() -> None:
    noise = CircuitExecution(backend="noisy:depolarizing:0.1")
    fields = {**SMALL, "train_on": noise, "settings": (noise, MANILA)}
    task = ShotsTask(**fields, shots=(10**9, 4), sampled=(noise, MANILA))
    result = task.run()
    assert {k: v for k, v in result.items() if k != "shots"} == TrainTask(**fields).run()
    for exact, (many, _) in zip(result["settings"], result["shots"], strict=True):
        assert many == {"accuracy": exact["accuracy"], "routing_flips": 0.0}
    assert any(few["routing_flips"] > 0 for _, few in result["shots"])
    assert task.run() == result
    # Each number of shots has draws of its own.
    assert replace(task, shots=(4,)).run()["shots"] == [[few] for _, few in result["shots"]]


def test_pinned_calibrations() -> None:
    task = PinnedTask(**SMALL, settings=(MANILA, WITHOUT, replace(WITHOUT, readout=5.0)))
    stored, without, readout = task.run()["settings"]
    plain = TrainTask(**SMALL, settings=(MANILA, EXACT)).run()["settings"]
    assert stored == plain[0]
    for name in ("accuracy", "cross_entropy", "routing_entropy", "expert_load"):
        assert without[name] == pytest.approx(plain[1][name])
    assert without["routing_flips"] == 0
    assert abs(readout["cross_entropy"] - without["cross_entropy"]) > 1e-3


def test_without_noise_no_method_changes_anything() -> None:
    task = MitigationTask(**SMALL, device=WITHOUT)
    exact = TrainTask(**SMALL).run()["settings"][0]
    (found,) = by_method(task)
    for method in METHODS:
        assert found[method]["error"] == pytest.approx(0, abs=1e-9)
        assert found[method]["accuracy"] == exact["accuracy"]
        assert found[method]["routing_flips"] == found[method]["overshoot"] == 0


def test_readout_mitigation_undoes_readout_errors_and_nothing_else() -> None:
    of_readout, of_gates = (
        by_method(MitigationTask(**SMALL, device=device))[0]
        for device in (replace(WITHOUT, readout=3.0), replace(WITHOUT, gates=3.0))
    )
    assert of_readout["none"]["error"] > 0.01
    assert of_readout["readout"]["error"] == pytest.approx(0, abs=1e-9)
    assert of_readout["ZNE, linear"]["error"] == pytest.approx(of_readout["none"]["error"])
    assert of_gates["readout"] == pytest.approx(of_gates["none"])
    assert 0 < of_gates["ZNE, linear"]["error"] < of_gates["none"]["error"]


def test_shots_make_extrapolation_overshoot() -> None:
    task = MitigationTask(**SMALL, device=MANILA, executions=(0, 24))
    exactly, few = by_method(task)
    assert exactly["readout and ZNE, quadratic"]["overshoot"] == 0
    assert few["readout and ZNE, quadratic"]["overshoot"] > few["none"]["overshoot"] == 0
    assert few["readout and ZNE, quadratic"]["error"] > few["readout"]["error"]
    assert task.run() == task.run()


def test_every_method_has_as_many_executions(*, whole: bool) -> None:
    """Shot noise alone: extrapolation over f circuits multiplies it by |weights| sqrt(f).

    The mean error of 40 values with 300 executions each, over 20 seeds, is known to about 5 %, and
    over 8 seeds to about 8 %.
    """
    task = MitigationTask(**SMALL, device=WITHOUT, executions=(300,))
    errors = [by_method(replace(task, seed=seed))[0] for seed in range(20 if whole else 8)]
    plain, linear = (
        np.mean([found[method]["error"] for found in errors]) for method in ("none", "ZNE, linear")
    )
    weights_F = extrapolation(task.factors, 1)
    expected = np.linalg.norm(weights_F) * np.sqrt(len(weights_F))
    assert linear / plain == pytest.approx(expected, rel=0.2)


def test_profiles_behind_the_results() -> None:
    assert set(MitigationTask(**SMALL, device=MANILA).profiles()) == {"noisy:ibmq_manila"}
    assert set(PinnedTask(**SMALL, settings=(WITHOUT,)).profiles()) == {"noisy:ibmq_manila"}


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (ShotsTask(**SMALL, shots=(0,)), "shots"),
        (MitigationTask(**SMALL, device=MANILA, factors=(1, 2, 3)), "1, 3, 5, ... times, got 2"),
        (MitigationTask(**SMALL, device=MANILA, factors=(1, 3)), "two more factors"),
        (MitigationTask(**SMALL, device=MANILA, factors=(3, 5, 7)), "circuit as it is"),
        (MitigationTask(**SMALL, device=EXACT), "a stored calibration, such as"),
        (MitigationTask(**SMALL, device=MANILA, executions=(-1,)), "executions"),
        (MitigationTask(**SMALL, device=MANILA, executions=(2,)), "give at least as many, got 2"),
    ],
)
def test_impossible_tasks_are_refused(task: TrainTask, words: str) -> None:
    with pytest.raises(InputError, match=words):
        task.check()
