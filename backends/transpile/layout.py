"""Where each qubit of a router lies on a device, before and after routing, as Qiskit says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from qiskit import QuantumCircuit
from qiskit.circuit import QuantumRegister, Qubit
from qiskit.transpiler import Layout, TranspileLayout


@dataclass(frozen=True, kw_only=True)
class QubitMap:
    """The positions of all qubits of a device.

    Attributes:
        initial: Per qubit of the router, and then per ancilla, its device qubit when the circuit
            begins; every device qubit once.
        moved: Per device qubit, the device qubit to which routing carries its state.
    """

    initial: tuple[int, ...]
    moved: tuple[int, ...]

    @classmethod
    def fixed(cls, places: Sequence[int], n_qubits: int) -> Self:
        """Return the map in which router qubit k is on device qubit `places[k]` all the time."""
        others = [q for q in range(n_qubits) if q not in set(places)]
        return cls(initial=(*places, *others), moved=tuple(range(n_qubits)))

    @classmethod
    def of_routed(cls, routed: QuantumCircuit) -> Self:
        """Return the map of a circuit that Qiskit has transpiled."""
        layout = routed.layout
        if layout is None:  # the target has no coupled qubits
            return cls.fixed((), routed.num_qubits)
        return cls(
            initial=tuple(layout.initial_index_layout()), moved=tuple(layout.routing_permutation())
        )

    def placed(self, place: Mapping[int, int], n_qubits: int) -> Self:
        """Return the map after the qubits have been moved to a larger device.

        Args:
            place: For each qubit that the circuit acts on, its new number. The others go to numbers
                that are left, to their own where that is possible.
            n_qubits: The number of qubits of the larger device.
        """
        here = range(len(self.initial))
        left = sorted(set(range(n_qubits)) - set(place.values()))
        new = dict(place)
        for stays in (True, False):
            for qubit in here:
                if qubit not in new and (not stays or qubit in left):
                    new[qubit] = qubit if stays else left[0]
                    left.remove(new[qubit])
        moved = list(range(n_qubits))
        for qubit in here:
            moved[new[qubit]] = new[self.moved[qubit]]
        return type(self)(
            initial=(*(new[qubit] for qubit in self.initial), *left), moved=tuple(moved)
        )

    def layout_of(self, circuit: QuantumCircuit, source: QuantumCircuit) -> TranspileLayout:
        """Return the layout of a circuit over the device that was made from another circuit."""
        ancillas = QuantumRegister(len(self.initial) - source.num_qubits, "ancilla")
        virtual: list[Qubit] = [*source.qubits, *ancillas]
        initial = Layout(dict(zip(virtual, self.initial, strict=True)))
        for register in (*source.qregs, ancillas):
            initial.add_register(register)
        stays = self.moved == tuple(range(len(self.moved)))
        return TranspileLayout(
            initial_layout=initial,
            input_qubit_mapping={qubit: k for k, qubit in enumerate(virtual)},
            final_layout=None
            if stays
            else Layout(dict(zip(circuit.qubits, self.moved, strict=True))),
            _input_qubit_count=source.num_qubits,
            _output_qubit_list=circuit.qubits,
        )
