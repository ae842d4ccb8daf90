"""Models that adapt: to data that drift, and to devices that drift.

Names of arrays end in their shape. Shapes: N rows, F features, E experts, O observables.
"""

from typing import TYPE_CHECKING

from qmoe_qiskit.lazy import load_lazily

if TYPE_CHECKING:
    from qmoe_qiskit.adaptive.controls import CONTROLS, control_predictions
    from qmoe_qiskit.adaptive.detectors import DETECTORS
    from qmoe_qiskit.adaptive.stream import Stream, StreamReport

__all__ = ["CONTROLS", "DETECTORS", "Stream", "StreamReport", "control_predictions"]

__getattr__, __dir__ = load_lazily(
    "qmoe_qiskit.adaptive",
    {
        ".controls": ["CONTROLS", "control_predictions"],
        ".detectors": ["DETECTORS"],
        ".stream": ["Stream", "StreamReport"],
    },
)
