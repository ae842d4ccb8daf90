"""Where the circuit of a run lies on a device, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qmoe_qiskit import runs


def placement_sentence(run: runs.Run) -> str | None:
    """Return the qubits of a run's circuit and what may go wrong there; None if it runs nowhere."""
    from qmoe_qiskit.backends import FourierSurrogate

    compiled = run.classifier.compiled_router
    if compiled is None or compiled.expected_error is None:
        return None
    if isinstance(compiled, FourierSurrogate):
        return None
    slots = getattr(compiled, "slots", None)
    if slots is not None:
        errors = [f"{100 * slot.expected_error:.2g} %" for slot in (slots[0], slots[-1])]
        return (
            f"its circuit in {len(slots)} slots, each with rows of its own: an error in "
            f"{errors[0]} of the executions of the best and {errors[1]} of the worst is expected "
            "from the calibration"
        )
    n_gates = compiled.isa_circuit.num_nonlocal_gates()
    return (
        f"its circuit on qubits {' '.join(map(str, compiled.physical_qubits))}: "
        f"{n_gates} two-qubit gate{'s' * (n_gates != 1)}, an error in "
        f"{100 * compiled.expected_error:.2g} % of its executions is expected from the calibration"
    )
