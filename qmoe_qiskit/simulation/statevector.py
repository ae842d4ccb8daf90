"""Exact, noiseless evaluation of a router circuit, a whole batch at once."""

from __future__ import annotations

from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.simulation.lowering import lower
from qmoe_qiskit.simulation.observables import diagonals
from qmoe_qiskit.simulation.program import ExactProgram
from qmoe_qiskit.simulation.readout import StateReadout
from qmoe_qiskit.simulation.representation import STATE


class StatevectorProgram(ExactProgram):
    """A router circuit on state vectors.

    Args:
        router: The circuit to evaluate.

    Raises:
        InputError: If the circuit cannot be lowered (see `lower`).
    """

    def __init__(self, router: RouterCircuit) -> None:
        gates, table = lower(router)
        readout = StateReadout.build(diagonals(router.observables))
        super().__init__(gates, table, router.n_qubits, representation=STATE, readout=readout)
