"""Observables off the diagonal on devices: what is sent measures them, and estimates count it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ibm_service import IBMService
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from qmoe_qiskit.backends import BackendSpec, open_backend
from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.circuits.observables import measurement_bases
from qmoe_qiskit.hardware.cost.device_timing import device_timing
from qmoe_qiskit.hardware.cost.estimate import estimate_work
from qmoe_qiskit.hardware.cost.plan_limits import PlanLimits
from qmoe_qiskit.hardware.ledger.store import Ledger
from qmoe_qiskit.hardware.primitives import pubs_of

if TYPE_CHECKING:
    from pathlib import Path

    from qmoe_qiskit.hardware.work import WorkUnit
    from qmoe_qiskit.typing import FloatArray

INPUTS_BF, WEIGHTS_W = np.array([[0.3, -1.0], [1.2, 0.4]]), np.linspace(-1, 2, 6)
N_BASES = 3


@pytest.fixture
def router() -> RouterCircuit:
    router = angle_router(2, 1).with_observables(
        [SparsePauliOp(["XY", "ZZ", "II"], [0.3, 1, 0.5]), "YI", {"IX": 2, "YX": 1}]
    )
    assert len(measurement_bases(router.observables)) == N_BASES
    return router


def ideal(router: RouterCircuit) -> FloatArray:
    """The values by qiskit.quantum_info, (B, O)."""
    states = [Statevector(router.bind(x_F, WEIGHTS_W)) for x_F in INPUTS_BF]
    return np.array([[s.expectation_value(o).real for o in router.observables] for s in states])


def work_of(router: RouterCircuit, primitive: str, spec: str, **settings: Any) -> WorkUnit:
    options = (
        {"primitive": primitive, "resilience_level": 0}
        if primitive == "estimator"
        else {"primitive": primitive}
    )
    backend = open_backend(spec, shots=64, seed=1, options=options, **settings)
    assert isinstance(backend, RuntimeBackend)
    return backend.compile(router).work(INPUTS_BF, WEIGHTS_W)


def probabilities(circuit: QuantumCircuit) -> FloatArray:
    """Probabilities of the classical register's values, without noise: (2^clbits,)."""
    place = {
        circuit.find_bit(step.clbits[0]).index: circuit.find_bit(step.qubits[0]).index
        for step in circuit.data
        if step.operation.name == "measure"
    }
    state = Statevector(circuit.remove_final_measurements(inplace=False))
    chances: FloatArray = state.probabilities([place[bit] for bit in sorted(place)])
    return chances


def test_the_samplers_pubs_measure_every_term(router: RouterCircuit) -> None:
    work = work_of(router, "sampler", "runtime:fake_manila")
    pubs = pubs_of(work, 0, work.n_points)
    assert len(pubs) == N_BASES
    values_PO = np.zeros((work.n_points, router.n_outputs))
    for (circuit, points_PG), basis in zip(pubs, measurement_bases(work.observables), strict=True):
        for point, angles_G in enumerate(points_PG):
            shares = probabilities(circuit.assign_parameters(angles_G))
            for output, observable in enumerate(basis.observables):
                signs = np.diag(observable.to_matrix()).real
                values_PO[point, output] += signs @ shares
    np.testing.assert_allclose(values_PO, ideal(router), atol=1e-12)


@pytest.mark.parametrize("primitive", ["estimator", "sampler"])
def test_a_fake_gives_the_values_of_the_exact_noisy_circuits(
    primitive: str, router: RouterCircuit
) -> None:
    """Up to the noise of the gates that turn the basis, which are placed a little differently."""
    options: dict[str, Any] = {"primitive": primitive}
    if primitive == "estimator":
        options["resilience_level"] = 0
    backend = open_backend("runtime:fake_manila", shots=4000, seed=1, options=options)
    assert isinstance(backend, RuntimeBackend)
    found = backend.compile(router).expectations(INPUTS_BF, WEIGHTS_W)
    exact = BackendSpec(backend=backend.device.profile()).open(seed=1).compile(router)
    noisy_BO = exact.expectations(INPUTS_BF, WEIGHTS_W).values
    largest = np.array([np.abs(o.coeffs).sum() for o in router.observables])
    assert (np.abs(found.values - noisy_BO) < 5 * found.std_errors + 0.01 * largest).all()


@pytest.mark.parametrize("primitive", ["estimator", "sampler"])
def test_the_service_executes_what_was_estimated(
    primitive: str, router: RouterCircuit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = tmp_path / "ledger.sqlite"
    with IBMService(["ibmq_manila"], plan="premium") as ibm:
        for name, value in ibm.environment().items():
            monkeypatch.setenv(name, value)
        work = work_of(router, primitive, "runtime:ibmq_manila", ledger=ledger)
        limits = PlanLimits(plan="p", executions_per_job=10**9, seconds_per_job=1e6)
        estimate = estimate_work(work, device_timing(FakeManilaV2()), limits)
        assert estimate.executions == N_BASES * 64 * len(INPUTS_BF)
        backend = open_backend(
            "runtime:ibmq_manila", shots=64, seed=1, ledger=ledger,
            options={"primitive": primitive, "resilience_level": 0}
            if primitive == "estimator"
            else {"primitive": primitive},
        )  # fmt: skip
        found = backend.compile(router).expectations(INPUTS_BF, WEIGHTS_W)
        assert len(ibm.jobs) == 1
    with Ledger(ledger) as book:
        record = book.work(work.key)
        assert record is not None
    bound = 6 * np.array([np.abs(o.coeffs).sum() for o in router.observables]) / np.sqrt(64)
    assert (np.abs(found.values - ideal(router)) < bound).all()
