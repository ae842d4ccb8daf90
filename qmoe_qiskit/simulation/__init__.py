"""Exact evaluation of circuits, noiseless and noisy, with derivatives."""

from __future__ import annotations

from qmoe_qiskit.simulation.density import DensityProgram
from qmoe_qiskit.simulation.engine import Tape
from qmoe_qiskit.simulation.observables import diagonals
from qmoe_qiskit.simulation.program import ExactProgram
from qmoe_qiskit.simulation.statevector import StatevectorProgram

__all__ = ["DensityProgram", "ExactProgram", "StatevectorProgram", "Tape", "diagonals"]
