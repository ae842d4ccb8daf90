"""What every compiled router says of itself: its circuit, its qubits, its expected error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, Protocol

from qiskit import QuantumCircuit

from qmoe_qiskit.backends.transpile.layout import QubitMap
from qmoe_qiskit.circuits import RouterCircuit


class PlacedCircuit(Protocol):
    """A router's circuit where it runs."""

    @property
    def physical_qubits(self) -> tuple[int, ...]:
        """The device qubit that holds each router qubit at the end of the circuit."""
        ...

    @property
    def expected_error(self) -> float | None:
        """The probability that anything goes wrong in one execution; None without a device."""
        ...

    def circuit(self, *, measured: bool, scheduled: bool) -> QuantumCircuit:
        """Return a new circuit, see `CompiledRouter.device_circuit`."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class WithoutDevice:
    """A router's circuit on a simulator that takes every gate and couples every pair of qubits.

    Attributes:
        router: The router.
    """

    router: RouterCircuit
    expected_error: None = None

    @property
    def physical_qubits(self) -> tuple[int, ...]:
        """See `PlacedCircuit.physical_qubits`: each router qubit is its own."""
        return tuple(range(self.router.n_qubits))

    def circuit(self, *, measured: bool, scheduled: bool) -> QuantumCircuit:  # noqa: ARG002
        """See `PlacedCircuit.circuit`; gates take no time here, so a schedule has no delays."""
        circuit = self.router.standard_circuit
        positions = QubitMap.fixed(self.physical_qubits, self.router.n_qubits)
        if measured:
            circuit.measure_all()
        return handed_out(circuit, self.router, positions)


class HandsOut:
    """The part of a compiled router that describes it: all of it is new at every access.

    A subclass has the attributes `backend_name`, the specification of its backend, and `placed`.
    """

    backend_name: str
    placed: PlacedCircuit

    @property
    def isa_circuit(self) -> QuantumCircuit:
        """See `CompiledRouter.isa_circuit`."""
        return self.device_circuit()

    def device_circuit(self, *, measured: bool = False, scheduled: bool = False) -> QuantumCircuit:
        """See `CompiledRouter.device_circuit`."""
        return self.placed.circuit(measured=measured, scheduled=scheduled)

    @property
    def physical_qubits(self) -> tuple[int, ...]:
        """See `CompiledRouter.physical_qubits`."""
        return self.placed.physical_qubits

    @property
    def expected_error(self) -> float | None:
        """See `CompiledRouter.expected_error`."""
        return self.placed.expected_error

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            """Raise an AttributeError that says what has the attribute."""
            message = f"{type(self).__name__!r} object has no attribute {name!r}"
            if name in {"name", "metadata"} or (
                not name.startswith("_") and hasattr(QuantumCircuit, name)
            ):
                message += ": where a QuantumCircuit is wanted, give its attribute isa_circuit"
            raise AttributeError(message, name=name, obj=self)

    def __repr__(self) -> str:
        circuit, error = self.isa_circuit, self.expected_error
        facts = [
            f"qubits {' '.join(map(str, self.physical_qubits))}",
            f"depth {circuit.depth()}",
            f"{circuit.num_nonlocal_gates()} two-qubit gates",
            *([] if error is None else [f"expected error {100 * error:.2g} %"]),
        ]
        return f"<{type(self).__name__} on {self.backend_name!r}: {', '.join(facts)}>"


def handed_out(
    circuit: QuantumCircuit, router: RouterCircuit, positions: QubitMap
) -> QuantumCircuit:
    """Return a circuit as Qiskit's transpiler would return the router's: named, with a layout."""
    source = router.circuit
    circuit = circuit.copy(name=source.name)
    circuit.metadata = source.metadata
    circuit._layout = positions.layout_of(circuit, source)  # noqa: SLF001 - as Qiskit's passes do
    return circuit
