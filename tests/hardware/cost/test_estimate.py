"""Estimates: executions equal what IBM's primitives prepare, seconds follow the formula."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from typing import Any

import numpy as np
import pytest
from hardware.cost.combinations import chosen
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime import fake_provider
from qiskit_ibm_runtime.executor_estimator.prepare import prepare

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.hardware.cost.device_timing import device_timing
from qmoe_qiskit.hardware.cost.estimate import (
    JOB_OVERHEAD_S,
    CostEstimate,
    combine_estimates,
    estimate_work,
)
from qmoe_qiskit.hardware.cost.plan_limits import PlanLimits, plan_limits
from qmoe_qiskit.hardware.options import runtime_options
from qmoe_qiskit.hardware.primitives import program_of
from qmoe_qiskit.hardware.work import WorkUnit

MANILA = fake_provider.FakeManilaV2()
TORINO = fake_provider.FakeTorino()
PREMIUM = plan_limits("premium")


@functools.cache
def router_on(backend: Any) -> tuple[QuantumCircuit, tuple[int, int]]:
    """A small router on the last two qubits of a device, and these two qubits."""
    angles = ParameterVector("angle", 3)
    router = QuantumCircuit(2)
    router.rx(angles[0], 0)
    router.ry(angles[1], 1)
    router.cx(0, 1)
    router.rx(angles[2], 1)
    place = (backend.num_qubits - 1, backend.num_qubits - 2)
    passes = generate_preset_pass_manager(
        1, target=backend.target, initial_layout=place, seed_transpiler=0
    )
    return passes.run(router), place


def work_on(backend: Any, *, n_points: int = 3, shots: int = 100, **options: Any) -> WorkUnit:
    """Work: some points of the small router."""
    circuit, place = router_on(backend)
    return WorkUnit(
        key="0" * 64,
        spec="runtime:some",
        device=backend.name,
        title="a test",
        circuit=circuit,
        physical_qubits=place,
        observables=(SparsePauliOp("ZI"), SparsePauliOp("IZ"), SparsePauliOp("ZZ")),
        points_PG=np.linspace(-3, 3, 3 * n_points).reshape(n_points, 3),
        shots=shots,
        options=runtime_options(options),
    )


SIZES = ((1, 1), (63, 2), (64, 5), (1000, 3), (4097, 33))
"""Shots and points: below 64, where twirling changes its division, and not divisible by 32."""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:twirling.enable_measure=False was explicitly set")
def test_executions_are_those_that_the_primitives_prepare_over_all_options(
    rng: np.random.Generator, *, whole: bool
) -> None:
    timing = device_timing(MANILA)
    for i, options in enumerate(chosen(rng, whole=whole)):
        shots, n_points = SIZES[i % len(SIZES)]
        work = work_on(MANILA, n_points=n_points, shots=shots, **options)
        program = program_of(work, 0, n_points, MANILA)
        sizes = [item.size() for item in program.items]
        estimate = estimate_work(work, timing, PREMIUM)
        (job,) = estimate.jobs
        assert (job.start, job.stop) == (0, n_points)
        assert job.executions == program.shots * sum(sizes), (options, shots, n_points)
        assert (job.circuits, job.shots) == (sum(sizes), program.shots)


@pytest.mark.parametrize("primitive", ["estimator", "sampler"])
@pytest.mark.parametrize("shots", [1, 63, 64, 65, 4096])
@pytest.mark.parametrize("n_points", [1, 2, 40])
def test_executions_are_exact_for_any_shots_and_points(
    primitive: str, shots: int, n_points: int
) -> None:
    work = work_on(MANILA, n_points=n_points, shots=shots, primitive=primitive)
    program = program_of(work, 0, n_points, MANILA)
    estimate = estimate_work(work, device_timing(MANILA), PREMIUM)
    assert estimate.executions == program.shots * sum(item.size() for item in program.items)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_every_job_of_a_long_work_is_exact_and_under_the_limits(level: int) -> None:
    work = work_on(MANILA, n_points=47, shots=128, resilience_level=level)
    limits = PlanLimits(plan="p", executions_per_job=5000, seconds_per_job=3.0)
    estimate = estimate_work(work, device_timing(MANILA), limits)
    assert len(estimate.jobs) > 1
    assert [job.start for job in estimate.jobs] == [0, *(job.stop for job in estimate.jobs[:-1])]
    assert estimate.jobs[-1].stop == work.n_points
    for job in estimate.jobs:
        program = program_of(work, job.start, job.stop, MANILA)
        assert job.executions == program.shots * sum(item.size() for item in program.items)
        assert job.executions <= limits.executions_per_job
        assert JOB_OVERHEAD_S < job.seconds <= limits.seconds_per_job
    assert estimate.executions == sum(job.executions for job in estimate.jobs)
    assert estimate.circuits == sum(job.circuits for job in estimate.jobs)


def time_on_qubits_s(circuit: QuantumCircuit, backend: Any) -> float:
    """The duration of a circuit on each qubit; every qubit is busy until the end."""
    busy_s = dict.fromkeys(range(circuit.num_qubits), 0.0)
    for step in circuit.data:
        qubits = tuple(circuit.find_bit(q).index for q in step.qubits)
        if step.operation.name == "barrier":
            continue
        if step.operation.name == "delay":
            assert step.operation.unit == "dt"
            duration_s = float(step.operation.duration) * backend.dt
        else:
            duration_s = backend.target[step.operation.name][qubits].duration
        for q in qubits:
            busy_s[q] += duration_s
    return max(busy_s.values())


MODES: list[dict[str, Any]] = [
    {"primitive": "sampler"},
    {"primitive": "sampler", "twirling": {"enable_gates": True, "enable_measure": True}},
    {"resilience_level": 0},
    {"resilience_level": 1},
    {"resilience_level": 2},
]


@pytest.mark.parametrize(
    ("backend", "options"),
    [
        *(pytest.param(MANILA, options, id=f"{options}-manila") for options in MODES),
        *(
            pytest.param(
                TORINO,
                options,
                id=f"{options}-torino",
                marks=pytest.mark.slow if options == {"resilience_level": 1} else pytest.mark.trial,
            )
            for options in MODES
        ),
    ],
)
def test_seconds_are_overhead_and_executions_times_delay_and_circuit(
    backend: Any, options: dict[str, Any]
) -> None:
    """Compared with IBM's decoupling, which schedules each circuit and fills it to its end."""
    n_points = 2
    work = work_on(backend, n_points=n_points, **options)
    decoupled = work_on(
        backend, n_points=n_points, dynamical_decoupling={"enable": True}, **options
    )
    program = program_of(decoupled, 0, n_points, backend)
    delay_s = backend.configuration().default_rep_delay
    expected_s = JOB_OVERHEAD_S + program.shots * sum(
        item.size() * (delay_s + time_on_qubits_s(item.circuit, backend)) for item in program.items
    )
    estimates = [estimate_work(w, device_timing(backend), PREMIUM) for w in (work, decoupled)]
    # The schedule rounds each gate to the device's time steps.
    assert estimates[0].seconds == pytest.approx(expected_s, rel=1e-4)
    assert estimates[0].seconds == estimates[1].seconds
    assert estimates[0].cost(1.6) == pytest.approx(1.6 * estimates[0].seconds)


def test_delays_of_the_circuit_take_their_time() -> None:
    work = work_on(MANILA, primitive="sampler", shots=1000)
    waiting = work.circuit.copy()
    waiting.delay(40e-6, work.physical_qubits[0], unit="s")
    before, after = (
        estimate_work(w, device_timing(MANILA), PREMIUM).seconds
        for w in (work, dataclasses.replace(work, circuit=waiting))
    )
    # The other qubit's gates may run meanwhile: the delay starts when its own qubit is free.
    assert 0.9 * 40e-6 * 3000 < after - before <= 40e-6 * 3000 * (1 + 1e-9)


def test_a_circuit_that_is_not_the_devices_is_refused() -> None:
    work = work_on(MANILA, primitive="sampler")
    foreign = QuantumCircuit(MANILA.num_qubits)
    foreign.rxx(0.3, 0, 4)
    foreign.rz(ParameterVector("angle", 3)[0], 0)
    work = dataclasses.replace(work, circuit=foreign, points_PG=work.points_PG[:, :1])
    with pytest.raises(InputError, match="duration"):
        estimate_work(work, device_timing(MANILA), PREMIUM)


@pytest.mark.parametrize(
    ("backend", "delay_us"),
    [(MANILA, 250), (fake_provider.FakeKolkataV2(), 100), (fake_provider.FakeMiami(), 4000)],
    ids=lambda value: getattr(value, "name", value),
)
def test_the_repetition_delay_is_the_devices_own(backend: Any, delay_us: float) -> None:
    assert device_timing(backend).rep_delay_s == pytest.approx(delay_us * 1e-6)
    estimate = estimate_work(work_on(backend), device_timing(backend), PREMIUM)
    assert f"({delay_us} us repetition delay" in estimate.formula
    assert any(f"default of {backend.name}" in said for said in estimate.assumptions)


def test_a_repetition_delay_can_be_set_within_the_devices_range() -> None:
    short = estimate_work(
        work_on(MANILA, execution={"rep_delay": 1e-4}), device_timing(MANILA), PREMIUM
    )
    usual = estimate_work(work_on(MANILA), device_timing(MANILA), PREMIUM)
    assert usual.seconds - short.seconds == pytest.approx(150e-6 * usual.executions)
    assert any("options set" in said for said in short.assumptions)


@pytest.mark.parametrize("delay_s", [-1e-6, math.inf, math.nan])
def test_a_repetition_delay_that_is_none_is_refused_at_once(delay_s: float) -> None:
    with pytest.raises(InputError, match=f"rep_delay is {delay_s}: it must be seconds, 0 or more"):
        work_on(MANILA, execution={"rep_delay": delay_s})


@pytest.mark.parametrize("delay_s", [5.1e-4, 250.0])
def test_a_repetition_delay_out_of_range_is_refused(delay_s: float) -> None:
    work = work_on(MANILA, execution={"rep_delay": delay_s})
    with pytest.raises(InputError, match=r"from 0 to 0\.0005") as caught:
        estimate_work(work, device_timing(MANILA), PREMIUM)
    assert str(delay_s) in str(caught.value)


def test_a_device_without_a_repetition_delay_gets_the_usual_one_and_takes_none() -> None:
    prague = fake_provider.FakePrague()
    assert device_timing(prague).rep_delay_s is None
    estimate = estimate_work(work_on(prague), device_timing(prague), PREMIUM)
    assert "(250 us repetition delay" in estimate.formula
    assert any("no repetition delay" in said for said in estimate.assumptions)
    with pytest.raises(InputError, match="cannot be set"):
        estimate_work(
            work_on(prague, execution={"rep_delay": 1e-4}), device_timing(prague), PREMIUM
        )


def test_the_formula_and_the_assumptions_say_the_numbers() -> None:
    work = work_on(MANILA, n_points=10, shots=1000, resilience_level=2, mode="session")
    estimate = estimate_work(work, device_timing(MANILA, name="ibm_manila"), PREMIUM)
    assert estimate.formula.startswith(f"1 job x 2 s + {31 * 1024:,} executions x (250 us")
    assert estimate.formula.endswith(f"= {estimate.seconds:.1f} s")
    said = "\n".join(estimate.assumptions)
    parts = (
        "default of ibm_manila",
        "16 randomizations",
        "3 noise factors",
        "TREX",
        "1024 instead of the 1000",
        "a session is charged by the clock",
        "initialized within the repetition delay",
    )
    for part in parts:
        assert part in said


def test_big_work_is_estimated_without_preparing_all_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work = work_on(MANILA, n_points=100_000, shots=4096, resilience_level=2)
    prepared: list[int] = []

    def counted(pubs: Any, *args: Any, **settings: Any) -> Any:
        prepared.extend(len(pub[2]) for pub in pubs)
        return prepare(pubs, *args, **settings)

    monkeypatch.setattr("qmoe_qiskit.hardware.primitives.prepare_estimator", counted)
    estimate = estimate_work(work, device_timing(MANILA), PREMIUM)
    assert sorted(prepared) == [1, 2]
    assert estimate.executions > 100_000 * 4096 * 3
    assert max(job.executions for job in estimate.jobs) <= PREMIUM.executions_per_job


def test_equal_work_has_equal_estimates_although_random_gates_are_folded() -> None:
    work = work_on(MANILA, resilience_level=2, resilience={"zne": {"noise_factors": (1, 1.5, 2.2)}})
    timing = device_timing(MANILA)
    estimates = {str(estimate_work(work, timing, PREMIUM)) for _ in range(8)}
    assert len(estimates) == 1


def test_a_document_holds_everything_and_is_read_back() -> None:
    work = work_on(MANILA, n_points=20)
    limits = PlanLimits(plan="p", executions_per_job=1200)
    estimate = estimate_work(work, device_timing(MANILA), limits)
    document = json.loads(json.dumps(estimate.document(), allow_nan=False))
    assert document["executions"] == estimate.executions
    assert document["circuits"] == estimate.circuits
    assert document["seconds"] == estimate.seconds
    assert len(document["jobs"]) == len(estimate.jobs) > 1
    assert CostEstimate.from_document(document) == estimate


def test_several_estimates_add_up_and_say_each_assumption_once() -> None:
    timing = device_timing(MANILA)
    parts = [estimate_work(work_on(MANILA, n_points=n), timing, PREMIUM) for n in (2, 9)]
    whole = combine_estimates(parts)
    assert whole.executions == parts[0].executions + parts[1].executions
    assert whole.seconds == pytest.approx(parts[0].seconds + parts[1].seconds)
    assert whole.assumptions == parts[0].assumptions
    assert all(part.formula in whole.formula for part in parts)
