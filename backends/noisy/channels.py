"""The channels of an Aer noise model as Pauli transfer matrices, instruction by instruction."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

from qmoe_qiskit.simulation.lowering import Channel
from qmoe_qiskit.simulation.representation import transfer_matrix
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qiskit_aer.noise import NoiseModel


class NoiseChannels:
    """What an Aer noise model does after each instruction.

    Gate errors are read from the model; idle noise comes from the model's own passes, which Aer
    applies to delays.

    Args:
        model: The noise model; its qubits are those of the circuit.
    """

    def __init__(self, model: NoiseModel) -> None:
        self._gate_errors = model._local_quantum_errors  # noqa: SLF001 - Aer has no accessor
        self._passes = model._custom_noise_passes  # noqa: SLF001
        self._known: dict[Any, FloatArray | None] = {}

    def __call__(self, operation: Any, qubits: tuple[int, ...]) -> list[Channel]:  # noqa: ANN401
        """Return the channels after an instruction, for `lower_circuit`."""
        duration = operation.duration if operation.name == "delay" else None
        key = (operation.name, qubits, duration)
        if key not in self._known:
            self._known[key] = self._matrix(operation, qubits)
        matrix = self._known[key]
        return [] if matrix is None else [Channel(matrix=matrix, qubits=qubits)]

    def _matrix(
        self,
        operation: Any,  # noqa: ANN401
        qubits: tuple[int, ...],
    ) -> FloatArray | None:
        errors = []
        by_qubits = self._gate_errors.get(operation.name, {})
        if qubits in by_qubits:
            errors.append(by_qubits[qubits])
        errors += [
            noise_pass._func(operation, list(qubits))  # noqa: SLF001
            for noise_pass in self._passes
            if isinstance(operation, noise_pass._ops)  # noqa: SLF001
        ]
        matrices = [transfer_matrix(error) for error in errors if error is not None]
        return reduce(lambda before, after: after @ before, matrices) if matrices else None
