"""Explaining a router: which inputs go to which expert, and why.

Shapes: N rows, F features, K inputs of the circuit, E experts, C classes, T waves, R permutations,
D draws.
"""

from typing import TYPE_CHECKING

from qmoe_qiskit.lazy import load_lazily

if TYPE_CHECKING:
    from qmoe_qiskit.runs.explaining.explaining import explain
    from qmoe_qiskit.runs.explaining.explanation import Explanation
    from qmoe_qiskit.runs.explaining.linear_control import LinearControl
    from qmoe_qiskit.runs.explaining.sensitivity import Sensitivity
    from qmoe_qiskit.runs.explaining.specialization import Specialization
    from qmoe_qiskit.runs.explaining.spectrum import RouterSpectrum

__all__ = [
    "Explanation",
    "LinearControl",
    "RouterSpectrum",
    "Sensitivity",
    "Specialization",
    "explain",
]

__getattr__, __dir__ = load_lazily(
    "qmoe_qiskit.runs.explaining",
    {
        ".explaining": ["explain"],
        ".explanation": ["Explanation"],
        ".linear_control": ["LinearControl"],
        ".sensitivity": ["Sensitivity"],
        ".specialization": ["Specialization"],
        ".spectrum": ["RouterSpectrum"],
    },
)
