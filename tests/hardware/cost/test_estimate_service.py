"""Estimates compared with what a service received and charged, through IBM's client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hardware.cost.combinations import chosen
from ibm_service import IBMService
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager

from qmoe_qiskit.hardware.cost.budget import max_execution_time
from qmoe_qiskit.hardware.cost.device_timing import device_timing
from qmoe_qiskit.hardware.cost.estimate import estimate_work
from qmoe_qiskit.hardware.cost.plan_limits import PlanLimits
from qmoe_qiskit.hardware.options import runtime_options
from qmoe_qiskit.hardware.primitives import primitive_for, pubs_of
from qmoe_qiskit.hardware.work import WorkUnit

if TYPE_CHECKING:
    from collections.abc import Iterator

PLACE = {"ibmq_manila": (1, 2), "ibm_torino": (1, 2)}


@pytest.fixture(scope="module")
def ibm() -> Iterator[IBMService]:
    with IBMService(devices=tuple(PLACE), plan="premium") as service:
        yield service


@pytest.fixture
def backend(ibm: IBMService, device: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    from qiskit_ibm_runtime import QiskitRuntimeService

    for name, value in ibm.environment().items():
        monkeypatch.setenv(name, value)
    return QiskitRuntimeService().backend(device)


def work_on(backend: Any, **options: Any) -> WorkUnit:
    angles = ParameterVector("angle", 2)
    router = QuantumCircuit(2)
    router.rx(angles[0], 0)
    router.cx(0, 1)
    router.rx(angles[1], 1)
    place = PLACE[backend.name]
    passes = generate_preset_pass_manager(
        1, target=backend.target, initial_layout=place, seed_transpiler=0
    )
    return WorkUnit(
        key="0" * 64,
        spec=f"runtime:{backend.name}",
        device=backend.name,
        title="a test",
        circuit=passes.run(router),
        physical_qubits=place,
        observables=(SparsePauliOp("ZI"), SparsePauliOp("IZ")),
        points_PG=np.linspace(-3, 3, 10).reshape(5, 2),
        shots=100,
        options=runtime_options(options),
    )


OPTIONS: list[dict[str, Any]] = [
    {"resilience_level": 0},
    {"resilience_level": 1},
    {"resilience_level": 2, "dynamical_decoupling": {"enable": True}},
    {"primitive": "sampler", "execution": {"rep_delay": 2e-5}},
    {"primitive": "sampler", "twirling": {"enable_gates": True, "num_randomizations": 7}},
]


@pytest.mark.parametrize(
    ("device", "options"),
    [
        *(pytest.param("ibmq_manila", options, id=f"{options}-manila") for options in OPTIONS),
        *(
            pytest.param(
                "ibm_torino",
                options,
                id=f"{options}-torino",
                marks=() if n == 4 else pytest.mark.trial,
            )
            for n, options in enumerate(OPTIONS)
        ),
    ],
)
def test_a_service_receives_the_estimated_executions_and_charges_the_estimated_time(
    ibm: IBMService, backend: Any, options: dict[str, Any]
) -> None:
    work = work_on(backend, **options)
    # About the executions of three points per job: the work is split.
    whole = estimate_work(work, device_timing(backend), PlanLimits(plan="p"))
    limits = PlanLimits(plan="p", executions_per_job=whole.executions * 7 // 10)
    estimate = estimate_work(work, device_timing(backend), limits)
    assert len(estimate.jobs) == 2
    budget_s = 100.0
    for i, job in enumerate(estimate.jobs):
        limit = max_execution_time(estimate.jobs[i:], budget_s)
        budget_s -= limit
        primitive = primitive_for(backend, work, max_execution_time=limit)
        sent = primitive.run(pubs_of(work, job.start, job.stop))
        sent.result()
        (received,) = (one for one in ibm.jobs if one.id == sent.job_id())
        assert received.executions == job.executions
        assert received.circuits == job.circuits
        assert received.cost == limit
        # The requirement is 25%; the service implements the same formula independently.
        assert received.charge == pytest.approx(job.seconds, rel=0.01)


@pytest.mark.parametrize("device", ["ibmq_manila"])
@pytest.mark.filterwarnings("ignore:twirling.enable_measure=False was explicitly set")
def test_a_service_receives_the_estimated_executions_over_all_options(
    ibm: IBMService, backend: Any, rng: np.random.Generator, *, whole: bool
) -> None:
    timing, limits = device_timing(backend), PlanLimits(plan="p")
    ibm.pace.paused = True  # the service knows the number of executions before it runs the job
    try:
        for options in chosen(rng, whole=whole):
            work = work_on(backend, **options)
            (expected,) = estimate_work(work, timing, limits).jobs
            sent = primitive_for(backend, work).run(pubs_of(work, 0, work.n_points))
            received = ibm.jobs[-1]
            assert received.id == sent.job_id()
            assert (received.executions, received.circuits) == (
                expected.executions,
                expected.circuits,
            ), options
            assert received.estimate == pytest.approx(expected.seconds, rel=0.01), options
            ibm.worker.cancel(received)
    finally:
        ibm.pace.paused = False
