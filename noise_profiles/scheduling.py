"""Schedules: the delays in which idle qubits relax."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from qiskit.transpiler import PassManager
from qiskit.transpiler.passes import ALAPScheduleAnalysis, PadDelay, TimeUnitConversion

if TYPE_CHECKING:
    from qiskit.transpiler import Target


def scheduled(circuits: Any, target: Target) -> Any:  # noqa: ANN401 - as Qiskit's `run`
    """Return one circuit or several with delays; gates start as late as possible.

    Delays are whole numbers of the device's time steps. That a gate's time is not is no fault of
    the user, and changes a delay by half a step at most: Qiskit's warning of it is left out.
    """
    kinds = (TimeUnitConversion, ALAPScheduleAnalysis, PadDelay)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Duration is rounded", UserWarning)
        return PassManager([kind(target=target) for kind in kinds]).run(circuits)
