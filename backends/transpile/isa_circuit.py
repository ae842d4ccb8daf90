"""From a router circuit to the circuit that a device runs: transpiled, placed, scheduled."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister
from qiskit.circuit.equivalence_library import SessionEquivalenceLibrary
from qiskit.transpiler import PassManager, Target, TranspilerError, generate_preset_pass_manager
from qiskit.transpiler.passes import (
    ALAPScheduleAnalysis,
    BasisTranslator,
    Optimize1qGatesDecomposition,
    PadDelay,
    RemoveBarriers,
    TimeUnitConversion,
)

from qmoe_qiskit.backends.handed_out import handed_out
from qmoe_qiskit.backends.transpile.layout import QubitMap
from qmoe_qiskit.backends.transpile.placement import (
    active_qubits,
    best_placement,
    expected_error,
)
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.circuits.observables import Basis
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from qmoe_qiskit.noise_profiles import NoiseProfile

OPTIMIZATION_LEVEL = 3
# The classical register of the measurements, as QuantumCircuit.measure_all calls it.
REGISTER = "meas"


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
        """1 - the product of (1 - error) over all gates and measurements; None if unknown."""
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
        seed: The seed of Qiskit's routing.

    Raises:
        InputError: If the router is wider than the device, the region is too small, out of range
            or not connected, or the device cannot run the circuit: too few of its qubits are
            connected, or a gate has no duration.
    """
    region = None if qubits is None else _checked_region(router, profile, qubits)
    here = profile if region is None else profile.subset(region)
    target = here.to_target()
    if router.n_qubits > target.num_qubits:
        raise InputError(
            f"the router has {router.n_qubits} qubits, {profile.device} has {target.num_qubits}: "
            "use a smaller router (--qubits) or another device"
        )
    circuit: QuantumCircuit = RemoveBarriers()(router.standard_circuit)
    circuit.measure_all()
    routed = _routed(circuit, here.device, target, seed)
    positions = QubitMap.of_routed(routed)
    if most_qubits is not None and len(used := active_qubits(routed)) > most_qubits:
        narrow = _narrowed(used, here, router.n_qubits)
        part = here.subset(narrow)
        routed = _routed(circuit, part.device, part.to_target(), seed)
        here_of = dict(enumerate(narrow))
        positions = QubitMap.of_routed(routed).placed(here_of, target.num_qubits)
        routed = relabelled(routed, here_of, target.num_qubits)
    place = best_placement(routed, target)
    if region is not None:
        place = {q: region[there] for q, there in place.items()}
    active = tuple(sorted(place.values()))
    here_of = {q: active.index(there) for q, there in place.items()}
    gates = relabelled(routed, here_of, len(active))
    target = profile.subset(active).to_target()
    try:
        compact = scheduled(gates, target)
    except TranspilerError as error:
        raise InputError(
            f"the circuit cannot be scheduled on qubits {list(active)} of {profile.device}: "
            f"{error.message}"
        ) from error
    return DeviceCircuit(
        router=router,
        gates=gates,
        compact=compact,
        active=active,
        measured=_measured(gates),
        positions=positions.placed(place, profile.n_qubits),
        target=target,
    )


def scheduled(circuit: QuantumCircuit, target: Target) -> QuantumCircuit:
    """Return a circuit with the delays in which idle qubits relax; gates start late as possible."""
    kinds = (TimeUnitConversion, ALAPScheduleAnalysis, PadDelay)
    padded: QuantumCircuit = PassManager([kind(target=target) for kind in kinds]).run(circuit)
    return padded


def without_measurements(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a copy without measurements and classical bits."""
    bare = QuantumCircuit(circuit.num_qubits, global_phase=circuit.global_phase)
    for step in circuit.data:
        if step.operation.name not in {"measure", "barrier"}:
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
    routed = _routed(circuit, target.description, target, seed)
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


def _routed(
    circuit: QuantumCircuit, device: str, target: Target, seed: int | None
) -> QuantumCircuit:
    passes = generate_preset_pass_manager(
        OPTIMIZATION_LEVEL, target=target, seed_transpiler=0 if seed is None else seed
    )
    try:
        routed: QuantumCircuit = passes.run(circuit)
    except TranspilerError as error:
        raise InputError(
            f"{device} cannot run the router's {circuit.num_qubits} qubits: {error.message}"
        ) from error
    return routed


def _narrowed(qubits: Sequence[int], profile: NoiseProfile, size: int) -> tuple[int, ...]:
    """Drop qubits, largest readout error first, as long as the others stay connected."""
    kept = sorted(qubits, key=lambda q: -(profile.qubits[q].readout_error or 0.0))
    while len(kept) > size:
        others = ([q for q in kept if q != qubit] for qubit in kept)
        connected = (rest for rest in others if _reachable(rest, profile) == set(rest))
        kept = next(connected, kept[1:])
    return tuple(sorted(kept))


def _reachable(region: Collection[int], profile: NoiseProfile) -> set[int]:
    """Return the qubits of a region that couplers within it connect to its first."""
    reached = {next(iter(region))}
    edges = [set(pair) for pair in profile.couplings if set(pair) <= set(region)]
    while grown := {q for e in edges if e & reached for q in e} - reached:
        reached |= grown
    return reached


def _checked_region(
    router: RouterCircuit, profile: NoiseProfile, qubits: Sequence[int]
) -> tuple[int, ...]:
    strange = [q for q in qubits if isinstance(q, bool) or not hasattr(q, "__index__")]
    if strange:
        raise InputError(f"qubits must be whole numbers, got {strange[0]!r}")
    region = tuple(int(q) for q in qubits)
    n_device = len(profile.qubits)
    outside = [q for q in region if not 0 <= q < n_device]
    if outside:
        raise InputError(
            f"qubits {outside} are not on {profile.device}: it has qubits 0 to {n_device - 1}"
        )
    if len(set(region)) < len(region):
        raise InputError(f"qubits {list(region)} name a qubit twice: name each once")
    if len(region) < router.n_qubits:
        raise InputError(
            f"qubits {list(region)} are {len(region)}, the router needs {router.n_qubits}: "
            "name at least as many"
        )
    if lost := set(region) - _reachable(region, profile):
        raise InputError(
            f"qubits {list(region)} are not connected on {profile.device}: "
            f"{sorted(lost)} cannot be reached from {region[0]} within them"
        )
    return region


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
