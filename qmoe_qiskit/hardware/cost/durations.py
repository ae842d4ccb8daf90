"""Duration of one execution of a circuit, from the durations that the device states."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.transpiler import Target


def duration_s(circuit: QuantumCircuit, target: Target) -> float:
    """Return the duration of one execution in seconds: gates, delays, barriers and readout.

    It is the longest path through the circuit, since instructions on different qubits run at the
    same time. Initialization is excluded: it belongs to the repetition delay between executions.

    Args:
        circuit: The ISA circuit, on the device's qubits.
        target: The target of the device.

    Raises:
        InputError: If the device states no duration for an instruction of the circuit.
    """
    from qiskit.exceptions import QiskitError

    if not circuit.data:
        return 0.0
    try:
        return float(circuit.estimate_duration(target, unit="s"))
    except QiskitError as error:
        raise InputError(
            f"the duration of the circuit cannot be estimated: {error.message}; name another "
            "device, or transpile the circuit to this one"
        ) from error
