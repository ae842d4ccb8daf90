"""The circuit that a device would run: its gates, its qubits, its schedule, its outcomes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Statevector
from qiskit_ibm_runtime.fake_provider import FakeTorino
from qiskit_ibm_runtime.utils import validate_isa_circuits

from qmoe_qiskit.backends import CompiledRouter, open_backend
from qmoe_qiskit.backends.transpile import routing
from qmoe_qiskit.backends.transpile.isa_circuit import fit_to_device
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles import NoiseProfile, load_profile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Two float64 simulators over some hundred gates.
ROUNDING = 1e-11
CASES = [
    ("ibmq_manila", 5),
    ("ibm_lagos", 4),
    ("ibm_torino", 5),
    ("ibm_miami", 4),
    ("ibm_sherbrooke", 8),
    *(
        pytest.param(case, marks=pytest.mark.trial, id=f"{case[0]}-{case[1]}")
        for case in (
            ("ibmq_manila", 4),
            ("ibm_perth", 5),
            ("ibm_sherbrooke", 4),
            ("ibm_brisbane", 3),
        )
    ),
]


def compiled_on(name: str, n_qubits: int, n_layers: int = 2) -> CompiledRouter:
    router = angle_router(n_qubits, n_layers if n_qubits < 8 else 1)
    return open_backend(f"noisy:{name}", seed=5).compile(router)


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def case(request: pytest.FixtureRequest) -> tuple[NoiseProfile, CompiledRouter]:
    name, n_qubits = request.param
    return load_profile(name), compiled_on(name, n_qubits)


def wires(circuit: QuantumCircuit) -> list[tuple[str, tuple[int, ...]]]:
    return [
        (step.operation.name, tuple(circuit.find_bit(q).index for q in step.qubits))
        for step in circuit.data
    ]


def test_it_is_as_wide_as_the_device_and_of_its_gates(
    case: tuple[NoiseProfile, CompiledRouter],
) -> None:
    profile, compiled = case
    isa = compiled.device_circuit(measured=True, scheduled=True)
    target = profile.to_target()
    assert isa.num_qubits == profile.n_qubits
    validate_isa_circuits([isa], target)
    for name, qubits in wires(isa):
        if name != "barrier":
            assert target.instruction_supported(name, qubits)
        if len(qubits) == 2 and name != "barrier":
            assert qubits in profile.couplings
            assert profile.gate(name, qubits) is not None


def test_every_router_qubit_is_measured_once_into_its_own_bit(
    case: tuple[NoiseProfile, CompiledRouter],
) -> None:
    _, compiled = case
    isa = compiled.device_circuit(measured=True, scheduled=True)
    n_qubits = compiled.router.n_qubits
    measured = {}
    for step in isa.data:
        if step.operation.name == "measure":
            bit = isa.find_bit(step.clbits[0]).index
            assert bit not in measured
            measured[bit] = isa.find_bit(step.qubits[0]).index
    assert measured == dict(enumerate(compiled.physical_qubits))
    assert isa.num_clbits == n_qubits == len(set(compiled.physical_qubits))


def test_physical_qubits_hold_the_routers_outcomes(
    case: tuple[NoiseProfile, CompiledRouter], rng: np.random.Generator
) -> None:
    """Without noise the submitted circuit has the router's distribution, swaps and all."""
    _, compiled = case
    router = compiled.router
    isa = compiled.device_circuit(measured=True, scheduled=True)
    active = sorted({q for name, qubits in wires(isa) if name != "barrier" for q in qubits})
    inputs_F = rng.uniform(-4, 4, router.n_inputs)
    weights_W = rng.uniform(-4, 4, router.n_weights)
    angles = dict(zip([*router.inputs, *router.weights], [*inputs_F, *weights_W], strict=True))
    bare = QuantumCircuit(len(active))
    for step in isa.assign_parameters({p: angles[p] for p in isa.parameters}).data:
        if step.operation.name not in {"barrier", "measure", "delay"}:
            bare.append(step.operation, [active.index(isa.find_bit(q).index) for q in step.qubits])
    places = [active.index(q) for q in compiled.physical_qubits]
    np.testing.assert_allclose(
        Statevector(bare).probabilities(places),
        Statevector(router.bind(inputs_F, weights_W)).probabilities(),
        rtol=0,
        atol=ROUNDING,
    )


def test_idle_qubits_wait_and_all_end_together(case: tuple[NoiseProfile, CompiledRouter]) -> None:
    profile, compiled = case
    assert profile.dt is not None
    ends: dict[int, int] = defaultdict(int)
    delays = 0
    isa = compiled.device_circuit(measured=True, scheduled=True)
    for step in isa.data:
        operation = step.operation
        qubits = [isa.find_bit(q).index for q in step.qubits]
        if operation.name == "barrier":
            continue
        if operation.name == "delay":
            assert operation.unit == "dt"
            assert operation.duration > 0
            duration, delays = operation.duration, delays + 1
        elif operation.name == "measure":
            seconds = profile.qubits[qubits[0]].readout_length
            assert seconds is not None
            duration = round(seconds / profile.dt)
        else:
            gate = profile.gate(operation.name, qubits)
            assert gate is not None
            assert gate.duration is not None
            duration = round(gate.duration / profile.dt)
        begins = {ends[q] for q in qubits}
        assert len(begins) == 1  # two qubits meet at the same time
        for q in qubits:
            ends[q] += duration
    assert len(set(ends.values())) == 1
    assert delays > 0


def test_gates_are_as_late_as_possible(case: tuple[NoiseProfile, CompiledRouter]) -> None:
    """Behind no gate do all of its qubits wait: a qubit waits in |0> rather than in between."""
    _, compiled = case
    isa = compiled.device_circuit(measured=True, scheduled=True)
    by_qubit: dict[int, list[int]] = defaultdict(list)
    for k, (name, qubits) in enumerate(wires(isa)):
        if name != "barrier":
            for q in qubits:
                by_qubit[q].append(k)
    names = [step.operation.name for step in isa.data]
    for k, (name, qubits) in enumerate(wires(isa)):
        if name not in {"barrier", "delay", "measure"}:
            following = [by_qubit[q][by_qubit[q].index(k) + 1] for q in qubits]
            assert {names[n] for n in following} != {"delay"}


@pytest.mark.parametrize(
    "name",
    ["ibm_sherbrooke", pytest.param("ibmq_kolkata", marks=pytest.mark.trial), "ibm_kingston"],
)
def test_routing_keeps_to_as_many_qubits_as_can_be_evaluated(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ring of 8 goes over 12 qubits of these devices where nothing limits the first attempt."""
    monkeypatch.setattr(routing, "SEEDS", 1)
    monkeypatch.setattr(routing, "REGIONS", 0)
    router, profile = angle_router(8, 1), load_profile(name)
    free = fit_to_device(router, profile, seed=0)
    limited = fit_to_device(router, profile, most_qubits=10, seed=0)
    assert len(free.active) > 10
    assert len(limited.active) <= 10
    sampled = open_backend(f"noisy:{name}", shots=1, seed=0).compile(router)
    assert (
        sampled.device_circuit(measured=True, scheduled=True) == limited.full
    )  # exact or sampled, the circuit is the same


def test_couplers_that_were_dead_are_not_used() -> None:
    """They stand in IBM's target with an error of 1 or more, and in no profile."""
    target = FakeTorino().target
    dead = {q for q, p in target["cz"].items() if p is not None and (p.error or 0) >= 1}
    assert dead
    profile = load_profile("ibm_torino")
    assert dead.isdisjoint(profile.couplings)
    first, second = min(dead)
    with pytest.raises(InputError, match="not connected"):
        fit_to_device(angle_router(2, 1), profile, qubits=[first, second])


@pytest.mark.parametrize("name", ["ibm_sherbrooke", "ibm_brisbane"])
def test_gates_keep_their_direction(name: str) -> None:
    profile = load_profile(name)
    one_way = {pair for pair in profile.couplings if pair[::-1] not in profile.couplings}
    assert one_way == set(profile.couplings)
    pairs = {q for gate, q in wires(compiled_on(name, 4).isa_circuit) if gate == "ecr"}
    assert pairs
    assert pairs <= one_way


def test_the_same_seed_gives_the_same_circuit(profile_name: str) -> None:
    router, profile = angle_router(3, 1), load_profile(profile_name)
    first, second = (fit_to_device(router, profile, seed=8) for _ in range(2))
    assert first.full == second.full
    assert first.physical_qubits == second.physical_qubits


@pytest.mark.parametrize(
    ("name", "qubits", "n_qubits"),
    [
        ("ibmq_manila", [1, 2], 2),
        ("ibmq_manila", [4, 2, 3], 3),
        ("ibmq_manila", [3, 2, 1, 0], 3),  # more than are needed
        ("ibm_torino", np.array([80, 81, 92]), 3),
        ("ibm_fez", [32], 1),  # a qubit without couplers
        ("ibm_miami", (0, 1, 10, 11), 4),
    ],
)
def test_a_region_of_ones_own_is_honoured(
    name: str, qubits: Sequence[int], n_qubits: int, aer_values: Callable[..., Any]
) -> None:
    backend = open_backend(f"noisy:{name}", qubits=qubits, seed=1)
    compiled = backend.compile(angle_router(n_qubits, 1))
    used = {
        q
        for name, w in wires(compiled.device_circuit(measured=True))
        if name != "barrier"
        for q in w
    }
    assert set(compiled.physical_qubits) <= used <= set(qubits)
    point = np.full((1, n_qubits), 0.7), np.full(3 * n_qubits, 0.4)
    expected, missing = aer_values(load_profile(name), compiled, *point)
    values = compiled.expectations(*point).values
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-9 + missing)


@pytest.mark.parametrize(
    ("qubits", "message"),
    [
        ([0, 1, 3], r"\[0, 1, 3\] are not connected on ibmq_manila: \[3\]"),
        ([0, 1, 5], r"\[5\] are not on ibmq_manila: it has qubits 0 to 4"),
        ([-1, 0, 1], r"\[-1\] are not on ibmq_manila"),
        ([0, 1, 1], r"\[0, 1, 1\] name a qubit twice"),
        ([0, 1], r"\[0, 1\] are 2, the router needs 3"),
        ([], r"\[\] are 0, the router needs 3"),
        ([0, 1.5, 2], r"whole numbers, got 1\.5"),
        ([0, 1, True], "whole numbers, got True"),
        (["0", "1", "2"], "whole numbers, got '0'"),
    ],
)
@pytest.mark.parametrize("shots", [None, 10])
def test_impossible_regions_are_refused(
    qubits: Sequence[int], message: str, shots: int | None
) -> None:
    backend = open_backend("noisy:ibmq_manila", qubits=qubits, shots=shots)
    with pytest.raises(InputError, match=message):
        backend.compile(angle_router(3, 1))


@pytest.mark.parametrize("shots", [None, 10])
def test_routers_wider_than_the_device_are_refused(shots: int | None) -> None:
    with pytest.raises(InputError, match="6 qubits, ibmq_manila has 5"):
        open_backend("noisy:ibmq_manila", shots=shots).compile(angle_router(6, 1))


@pytest.mark.parametrize(
    ("part", "damage", "message"),
    [
        ([0, 2, 4], {}, "has no two-qubit gate that works"),
        ([0, 1, 3, 4], {}, "entangles 3 qubits, and at most 2 qubits that work are connected"),
        ([0, 1, 2], {"basis_gates": ("cx", "rz")}, "cannot run .* 3 qubits with its gates cx, rz:"),
    ],
)
def test_devices_that_cannot_run_a_router_are_refused(
    part: list[int], damage: dict[str, Any], message: str, tmp_path: object
) -> None:
    profile = load_profile("ibmq_manila").subset(part)
    path = f"{tmp_path}/part.json"
    replace(profile, **damage).save(path)
    with pytest.raises(InputError, match=message):
        open_backend(f"noisy:{path}").compile(angle_router(3, 1))


def test_barriers_and_gates_without_effect_do_not_cost(rng: np.random.Generator) -> None:
    """A barrier would hold the scheduler back; the router's own delays stay."""
    plain = angle_router(2, 1)
    circuit = QuantumCircuit(2)
    for step in plain.circuit.data:
        circuit.append(step)
        circuit.barrier()
    fenced = RouterCircuit(
        circuit=circuit, inputs=plain.inputs, weights=plain.weights, observables=plain.observables
    )
    point = rng.uniform(-4, 4, (3, 2)), rng.uniform(-4, 4, 6)
    values = [
        open_backend("noisy:ibm_torino", seed=0).compile(router).expectations(*point).values
        for router in (plain, fenced)
    ]
    np.testing.assert_allclose(values[0], values[1], rtol=0, atol=ROUNDING)
