"""Where a router circuit runs: `open_backend` and the two protocols that every backend follows.

Shapes: B batch, F inputs of the circuit (features), W weights of the circuit, O observables,
G rotation angles, P points at which a circuit is evaluated, D measured bit strings or basis states,
S bit strings of one circuit, K noise factors, N device qubits, Q router qubits.
"""

from typing import TYPE_CHECKING

if __name__ != "qmoe_qiskit.backends":
    raise ImportError(
        f"this package is installed as qmoe_qiskit.backends and cannot be imported as {__name__!r}"
    )

from qmoe_qiskit.lazy import load_lazily

if TYPE_CHECKING:
    from qmoe_qiskit.backends.mitigation.registry import MITIGATIONS
    from qmoe_qiskit.backends.open import list_backends, open_backend
    from qmoe_qiskit.backends.protocols import (
        Backend,
        CompiledRouter,
        Expectations,
        Pullback,
        check_batch,
    )
    from qmoe_qiskit.backends.spec import BackendSpec
    from qmoe_qiskit.backends.statevector import ENGINES, BatchedRouter, StatevectorBackend
    from qmoe_qiskit.backends.surrogate import FourierSurrogate

__all__ = [
    "ENGINES",
    "MITIGATIONS",
    "Backend",
    "BackendSpec",
    "BatchedRouter",
    "CompiledRouter",
    "Expectations",
    "FourierSurrogate",
    "Pullback",
    "StatevectorBackend",
    "check_batch",
    "list_backends",
    "open_backend",
]

__getattr__, __dir__ = load_lazily(
    "qmoe_qiskit.backends",
    {
        ".mitigation.registry": ["MITIGATIONS"],
        ".open": ["list_backends", "open_backend"],
        ".protocols": ["Backend", "CompiledRouter", "Expectations", "Pullback", "check_batch"],
        ".spec": ["BackendSpec"],
        ".statevector": ["ENGINES", "BatchedRouter", "StatevectorBackend"],
        ".surrogate": ["FourierSurrogate"],
    },
)
