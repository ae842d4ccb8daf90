"""Opening a backend by name."""

from __future__ import annotations

from qmoe_qiskit.backends.protocols import Backend
from qmoe_qiskit.backends.statevector import StatevectorBackend
from qmoe_qiskit.errors import unknown_name

BACKENDS = ("statevector",)


def open_backend(spec: str, *, seed: int | None = None, engine: str = "auto") -> Backend:
    """Open the backend that a specification names.

    Args:
        spec: "statevector": exact and noiseless.
        seed: Seeds whatever is random about the backend.
        engine: Which simulator evaluates: "batched", "aer" or "auto".

    Raises:
        InputError: If the specification or the engine is unknown.
    """
    if spec == "statevector":
        return StatevectorBackend(engine=engine, seed=seed)
    raise unknown_name("backend", spec, BACKENDS)
