"""The Fourier surrogate: a router's circuit, measured at a few points and served classically.

Shapes: B batch, F inputs of the circuit, W weights of the circuit, O observables, P points of the
grid, C points of the check, M points of one feature.
"""

from typing import TYPE_CHECKING

from qmoe_qiskit.lazy import load_lazily

if TYPE_CHECKING:
    from qmoe_qiskit.backends.surrogate.backend import SurrogateBackend
    from qmoe_qiskit.backends.surrogate.check import SurrogateCheck
    from qmoe_qiskit.backends.surrogate.fourier import FourierSurrogate
    from qmoe_qiskit.backends.surrogate.grid import Grid
    from qmoe_qiskit.backends.surrogate.plan import SurrogatePlan
    from qmoe_qiskit.backends.surrogate.spectrum import Spectrum

__all__ = [
    "FourierSurrogate",
    "Grid",
    "Spectrum",
    "SurrogateBackend",
    "SurrogateCheck",
    "SurrogatePlan",
]

__getattr__, __dir__ = load_lazily(
    "qmoe_qiskit.backends.surrogate",
    {
        ".backend": ["SurrogateBackend"],
        ".check": ["SurrogateCheck"],
        ".fourier": ["FourierSurrogate"],
        ".grid": ["Grid"],
        ".plan": ["SurrogatePlan"],
        ".spectrum": ["Spectrum"],
    },
)
