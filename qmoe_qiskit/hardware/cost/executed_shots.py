"""The shots that a primitive executes, of those that are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp

from qmoe_qiskit.hardware.cost.estimate import program_sizes
from qmoe_qiskit.hardware.work import WorkUnit

if TYPE_CHECKING:
    from qmoe_qiskit.hardware.options import RuntimeOptions


def executed_shots(options: RuntimeOptions, shots: int) -> tuple[int, int]:
    """Return the shots per point and basis, and those that calibrate the readout per job.

    Twirling divides the shots among randomizations, all of the same size, so that there can be
    more of them than were asked for. The numbers depend on the options alone, not on the circuit.

    >>> from qmoe_qiskit.hardware.options import runtime_options
    >>> executed_shots(runtime_options(None), 100)
    (128, 128)
    >>> executed_shots(runtime_options({"resilience_level": 0}), 100)
    (100, 0)
    """
    (angle,) = ParameterVector("angle", 1)
    circuit = QuantumCircuit(1)
    circuit.rz(angle, 0)
    work = WorkUnit(
        key="",
        spec="",
        device="",
        title="",
        circuit=circuit,
        physical_qubits=(0,),
        observables=(SparsePauliOp("Z"),),
        points_PG=np.zeros((1, 1)),
        shots=shots,
        options=options,
    )
    slopes, constants, per_circuit = program_sizes(work)
    return per_circuit * int(slopes.sum()), per_circuit * int(constants.sum())
