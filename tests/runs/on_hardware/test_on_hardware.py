"""Runs on a device: the works are what the model executes, and the metrics are theirs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ibm_service import IBMService
from qiskit.quantum_info import SparsePauliOp, Statevector

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.hardware.devices.fake import FakeDevice
from qmoe_qiskit.hardware.options import RuntimeOptions
from qmoe_qiskit.hardware.work import Outcome
from qmoe_qiskit.runs import TrainingRequest, evaluate_run, load_run, read_run, train_run
from qmoe_qiskit.runs.on_hardware.evaluate import evaluate_prepared
from qmoe_qiskit.runs.on_hardware.prepare import estimate_prepared, prepare_run

if TYPE_CHECKING:
    from pathlib import Path

    from qmoe_qiskit.hardware.work import WorkUnit

SHOTS = 32


class ExactDevice(FakeDevice):
    """Manila without noise and without shots; keeps what it was given."""

    def __init__(self) -> None:
        super().__init__("fake_manila")
        self.works: list[WorkUnit] = []

    def execute(self, work: WorkUnit) -> Outcome:
        self.works.append(work)
        n_qubits = work.circuit.num_qubits
        values_PO = np.zeros((work.n_points, len(work.observables)))
        for p, angles_G in enumerate(work.points_PG):
            state = Statevector(work.circuit.assign_parameters(angles_G))
            for o, observable in enumerate(work.observables):
                on_device = SparsePauliOp.apply_layout(
                    observable, list(work.physical_qubits), num_qubits=n_qubits
                )
                values_PO[p, o] = state.expectation_value(on_device).real
        return Outcome(
            values_PO=values_PO, std_errors_PO=0 * values_PO, seconds=0.0, executions=work.n_points
        )


def on(device: FakeDevice) -> RuntimeBackend:
    return RuntimeBackend(
        name="runtime:fake_manila", device=device, options=RuntimeOptions(), shots=SHOTS, seed=0
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Runs whose circuits see and say different things."""
    small: dict[str, Any] = {"n_layers": 1, "max_epochs": 1, "control": None}
    requests = {
        "moons": TrainingRequest(n_samples=60, **small),
        "probabilities": TrainingRequest(n_samples=60, readout="probabilities", **small),
        "components": TrainingRequest(data="digits", n_qubits=3, n_samples=100, **small),
    }
    folder = tmp_path_factory.mktemp("runs")
    for name, request in requests.items():
        train_run(request, folder / name)
    return {name: folder / name for name in requests}


@pytest.mark.parametrize("name", ["moons", "probabilities", "components"])
def test_on_an_exact_device_it_is_the_exact_model(name: str, runs: dict[str, Path]) -> None:
    device = ExactDevice()
    prepared = prepare_run(read_run(runs[name]), on(device))
    assert device.works == []
    result = evaluate_prepared(prepared)
    assert [work.key for work in device.works] == [work.key for work in prepared.works]
    for executed, foreseen in zip(device.works, prepared.works, strict=True):
        assert np.array_equal(executed.points_PG, foreseen.points_PG)

    exact = evaluate_run(load_run(runs[name], backend="statevector"))
    assert (result.rows, result.n_rows) == ("held-out", exact.n_rows)
    for metric, said in exact.metrics.items():
        assert result.metrics[metric].value == pytest.approx(said.value, abs=1e-6)
    flips = result.metrics["routing_flips"]
    assert flips.value == 0
    assert flips.uncertainty is not None
    assert flips.uncertainty.high > 0
    assert result.metrics["router_std_error"].value == 0


@pytest.mark.filterwarnings("ignore::qmoe_qiskit.errors.OutOfRangeWarning")
def test_flips_are_counted_against_the_exact_router(runs: dict[str, Path], seed: int) -> None:
    class Wild(ExactDevice):
        def execute(self, work: WorkUnit) -> Outcome:
            shape = (work.n_points, len(work.observables))
            return Outcome(
                values_PO=np.random.default_rng(seed).uniform(-1, 1, shape),
                std_errors_PO=np.full(shape, 0.25),
                seconds=0.0,
                executions=1,
            )

    def routed(device: FakeDevice) -> np.ndarray:
        run = load_run(runs["moons"], backend=on(device))
        rows = prepare_run(read_run(runs["moons"]), on(device)).rows
        weights_NE: np.ndarray = run.classifier.predict_routed(rows.dataset.features_NF)[1]
        return weights_NE.argmax(axis=1)

    expected = np.mean(routed(Wild()) != routed(ExactDevice()))
    result = evaluate_prepared(prepare_run(read_run(runs["moons"]), on(Wild())))
    assert 0 < expected < 1
    assert result.metrics["routing_flips"].value == pytest.approx(expected)
    assert result.metrics["router_std_error"].value == 0.25


def test_many_rows_are_several_works(
    runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qmoe_qiskit.train.prediction._PREDICTION_ROWS", 4)
    device = ExactDevice()
    prepared = prepare_run(read_run(runs["moons"]), on(device), samples=10)
    assert [work.n_points for work in prepared.works] == [4, 4, 2]
    assert len({work.key for work in prepared.works}) == 3
    result = evaluate_prepared(prepared)
    assert [work.key for work in device.works] == [work.key for work in prepared.works]
    assert (result.n_rows, result.cost.executions) == (10, 10)
    assert len(estimate_prepared(prepared).jobs) == 3
    # Evaluated again, it counts anew.
    assert evaluate_prepared(prepared).cost == result.cost


def test_estimate_is_what_a_fake_executes(runs: dict[str, Path]) -> None:
    for level in (0, 1, 2):
        backend = open_backend(
            "runtime:fake_manila", shots=SHOTS, seed=1, options={"resilience_level": level}
        )
        assert isinstance(backend, RuntimeBackend)
        prepared = prepare_run(read_run(runs["moons"]), backend, samples=3)
        estimate = estimate_prepared(prepared)
        cost = evaluate_prepared(prepared).cost
        assert cost.executions == estimate.executions
        assert (cost.seconds, cost.estimated_seconds, cost.jobs) == (0.0, 0.0, ())


def test_what_cannot_run(runs: dict[str, Path], finished: Path, tmp_path: Path) -> None:
    device = ExactDevice()
    control = finished / "control"
    with pytest.raises(InputError, match="router 'linear' is classical"):
        read_run(control).load_circuit()
    with pytest.raises(InputError, match="router 'linear' is classical"):
        prepare_run(read_run(control), on(device))
    with pytest.raises(RunError, match="there is no run folder"):
        read_run(tmp_path / "nowhere")
    with pytest.raises(InputError, match="samples 99 are more than the 15 rows"):
        prepare_run(read_run(runs["moons"]), on(device), samples=99)
    router: Any = prepare_run(read_run(runs["moons"]), on(device)).run.classifier.compiled_router
    weights_W = np.zeros(router.router.n_weights)
    for value in (np.nan, np.inf):
        with pytest.raises(InputError, match="finite"):
            router.work(np.array([[0.1, value]]), weights_W)
        with pytest.raises(InputError, match="finite"):
            router.work(np.zeros((1, 2)), np.full_like(weights_W, value))
    assert device.works == []


def test_it_says_what_the_jobs_ran_on(
    runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The calibration and the qubits of then, not those of the day of the evaluation."""
    with IBMService(["ibmq_manila"]) as ibm:
        for name, value in ibm.environment().items():
            monkeypatch.setenv(name, value)

        def evaluated() -> Any:
            backend = open_backend(
                "runtime:ibmq_manila", shots=SHOTS, seed=0, ledger=tmp_path / "ledger.sqlite"
            )
            assert isinstance(backend, RuntimeBackend)
            return evaluate_prepared(
                prepare_run(read_run(runs["moons"]), backend, samples=3)
            ), backend

        first, _ = evaluated()
        properties = json.loads(json.dumps(ibm.devices["ibmq_manila"].properties))
        assert set(first.execution.physical_qubits) <= {0, 1, 2, 3, 4}
        # The next calibration finds the pair that was used much worse.
        properties["last_update_date"] = "2026-05-01T00:00:00+00:00"
        for gate in properties["gates"]:
            if set(gate["qubits"]) & set(first.execution.physical_qubits):
                for parameter in gate["parameters"]:
                    if parameter["name"] == "gate_error":
                        parameter["value"] = min(0.5, 20 * parameter["value"])
        ibm.devices["ibmq_manila"].properties = properties
        again, backend = evaluated()
        assert again == first
        now = backend.device.profile()
        assert first.execution.calibration.content_hash != now.content_hash
        assert len(ibm.jobs) == 1
        assert (
            first.execution.physical_qubits
            != (
                backend.compile(load_run(runs["moons"]).classifier.compiled_router.router)
            ).physical_qubits
        )


@pytest.mark.parametrize("name", ["moons", "probabilities"])
@pytest.mark.parametrize("primitive", ["estimator", "sampler"])
def test_standard_errors_that_are_not_binomial_are_said(
    name: str, primitive: str, runs: dict[str, Path]
) -> None:
    """A probability p, and (1 + z) / 2 of an expectation z, have errors sqrt(p (1 - p) / shots)."""
    shots = 1024
    level = {"resilience_level": 0} if primitive == "estimator" else {}
    options = RuntimeOptions.model_validate({"primitive": primitive, **level})
    backend = RuntimeBackend(
        name="runtime:fake_manila",
        device=FakeDevice("fake_manila"),
        options=options,
        shots=shots,
        seed=0,
    )
    prepared = prepare_run(read_run(runs[name]), backend)
    (outcome,) = [backend.device.execute(work) for work in prepared.works]
    scale = 1 if name == "probabilities" else 2
    p_PO = outcome.values_PO if name == "probabilities" else (1 + outcome.values_PO) / 2
    binomial_PO = scale * np.sqrt(p_PO * (1 - p_PO) / shots)
    right = np.allclose(outcome.std_errors_PO, binomial_PO, rtol=0.01)
    assert right == ((name, primitive) != ("probabilities", "estimator"))
    (notes,) = [work.std_error_notes for work in prepared.works]
    assert right == (notes == ())
    if notes:
        (note,) = notes
        assert "wrong standard errors for outputs of several Pauli terms" in note
