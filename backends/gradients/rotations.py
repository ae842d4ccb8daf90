"""Circuits with one parameter per rotation, for which the parameter-shift rule is exact."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector

from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.circuits.affine import affine_terms, has_parameters
from qmoe_qiskit.simulation.lowering import AngleTable, unfold


def router_of_rotations(router: RouterCircuit) -> tuple[RouterCircuit, AngleTable]:
    """Return a router whose weights are the angles of its rotations, and their table.

    The new router has no inputs. `table.angles(inputs_BF, weights_W)` returns its weights, one row
    per sample.

    Raises:
        InputError: If the circuit cannot be decomposed into rotations, or an angle is not affine.
    """
    circuit, angles, table = one_angle_per_rotation(router.circuit, router.inputs, router.weights)
    none = ParameterVector("none", 0)
    return replace(router, circuit=circuit, inputs=none, weights=angles, degree=None), table


def one_angle_per_rotation(
    source: QuantumCircuit, inputs: Sequence[Parameter], weights: Sequence[Parameter]
) -> tuple[QuantumCircuit, ParameterVector, AngleTable]:
    """Return a circuit with one parameter per rotation, these parameters, and their table.

    Gates with free angles are decomposed into rotations; other gates stay. The global phase is
    dropped, since it affects no expectation value. The source has no classical bits.
    """
    column = {p: k for k, p in enumerate([*inputs, *weights])}
    steps: list[tuple[Any, tuple[int, ...]]] = []
    for step in source.data:
        qubits = tuple(source.find_bit(q).index for q in step.qubits)
        is_free = has_parameters(step.operation)
        steps += unfold(step.operation, qubits) if is_free else [(step.operation, qubits)]
    n_angles = sum(has_parameters(operation) for operation, _ in steps)
    angles = ParameterVector("angle", n_angles)
    table_GP, offset_G = np.zeros((n_angles, len(column))), np.zeros(n_angles)
    circuit = QuantumCircuit(source.num_qubits)
    unused = iter(range(n_angles))
    for operation, qubits in steps:
        if not has_parameters(operation):
            circuit.append(operation, qubits)
            continue
        g = next(unused)
        slopes, offset_G[g] = affine_terms(operation.params[0])
        for parameter, slope in slopes.items():
            table_GP[g, column[parameter]] = slope
        rotation = operation.to_mutable()
        rotation.params = [angles[g]]
        circuit.append(rotation, qubits)
    table = AngleTable(
        inputs_GF=table_GP[:, : len(inputs)],
        weights_GW=table_GP[:, len(inputs) :],
        offset_G=offset_G,
    )
    return circuit, angles, table
