"""Exact evaluation of circuits, noiseless and noisy, with derivatives.

Shapes: B batch, C columns (the samples of one chunk), F inputs of the circuit (features), W weights
of the circuit, O observables, G rotation angles, A sample-dependent angles, K stages, P parameters,
D entries of a register's state. Lower-case d is the dimension of a block of qubits.
"""

from qmoe_qiskit.simulation.engine import Tape
from qmoe_qiskit.simulation.program import DensityProgram, ExactProgram, StatevectorProgram
from qmoe_qiskit.simulation.readout import diagonals

__all__ = ["DensityProgram", "ExactProgram", "StatevectorProgram", "Tape", "diagonals"]
