"""Exact evaluation of a noisy circuit: density matrices in the Pauli basis, a batch at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qmoe_qiskit.simulation.lowering import AngleTable, Gate
from qmoe_qiskit.simulation.observables import walsh_hadamard
from qmoe_qiskit.simulation.program import ExactProgram
from qmoe_qiskit.simulation.readout import DensityReadout
from qmoe_qiskit.simulation.representation import DENSITY
from qmoe_qiskit.typing import FloatArray


class DensityProgram(ExactProgram):
    """Gates and channels on density matrices.

    Args:
        gates: The gates and channels of the circuit, in order.
        table: The table of the gates' angles.
        n_qubits: The number of qubits of the register.
        diagonals_OD: The observables, diagonal in the computational basis: (O, 2^n), little-endian.
    """

    def __init__(
        self,
        gates: Sequence[Gate],
        table: AngleTable,
        n_qubits: int,
        diagonals_OD: FloatArray,
    ) -> None:
        # <D> = sum over Z strings m of tr(Z_m rho) times the strings' coefficients in D.
        coefficients = [walsh_hadamard(diagonal) / 2**n_qubits for diagonal in diagonals_OD]
        masks = np.arange(2**n_qubits)
        entries = sum(
            (3 * 4**q * ((masks >> q) & 1) for q in range(n_qubits)), np.zeros_like(masks)
        )
        functionals_OD = np.zeros((len(diagonals_OD), 4**n_qubits))
        functionals_OD[:, entries] = coefficients
        readout = DensityReadout(functionals_OD=functionals_OD)
        super().__init__(gates, table, n_qubits, representation=DENSITY, readout=readout)
