"""Models that adapt: to data that drift, and to devices that drift.

Names of arrays end in their shape. Shapes: N rows, F features, E experts, O observables.
"""

from typing import TYPE_CHECKING

from qmoe_qiskit.lazy import load_lazily

if TYPE_CHECKING:
    from qmoe_qiskit.adaptive.controls import CONTROLS, control_predictions
    from qmoe_qiskit.adaptive.detectors import DETECTORS
    from qmoe_qiskit.adaptive.recalibration import Action, RecalibrationPlan, recalibrate
    from qmoe_qiskit.adaptive.stream import Stream, StreamReport

__all__ = [
    "CONTROLS",
    "DETECTORS",
    "Action",
    "RecalibrationPlan",
    "Stream",
    "StreamReport",
    "control_predictions",
    "recalibrate",
]

__getattr__, __dir__ = load_lazily(
    "qmoe_qiskit.adaptive",
    {
        ".controls": ["CONTROLS", "control_predictions"],
        ".detectors": ["DETECTORS"],
        ".recalibration": ["Action", "RecalibrationPlan", "recalibrate"],
        ".stream": ["Stream", "StreamReport"],
    },
)
