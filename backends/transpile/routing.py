"""Routing a circuit on a device: of several attempts, the one with the smallest expected error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister
from qiskit.transpiler import Target, TranspilerError

from qmoe_qiskit.backends.transpile.fractional import (
    free_pairs_decomposed,
    in_range,
    offers_bounded,
    without_bounded,
)
from qmoe_qiskit.backends.transpile.layout import QubitMap
from qmoe_qiskit.backends.transpile.pass_manager import pass_manager
from qmoe_qiskit.backends.transpile.placement import (
    Costs,
    active_qubits,
    best_placement,
    error_of,
    expected_error,
    operations_of,
)
from qmoe_qiskit.backends.transpile.region import good_regions, narrowed
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from qmoe_qiskit.noise_profiles import NoiseProfile

# Besides one attempt on the whole device: regions, and attempts within each, by the seed of
# Qiskit's routing. On the whole device Qiskit prefers the fewest gates, also where the qubits are
# bad, so that further seeds gain less there, and take longer.
REGIONS = 2
SEEDS = 3
# The classical register of the measurements, as QuantumCircuit.measure_all calls it.
REGISTER = "meas"


@dataclass(frozen=True, kw_only=True, eq=False)
class Routing:
    """A circuit on a device.

    Attributes:
        circuit: The circuit of the device's gates, with measurements, before it is placed.
        positions: Where all qubits are before and after routing, before it is placed.
        place: For each qubit that the circuit acts on, the device qubit where it is best.
    """

    circuit: QuantumCircuit
    positions: QubitMap
    place: dict[int, int]


def best_routing(
    circuit: QuantumCircuit,
    profile: NoiseProfile,
    *,
    most_qubits: int | None,
    seed: int | None,
) -> Routing:
    """Route and place a circuit several times; of equally good results return the first.

    Args:
        circuit: The circuit, with measurements.
        profile: The device; all its qubits work.
        most_qubits: How many of them may take part, see `fit_to_device`.
        seed: The seed that those of all attempts derive from; None for 0.

    Raises:
        InputError: If the device cannot run the circuit.
    """
    target = profile.to_target()
    costs = Costs(target)
    best, least = None, np.inf
    known = set()
    for routed, positions in _routings(circuit, profile, most_qubits, seed or 0):
        operations = frozenset(operations_of(routed).items())
        if operations in known:
            continue
        known.add(operations)
        place = best_placement(routed, target, costs)
        error = expected_error(routed, target, place)
        if best is None or error < least:
            best, least = Routing(circuit=routed, positions=positions, place=place), error
    if best is None:
        raise _refusal(circuit, target)
    return best


def routed_on(circuit: QuantumCircuit, target: Target, seed: int | None) -> QuantumCircuit:
    """Return a circuit transpiled to a target.

    Raises:
        InputError: If the target cannot run the circuit.
    """
    if target.has_angle_bounds():
        # This import tells Qiskit how to bring an angle of rzz into range.
        import qiskit_ibm_runtime.utils.backend_converter  # noqa: F401
    passes = pass_manager(target, 0 if seed is None else seed)
    try:
        routed: QuantumCircuit = passes.run(circuit)
    except TranspilerError as error:
        raise _refusal(circuit, target) from error
    return routed


def _routings(
    circuit: QuantumCircuit, profile: NoiseProfile, most_qubits: int | None, seed: int
) -> Iterator[tuple[QuantumCircuit, QubitMap]]:
    """Return a circuit routed with several seeds; where kinds of couplers do not mix, on one kind.

    A device that offers rzz is tried with it and without. Nothing is returned if no attempt
    succeeds.
    """
    whole = [profile]
    if offers_bounded(profile):
        circuit = free_pairs_decomposed(circuit)
        whole.append(without_bounded(profile))
    for devices in (whole, _kinds_of_couplers(profile)):
        found = False
        for device in devices:
            target = device.to_target()
            for region, each in _attempts(circuit, device, target, seed):
                try:
                    routed, positions = _routing(
                        circuit, device, target, region=region, most_qubits=most_qubits, seed=each
                    )
                except InputError:
                    continue
                if in_range(routed):
                    found = True
                    yield routed, positions
        if found:
            return


def _attempts(
    circuit: QuantumCircuit, profile: NoiseProfile, target: Target, seed: int
) -> Iterator[tuple[tuple[int, ...] | None, int]]:
    """Return regions, None for the whole device, and seeds; two qubits need no routing."""
    yield None, seed
    size: int = circuit.num_qubits
    n_pairs = sum(len(step.qubits) == 2 for step in circuit.data)
    if size < 3 or not n_pairs:
        return
    others = np.random.default_rng(abs(seed)).integers(2**31, size=SEEDS - 1).tolist()
    # Routing about doubles the gates, and a region of n qubits has n - 1 couplers or more.
    per_coupler = 2 * n_pairs / (size - 1)
    pairs = _two(profile)

    def error(qubits: tuple[int, ...]) -> float:
        if len(qubits) == 1:
            return error_of(target, "measure", qubits)
        there = [name for name in pairs if qubits in target[name]]
        return per_coupler * min(error_of(target, name, qubits) for name in there)

    for region in good_regions(profile, size, error)[:REGIONS]:
        yield from ((region, each) for each in (seed, *others))


def _routing(
    circuit: QuantumCircuit,
    profile: NoiseProfile,
    target: Target,
    *,
    region: tuple[int, ...] | None,
    most_qubits: int | None,
    seed: int,
) -> tuple[QuantumCircuit, QubitMap]:
    if region is None:
        routed = routed_on(circuit, target, seed)
        used = active_qubits(routed)
        if most_qubits is None or len(used) <= most_qubits:
            return routed, QubitMap.of_routed(routed)
        region = narrowed(used, profile, circuit.num_qubits)
    routed = routed_on(circuit, profile.subset(region).to_target(), seed)
    here_of = dict(enumerate(region))
    positions = QubitMap.of_routed(routed).placed(here_of, profile.n_qubits)
    return relabelled(routed, here_of, profile.n_qubits), positions


def _two(profile: NoiseProfile) -> list[str]:
    """Return the names of the two-qubit gates that a device offers."""
    there = {gate.name for gate in profile.gates if len(gate.qubits) == 2}
    return [name for name in profile.basis_gates if name in there]


def _kinds_of_couplers(profile: NoiseProfile) -> list[NoiseProfile]:
    """Return a device once per two-qubit gate, without the others; nothing if it has one only.

    Qiskit turns a gate around where its qubits are coupled in the other direction, and cannot where
    the coupler has another gate, as on a device with cx here and ecr there.
    """
    two = _two(profile)
    others = [name for name in profile.basis_gates if name not in two]
    return [replace(profile, basis_gates=(*others, name)) for name in two if len(two) > 1]


def _refusal(circuit: QuantumCircuit, target: Target) -> InputError:
    gates = sorted(set(target.operation_names) - {"delay", "measure", "reset"})
    return InputError(
        f"{target.description} cannot run the router's {circuit.num_qubits} qubits with its gates "
        f"{', '.join(gates)}: it needs one-qubit gates such as rz and sx, and cx, cz or ecr "
        "between enough connected qubits"
    )


def relabelled(circuit: QuantumCircuit, place: dict[int, int], n_qubits: int) -> QuantumCircuit:
    """Return a circuit over `n_qubits` qubits: qubit q moves to `place[q]`.

    Labels of gates are dropped: a noise model of Aer has no noise for a gate with a label.
    """
    new = QuantumCircuit(n_qubits, global_phase=circuit.global_phase)
    if circuit.num_clbits:
        new.add_register(ClassicalRegister(circuit.num_clbits, REGISTER))
    for step in circuit.data:
        wires = [circuit.find_bit(q).index for q in step.qubits]
        if step.operation.name == "barrier":
            wires = [q for q in wires if q in place]
            if wires:
                new.barrier([place[q] for q in wires])
            continue
        clbits = [circuit.find_bit(c).index for c in step.clbits]
        operation = step.operation
        if operation.label is not None:
            operation = operation.to_mutable()
            operation.label = None
        new.append(operation, [place[q] for q in wires], clbits)
    return new
