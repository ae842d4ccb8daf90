"""Exact evaluation of router circuits, with derivatives."""

from __future__ import annotations

from qmoe_qiskit.simulation.engine import Tape
from qmoe_qiskit.simulation.statevector import StatevectorProgram

__all__ = ["StatevectorProgram", "Tape"]
