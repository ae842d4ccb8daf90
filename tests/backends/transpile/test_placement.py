"""The choice of device qubits: no placement of the routed circuit has a smaller expected error."""

from __future__ import annotations

from collections import defaultdict
from itertools import permutations, product
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Delay, Measure, Parameter
from qiskit.circuit.library import ECRGate, RZGate, SXGate
from qiskit.providers import QubitProperties
from qiskit.quantum_info import SuperOp, average_gate_fidelity
from qiskit.transpiler import InstructionProperties, PassManager, Target
from qiskit.transpiler.passes import ALAPScheduleAnalysis, PadDelay, TimeUnitConversion
from qiskit_aer.noise import thermal_relaxation_error

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.backends.transpile import placement
from qmoe_qiskit.backends.transpile.isa_circuit import fit_to_device
from qmoe_qiskit.backends.transpile.placement import best_placement, expected_error
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.noise_profiles import load_profile

if TYPE_CHECKING:
    from qmoe_qiskit.noise_profiles import NoiseProfile

# Waiting times are rounded to femtoseconds; T1 is 1e-6 s or more.
ROUNDING = 1e-9
Place = tuple[int, ...]


class Oracle:
    """The errors of a device in Aer's channels, and the waiting times in Qiskit's schedule."""

    def __init__(self, circuit: QuantumCircuit, target: Target, *, median: bool = True) -> None:
        self.target = target
        self.operations = [
            (step.operation.name, tuple(circuit.find_bit(q).index for q in step.qubits))
            for step in circuit.data
            if step.operation.name not in {"barrier", "delay"}
        ]
        self.waits = waits_of(circuit, timed(target, median=median))
        self._known: dict[tuple[str, Place], float] = {}
        self._relaxed: dict[tuple[Place, float], float] = {}

    def failure(self, place: dict[int, int]) -> float | None:
        """1 - the product of all fidelities, one by one; None where an operation is missing."""
        fidelity = 1.0
        for name, qubits in self.operations:
            there = tuple(place[q] for q in qubits)
            if there not in self.target[name]:
                return None
            fidelity *= 1 - self.error(name, there)
        for qubit, time in self.waits.items():
            fidelity *= 1 - self.relaxation((place[qubit],), time)
        return 1 - fidelity

    def least(self) -> float:
        used = sorted({q for _, qubits in self.operations for q in qubits})
        failures = [
            self.failure(dict(zip(used, place, strict=True)))
            for place in permutations(range(self.target.num_qubits), len(used))
        ]
        return min(f for f in failures if f is not None)

    def error(self, name: str, place: Place) -> float:
        """What Aer simulates: the larger of the reported error and that of relaxation."""
        if (name, place) not in self._known:
            properties = self.target[name][place]
            error = (properties.error or 0) if properties else 0
            if properties and properties.duration and name != "measure":
                error = max(error, self.relaxation(place, properties.duration))
            self._known[name, place] = error
        return self._known[name, place]

    def relaxation(self, place: Place, time: float) -> float:
        if (place, time) not in self._relaxed:
            self._relaxed[place, time] = self._relaxation(place, time)
        return self._relaxed[place, time]

    def _relaxation(self, place: Place, time: float) -> float:
        if self.target.qubit_properties is None:
            return 0.0
        channel = None
        for q in place:
            of = self.target.qubit_properties[q]
            one = thermal_relaxation_error(of.t1, of.t2, time)
            channel = one if channel is None else channel.tensor(one)
        return 1 - float(average_gate_fidelity(SuperOp(channel)))


def timed(target: Target, *, median: bool) -> Target:
    """A target in which everything has a duration; with `median`, the same everywhere."""
    new = Target(num_qubits=target.num_qubits, dt=1e-15)
    for name in set(target.operation_names) - {"delay", "reset"}:
        durations = {p: (found and found.duration) or 0.0 for p, found in target[name].items()}
        middle = float(np.median(list(durations.values())))
        new.add_instruction(
            target.operation_from_name(name),
            {p: InstructionProperties(middle if median else d) for p, d in durations.items()},
        )
    new.add_instruction(Delay(Parameter("t")), {(q,): None for q in range(target.num_qubits)})
    return new


def waits_of(circuit: QuantumCircuit, target: Target) -> dict[int, float]:
    """The delays of each qubit between its first and last operation, in s."""
    bare = circuit.copy_empty_like()
    for step in circuit.data:
        if step.operation.name != "delay":
            bare.append(step)
    kinds = (TimeUnitConversion, ALAPScheduleAnalysis, PadDelay)
    scheduled = PassManager([kind(target=target) for kind in kinds]).run(bare)
    waits: dict[int, float] = {}
    pending: dict[int, float] = defaultdict(float)
    for step in scheduled.data:
        for q in [scheduled.find_bit(q).index for q in step.qubits]:
            if step.operation.name == "delay":
                pending[q] += step.operation.duration * target.dt
            elif step.operation.name != "barrier":
                waits[q] = waits[q] + pending[q] if q in waits else 0.0
                pending[q] = 0.0
    return waits


@st.composite
def placed_circuits(draw: st.DrawFn) -> tuple[Target, QuantumCircuit]:
    """A device whose gates have a direction and are missing here and there, and what runs on it."""
    n = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def calibrated(places: list[Place], scale: float) -> dict[Place, object]:
        def error() -> float | None:
            # Unknown, impossible, or equal to another one's.
            special = {0: None, 1: 1.0, 2: scale}
            return special.get(int(rng.integers(12)), float(rng.exponential(scale)))

        return {p: InstructionProperties(1e-8 * rng.integers(1, 9), error()) for p in places}

    usable = [q for q in range(n) if rng.random() < 0.85] or [0]
    density = draw(st.sampled_from([0.3, 0.7]))
    pairs: list[Place] = [p for p in permutations(usable, 2) if rng.random() < density]
    times = [QubitProperties(*rng.uniform(1e-6, 2e-5, 2)) for _ in range(n)]
    for of in times:
        of.t2 = min(of.t2, 2 * of.t1)
    relaxes = draw(st.booleans())
    target = Target(num_qubits=n, qubit_properties=times if relaxes else None)
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
    oracle = Oracle(circuit, target)
    found = oracle.failure(place)
    assert found is not None
    assert len(set(place.values())) == len(place)
    assert found == pytest.approx(oracle.least(), abs=ROUNDING)
    here = {q: q for q in range(circuit.num_qubits)}
    assert expected_error(circuit, target) == pytest.approx(
        Oracle(circuit, target, median=False).failure(here), abs=ROUNDING
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


SIZES = [(2, "strong"), (3, "strong"), (4, "ring"), (3, "none")]


@pytest.mark.parametrize(
    ("part", "n_qubits", "entanglement"),
    [
        pytest.param(part, *size, marks=() if (k + m) % 2 == 0 else pytest.mark.trial)
        for (k, part), (m, size) in product(enumerate(PARTS), enumerate(SIZES))
    ],
)
def test_no_placement_of_a_router_is_better(part: str, n_qubits: int, entanglement: str) -> None:
    profile = PARTS[part]
    target = profile.to_target()
    router = angle_router(n_qubits, 1, entanglement=entanglement)
    compact = fit_to_device(router, profile, seed=3)
    oracle = Oracle(compact.full, target)
    here = {q: q for q in range(profile.n_qubits)}
    assert oracle.failure(here) == pytest.approx(oracle.least(), abs=ROUNDING)


def test_qubits_that_nothing_couples_are_the_best_of_all() -> None:
    """Without an entangler each qubit is placed by itself, on any of 156."""
    profile = load_profile("ibm_fez")
    target = profile.to_target()
    full = fit_to_device(angle_router(3, 1, entanglement="none"), profile).full
    operations = {s.operation.name: s.operation for s in full.data}
    counts = full.count_ops()
    oracle = Oracle(full, target)

    def cost(q: int) -> float:
        per_qubit = {name: counts[name] // 3 for name in operations if name != "barrier"}
        errors = {name: oracle.error(name, (q,)) for name in per_qubit if name != "delay"}
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
    oracle = Oracle(circuit, target)
    found = oracle.failure(best_placement(circuit, target))
    before = oracle.failure({q: q for q in range(7)})
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
