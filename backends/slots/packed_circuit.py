"""The circuit that runs a router in all slots at once, and its layout on the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister, Parameter, ParameterVector
from qiskit.quantum_info import SparsePauliOp

from qmoe_qiskit.backends.handed_out import handed_out
from qmoe_qiskit.backends.transpile.layout import QubitMap
from qmoe_qiskit.backends.transpile.routing import REGISTER
from qmoe_qiskit.circuits import RouterCircuit

if TYPE_CHECKING:
    from qmoe_qiskit.backends.transpile.isa_circuit import DeviceCircuit


@dataclass(frozen=True, eq=False)
class PackedCircuit:
    """A router on several disjoint sets of qubits of one device, see `PlacedCircuit`.

    Attributes:
        circuits: The router's circuit in each slot.
    """

    circuits: tuple[DeviceCircuit, ...]

    @property
    def physical_qubits(self) -> tuple[int, ...]:
        """The device qubit of each router qubit at the end of the circuit, slot after slot."""
        return tuple(q for circuit in self.circuits for q in circuit.physical_qubits)

    @property
    def expected_error(self) -> float | None:
        """The mean of the slots' expected errors; None if they are unknown."""
        errors = [circuit.expected_error for circuit in self.circuits]
        known = [error for error in errors if error is not None]
        return float(np.mean(known)) if len(known) == len(errors) else None

    @cached_property
    def router(self) -> RouterCircuit:
        """One router of as many inputs and qubits as all slots have, under the same weights."""
        return copies_of(self.circuits[0].router, len(self.circuits))

    def circuit(self, *, measured: bool, scheduled: bool) -> QuantumCircuit:
        """Return the circuit over the whole device: an input vector per slot, shared weights.

        Bit k * n + j of the measurements is router qubit j of slot k.
        """
        parts = [
            one.circuit(measured=measured, scheduled=scheduled).assign_parameters(
                _renamed(one.router.inputs, self.router.inputs, slot), strict=False
            )
            for slot, one in enumerate(self.circuits)
        ]
        n_router = self.circuits[0].router.n_qubits
        packed = QuantumCircuit(
            parts[0].num_qubits, global_phase=sum(part.global_phase for part in parts)
        )
        if measured:
            packed.add_register(ClassicalRegister(n_router * len(parts), REGISTER))
        for slot, part in enumerate(parts):
            for step in part.data:
                qubits = [part.find_bit(q).index for q in step.qubits]
                clbits = [n_router * slot + part.find_bit(c).index for c in step.clbits]
                packed.append(step.operation, qubits, clbits)
        return handed_out(packed, self.router, self._positions)

    @property
    def _positions(self) -> QubitMap:
        """Where the qubits of all slots are before and after routing."""
        all_positions = [circuit.positions for circuit in self.circuits]
        n_router = self.circuits[0].router.n_qubits
        places = [q for positions in all_positions for q in positions.initial[:n_router]]
        fixed = QubitMap.fixed(places, len(all_positions[0].initial))
        moved = list(fixed.moved)
        for circuit, positions in zip(self.circuits, all_positions, strict=True):
            for q in circuit.active:
                moved[q] = positions.moved[q]
        assert sorted(moved) == list(fixed.moved)
        return replace(fixed, moved=tuple(moved))


def copies_of(router: RouterCircuit, count: int) -> RouterCircuit:
    """Return a router that is `count` copies of one side by side: own inputs, shared weights."""
    n_qubits, source = router.n_qubits, router.circuit
    inputs = ParameterVector(_name_besides(router), count * router.n_inputs)
    circuit = QuantumCircuit(count * n_qubits, name=source.name, metadata=source.metadata)
    for slot in range(count):
        part = source.assign_parameters(_renamed(router.inputs, inputs, slot), strict=False)
        place = range(slot * n_qubits, (slot + 1) * n_qubits)
        circuit.compose(part, place, inplace=True)
    return replace(
        router,
        circuit=circuit,
        inputs=inputs,
        observables=spread_observables(router.observables, n_qubits, count),
    )


def spread_observables(
    observables: Sequence[SparsePauliOp], n_qubits: int, count: int
) -> tuple[SparsePauliOp, ...]:
    """Return the observables of `count` copies of some qubits, slot after slot."""
    return tuple(
        observable.apply_layout(
            list(range(slot * n_qubits, (slot + 1) * n_qubits)), count * n_qubits
        )
        for slot in range(count)
        for observable in observables
    )


def _renamed(
    inputs: Sequence[Parameter], packed: Sequence[Parameter], slot: int
) -> dict[Parameter, Parameter]:
    """Return which input of all slots stands for which of one slot."""
    width = len(inputs)
    return dict(zip(inputs, packed[slot * width : (slot + 1) * width], strict=True))


def _name_besides(router: RouterCircuit) -> str:
    """Return a name for the inputs that no parameter of the router has."""
    taken = {parameter.name.partition("[")[0] for parameter in router.circuit.parameters}
    name = "x"
    while name in taken:
        name += "_"
    return name
