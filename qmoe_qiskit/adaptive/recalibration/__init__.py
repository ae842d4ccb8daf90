"""A model on a device that has drifted: what to do, what it costs, and doing it."""

from qmoe_qiskit.adaptive.recalibration.plan import Action, RecalibrationPlan
from qmoe_qiskit.adaptive.recalibration.planning import recalibrate

__all__ = ["Action", "RecalibrationPlan", "recalibrate"]
