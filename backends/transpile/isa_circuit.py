"""From a router circuit to the circuit that a device runs: transpiled, placed, scheduled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister
from qiskit.circuit.equivalence_library import SessionEquivalenceLibrary
from qiskit.transpiler import PassManager, Target
from qiskit.transpiler.passes import (
    BasisTranslator,
    Optimize1qGatesDecomposition,
    RemoveBarriers,
)

from qmoe_qiskit.backends.handed_out import handed_out
from qmoe_qiskit.backends.transpile.layout import QubitMap
from qmoe_qiskit.backends.transpile.placement import active_qubits, expected_error
from qmoe_qiskit.backends.transpile.region import usable_region
from qmoe_qiskit.backends.transpile.routing import (
    REGISTER,
    Routing,
    best_routing,
    relabelled,
    routed_on,
)
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.circuits.observables import Basis
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles.scheduling import scheduled
from qmoe_qiskit.noise_profiles.simulated import simulated

if TYPE_CHECKING:
    from qmoe_qiskit.noise_profiles import NoiseProfile


@dataclass(frozen=True, kw_only=True, eq=False)
class DeviceCircuit:
    """A router on chosen qubits of a device.

    Attributes:
        router: The router.
        gates: The circuit over the active qubits alone, with measurements, without a schedule.
        compact: The same circuit, scheduled; None if the durations of the gates are unknown.
        active: Per qubit of `gates`, its device qubit, ascending.
        measured: Per router qubit, the qubit of `gates` that holds it at the end.
        positions: Where all qubits of the device are before and after routing.
        target: The active qubits as the transpiler sees them; None if they are unknown.
        takes_time: Whether gates take time, so that a schedule has delays.
    """

    router: RouterCircuit
    gates: QuantumCircuit
    compact: QuantumCircuit | None
    active: tuple[int, ...]
    measured: tuple[int, ...]
    positions: QubitMap
    target: Target | None
    takes_time: bool = True

    @classmethod
    def from_full(
        cls, router: RouterCircuit, full: QuantumCircuit, physical_qubits: Sequence[int]
    ) -> DeviceCircuit:
        """Return a circuit over a whole device of which only the final positions are known.

        Args:
            router: The router.
            full: Its circuit over the whole device, without measurements.
            physical_qubits: Per router qubit, the device qubit that holds it at the end. The layout
                names it as the initial one too.
        """
        active = tuple(sorted({*active_qubits(full), *physical_qubits}))
        compact = relabelled(full, {q: k for k, q in enumerate(active)}, len(active))
        measured = tuple(active.index(q) for q in physical_qubits)
        return cls(
            router=router,
            gates=_with_measurements(compact, measured),
            compact=None,
            active=active,
            measured=measured,
            positions=QubitMap.fixed(physical_qubits, full.num_qubits),
            target=None,
        )

    @property
    def physical_qubits(self) -> tuple[int, ...]:
        """The device qubit that holds each router qubit when it is measured."""
        return tuple(self.active[q] for q in self.measured)

    @property
    def full(self) -> QuantumCircuit:
        """The circuit over the whole device, scheduled, with measurements."""
        return self.circuit(measured=True, scheduled=True)

    @property
    def evaluated(self) -> QuantumCircuit:
        """The scheduled circuit over the active qubits, without measurements."""
        assert self.compact is not None
        return without_measurements(self.compact)

    @property
    def expected_error(self) -> float | None:
        """See `CompiledRouter.expected_error`; None if the target is unknown."""
        return None if self.target is None else expected_error(self.gates, self.target)

    def circuit(self, *, measured: bool, scheduled: bool) -> QuantumCircuit:
        """Return the circuit over the whole device, see `CompiledRouter.device_circuit`.

        Raises:
            InputError: If a schedule is asked for and the durations are unknown.
        """
        compact = self.compact if scheduled else self.gates
        if compact is None:
            raise InputError(
                "the circuit comes from the ledger, without the durations of the device's gates: "
                "leave out scheduled"
            )
        if not measured:
            compact = without_measurements(compact)
        full = relabelled(compact, dict(enumerate(self.active)), len(self.positions.initial))
        return handed_out(full, self.router, self.positions)

    def in_basis(self, basis: Basis) -> DeviceCircuit:
        """Return the circuit followed by a change of basis, on the same qubits."""
        if not set(basis.letters) & set("XY"):
            return self
        assert self.target is not None
        changed = without_measurements(self.gates).compose(basis.change(), list(self.measured))
        passes = PassManager(
            [
                BasisTranslator(SessionEquivalenceLibrary, None, target=self.target),
                Optimize1qGatesDecomposition(target=self.target),
            ]
        )
        gates = _with_measurements(passes.run(changed), self.measured)
        compact = scheduled(gates, self.target) if self.takes_time else gates
        return replace(self, gates=gates, compact=compact)

    def with_angles(self, router: RouterCircuit, angles: Sequence[Any]) -> DeviceCircuit:
        """Return the circuit of a router whose rotations have these angles.

        Args:
            router: The router whose circuit it is.
            angles: Numbers or expressions, one per parameter of the circuit, in its order.
        """
        gates, compact = (
            circuit
            and circuit.assign_parameters(dict(zip(circuit.parameters, angles, strict=True)))
            for circuit in (self.gates, self.compact)
        )
        return replace(self, router=router, gates=gates, compact=compact)


def fit_to_device(
    router: RouterCircuit,
    profile: NoiseProfile,
    *,
    qubits: Sequence[int] | None = None,
    most_qubits: int | None = None,
    seed: int | None = None,
) -> DeviceCircuit:
    """Transpile a router to a device's gates, on the qubits with the smallest expected error.

    Args:
        router: The circuit.
        profile: The calibration of the device.
        qubits: Device qubits to use instead: a connected region of at least the router's width.
        most_qubits: How many device qubits may take part. Where it is better, routing uses qubits
            that the router does not have; beyond this number it does not.
        seed: The seed of Qiskit's routing, of which the best of several attempts is taken.

    Raises:
        InputError: If the router is wider than the device, the region is too small, out of range
            or not connected, or the device cannot run the circuit: too few of its qubits work and
            are connected, or its gates are not enough.
    """
    profile = simulated(profile)
    region = usable_region(router, profile, qubits)
    best = routed_within(router, profile, region, most_qubits=most_qubits, seed=seed)
    return place_routing(
        router, profile, best, {q: region[there] for q, there in best.place.items()}
    )


def routed_within(
    router: RouterCircuit,
    profile: NoiseProfile,
    region: Sequence[int],
    *,
    most_qubits: int | None,
    seed: int | None,
) -> Routing:
    """Return the best routing of a router within a region, whose qubits it numbers from 0.

    Raises:
        InputError: If the region cannot run the circuit.
    """
    circuit: QuantumCircuit = RemoveBarriers()(router.standard_circuit)
    circuit.measure_all()
    return best_routing(circuit, profile.subset(region), most_qubits=most_qubits, seed=seed)


def place_routing(
    router: RouterCircuit, profile: NoiseProfile, routing: Routing, place: Mapping[int, int]
) -> DeviceCircuit:
    """Return a routed circuit on chosen qubits of a device.

    Args:
        router: The router.
        profile: The device, with a duration of everything, see `simulated`.
        routing: The routed circuit.
        place: For each qubit that it acts on, the device qubit.
    """
    active = tuple(sorted(place.values()))
    here_of = {q: active.index(there) for q, there in place.items()}
    gates = relabelled(routing.circuit, here_of, len(active))
    target = profile.subset(active).to_target()
    return DeviceCircuit(
        router=router,
        gates=gates,
        compact=scheduled(gates, target),
        active=active,
        measured=_measured(gates),
        positions=routing.positions.placed(place, profile.n_qubits),
        target=target,
    )


def without_measurements(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a copy without measurements and classical bits."""
    bare = QuantumCircuit(circuit.num_qubits, global_phase=circuit.global_phase)
    for step in circuit.data:
        if step.operation.name not in {"measure", "barrier"}:
            bare.append(step.operation, [circuit.find_bit(q).index for q in step.qubits])
    return bare


def gates_only(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a circuit without measurements, delays and barriers; the service schedules it."""
    bare = QuantumCircuit(circuit.num_qubits)
    for step in circuit.data:
        if step.operation.name not in {"barrier", "delay", "measure"}:
            bare.append(step.operation, [circuit.find_bit(q).index for q in step.qubits])
    return bare


def _with_measurements(circuit: QuantumCircuit, measured: Sequence[int]) -> QuantumCircuit:
    """Return a circuit that measures router qubit k, on `measured[k]`, into bit k."""
    register = ClassicalRegister(len(measured), REGISTER)
    new: QuantumCircuit = circuit.copy()
    new.add_register(register)
    new.barrier(list(measured))
    new.measure(list(measured), register)
    return new


def _measured(circuit: QuantumCircuit) -> tuple[int, ...]:
    """Return the qubit that is measured into each bit, by number."""
    measured = {
        circuit.find_bit(step.clbits[0]).index: circuit.find_bit(step.qubits[0]).index
        for step in circuit.data
        if step.operation.name == "measure"
    }
    return tuple(measured[bit] for bit in range(circuit.num_clbits))


def fit_to_target(
    router: RouterCircuit, target: Target, *, seed: int | None = None
) -> DeviceCircuit:
    """Transpile a router to a target of as many qubits, whose gates take no time.

    Raises:
        InputError: If the target cannot run the circuit.
    """
    circuit: QuantumCircuit = RemoveBarriers()(router.standard_circuit)
    circuit.measure_all()
    routed = routed_on(circuit, target, seed)
    gates = relabelled(routed, {q: q for q in range(router.n_qubits)}, router.n_qubits)
    return DeviceCircuit(
        router=router,
        gates=gates,
        compact=gates,
        active=tuple(range(router.n_qubits)),
        measured=_measured(gates),
        positions=QubitMap.of_routed(routed),
        target=target,
        takes_time=False,
    )
