"""The choice of device qubits: no placement of the routed circuit has a smaller expected error."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Measure, Parameter
from qiskit.circuit.library import ECRGate, RZGate, SXGate
from qiskit.transpiler import InstructionProperties, Target

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.backends.transpile import placement
from qmoe_qiskit.backends.transpile.isa_circuit import fit_to_device
from qmoe_qiskit.backends.transpile.placement import best_placement, expected_error
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.noise_profiles import load_profile

if TYPE_CHECKING:
    from qmoe_qiskit.noise_profiles import NoiseProfile

# Sums of some dozen logarithms in another order.
ROUNDING = 1e-12


def failure(circuit: QuantumCircuit, target: Target, place: dict[int, int]) -> float | None:
    """1 - the product of all fidelities, operation by operation; None where one is missing."""
    fidelity = 1.0
    for step in circuit.data:
        name = step.operation.name
        qubits = tuple(place[circuit.find_bit(q).index] for q in step.qubits)
        if name in {"barrier", "delay"}:
            continue
        if qubits not in target[name]:
            return None
        properties = target[name][qubits]
        fidelity *= 1 - ((properties.error or 0) if properties else 0)
    return 1 - fidelity


def least_failure(circuit: QuantumCircuit, target: Target) -> float:
    used = sorted({circuit.find_bit(q).index for s in circuit.data for q in s.qubits})
    failures = [
        failure(circuit, target, dict(zip(used, place, strict=True)))
        for place in permutations(range(target.num_qubits), len(used))
    ]
    return min(f for f in failures if f is not None)


@st.composite
def placed_circuits(draw: st.DrawFn) -> tuple[Target, QuantumCircuit]:
    """A device whose gates have a direction and are missing here and there, and what runs on it."""
    n = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def calibrated(places: list[tuple[int, ...]], scale: float) -> dict[tuple[int, ...], object]:
        def error() -> float | None:
            # Unknown, impossible, or equal to another one's.
            special = {0: None, 1: 1.0, 2: scale}
            return special.get(int(rng.integers(12)), float(rng.exponential(scale)))

        return {p: InstructionProperties(1e-8, error()) for p in places}

    usable = [q for q in range(n) if rng.random() < 0.85] or [0]
    density = draw(st.sampled_from([0.3, 0.7]))
    pairs: list[tuple[int, ...]] = [p for p in permutations(usable, 2) if rng.random() < density]
    target = Target(num_qubits=n)
    target.add_instruction(SXGate(), calibrated([(q,) for q in usable], 1e-3))
    target.add_instruction(RZGate(Parameter("t")), {(q,): None for q in usable})
    target.add_instruction(Measure(), calibrated([(q,) for q in usable], 2e-2))
    if pairs:
        target.add_instruction(ECRGate(), calibrated(pairs, 1e-2))
    circuit = QuantumCircuit(n, n)
    for q in rng.permutation(usable)[: draw(st.integers(1, 5))]:
        for _ in range(rng.integers(1, 4)):
            circuit.sx(int(q))
        circuit.rz(0.1, int(q))
        circuit.measure(int(q), int(q))
    for k in rng.permutation(len(pairs))[: draw(st.integers(0, 5))]:
        for _ in range(rng.integers(1, 3)):
            circuit.ecr(*pairs[k])
    return target, circuit


@given(case=placed_circuits())
def test_no_placement_is_better_on_random_devices(case: tuple[Target, QuantumCircuit]) -> None:
    target, circuit = case
    place = best_placement(circuit, target)
    found = failure(circuit, target, place)
    assert found is not None
    assert len(set(place.values())) == len(place)
    assert found == pytest.approx(least_failure(circuit, target), abs=ROUNDING)
    assert expected_error(circuit, target) == pytest.approx(
        failure(circuit, target, {q: q for q in range(circuit.num_qubits)}), abs=ROUNDING
    )


PARTS = {
    "ibmq_manila": load_profile("ibmq_manila"),
    "ibm_lagos": load_profile("ibm_lagos"),
    "ibm_perth": load_profile("ibm_perth"),
    # ECR gates have one direction each.
    "sherbrooke": load_profile("ibm_sherbrooke").subset([0, 1, 2, 3, 4, 14, 18]),
    "brisbane": load_profile("ibm_brisbane").subset([4, 15, 22, 21, 20, 23, 24]),
    "miami": load_profile("ibm_miami").subset([0, 1, 2, 10, 11, 12]),
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    ("n_qubits", "entanglement"), [(2, "strong"), (3, "strong"), (4, "ring"), (3, "none")]
)
def test_no_placement_of_a_router_is_better(part: str, n_qubits: int, entanglement: str) -> None:
    profile = PARTS[part]
    target = profile.to_target()
    router = angle_router(n_qubits, 1, entanglement=entanglement)
    compact = fit_to_device(router, profile, seed=3)
    best = least_failure(compact.full, target)
    assert failure(compact.full, target, {q: q for q in range(profile.n_qubits)}) == pytest.approx(
        best, abs=ROUNDING
    )


def test_qubits_that_nothing_couples_are_the_best_of_all() -> None:
    """Without an entangler each qubit is placed by itself, on any of 156."""
    profile = load_profile("ibm_fez")
    target = profile.to_target()
    full = fit_to_device(angle_router(3, 1, entanglement="none"), profile).full
    operations = {s.operation.name: s.operation for s in full.data}
    counts = full.count_ops()

    def cost(q: int) -> float:
        per_qubit = {name: counts[name] // 3 for name in operations if name != "barrier"}
        errors = {name: target[name][q,].error or 0 for name in per_qubit if name != "delay"}
        return float(sum(-np.log1p(-error) * per_qubit[name] for name, error in errors.items()))

    best = sorted(range(profile.n_qubits), key=cost)[:3]
    used = {full.find_bit(q).index for s in full.data for q in s.qubits}
    assert used == set(best)


def test_qubits_without_gates_are_no_place() -> None:
    """On ibm_kingston five qubits were out of order: a search that counts gates must not see 0."""
    profile = load_profile("ibm_kingston")
    dead = {q.qubit for q in profile.qubits if not q.operational}
    assert dead
    for n_qubits in (1, 2):
        router = angle_router(n_qubits, 1, entanglement="none")
        compiled = open_backend("noisy:ibm_kingston").compile(router)
        assert dead.isdisjoint(compiled.physical_qubits)


@pytest.mark.parametrize("most", [1, 3])
def test_a_search_cut_short_is_no_worse_than_qiskits_choice(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = load_profile("ibm_perth")
    target = profile.to_target()
    circuit = fit_to_device(angle_router(4, 1), profile, qubits=[0, 1, 3, 5]).full
    monkeypatch.setattr(placement, "MAX_PLACEMENTS", most)
    monkeypatch.setattr(placement, "_NARROW", most)
    found = failure(circuit, target, best_placement(circuit, target))
    before = failure(circuit, target, {q: q for q in range(7)})
    assert found is not None
    assert before is not None
    assert found <= before + ROUNDING


def test_eight_qubits_of_a_grid() -> None:
    """More placements than are looked at: still better than the corner of the device."""
    profile: NoiseProfile = load_profile("ibm_miami")
    fitted = fit_to_device(angle_router(8, 1, entanglement="linear"), profile, seed=1)
    target = profile.to_target()
    corner = fit_to_device(
        angle_router(8, 1, entanglement="linear"), profile, qubits=list(range(8)), seed=1
    )
    assert expected_error(fitted.full, target) < expected_error(corner.full, target)
