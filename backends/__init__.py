"""Where a router circuit runs: `open_backend` and the two protocols that every backend follows."""

from __future__ import annotations

if __name__ != "qmoe_qiskit.backends":
    raise ImportError(
        f"this package is installed as qmoe_qiskit.backends and cannot be imported as {__name__!r}"
    )

from qmoe_qiskit.backends.open import BACKENDS, open_backend
from qmoe_qiskit.backends.protocols import (
    Backend,
    CompiledRouter,
    Expectations,
    Pullback,
    check_batch,
)
from qmoe_qiskit.backends.statevector import ENGINES, BatchedRouter, StatevectorBackend

__all__ = [
    "BACKENDS",
    "ENGINES",
    "Backend",
    "BatchedRouter",
    "CompiledRouter",
    "Expectations",
    "Pullback",
    "StatevectorBackend",
    "check_batch",
    "open_backend",
]
