"""Circuits with one parameter per rotation, for which the parameter-shift rule is exact."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterExpression, ParameterVector

from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.circuits.angles import has_parameters
from qmoe_qiskit.simulation.angle_table import AngleRows, AngleTable
from qmoe_qiskit.simulation.lowering import unfold


def router_of_rotations(router: RouterCircuit) -> tuple[RouterCircuit, AngleTable]:
    """Return a router whose weights are the angles of its rotations, and their table.

    The new router has no inputs. `table.angles(inputs_BF, weights_W)` returns its weights, one row
    per sample.

    Raises:
        InputError: If an angle is not real.
    """
    circuit, angles, table = one_angle_per_rotation(
        router.standard_circuit, router.inputs, router.weights
    )
    none = ParameterVector("none", 0)
    return replace(router, circuit=circuit, inputs=none, weights=angles, degree=None), table


def rotation_angles(router: RouterCircuit) -> list[ParameterExpression]:
    """Return the angle of each rotation of `router_of_rotations`, in terms of the router's own."""
    steps = _unfolded(router.standard_circuit)
    return [operation.params[0] for operation, _ in steps if has_parameters(operation)]


def one_angle_per_rotation(
    source: QuantumCircuit, inputs: Sequence[Parameter], weights: Sequence[Parameter]
) -> tuple[QuantumCircuit, ParameterVector, AngleTable]:
    """Return a circuit with one parameter per rotation, these parameters, and their table.

    Gates with free angles are decomposed into rotations; other gates stay. The global phase is
    dropped, since it affects no expectation value. The source has no classical bits.
    """
    rows = AngleRows(inputs, weights)
    steps = _unfolded(source)
    angles = ParameterVector("angle", sum(has_parameters(operation) for operation, _ in steps))
    circuit = QuantumCircuit(source.num_qubits)
    for operation, qubits in steps:
        if has_parameters(operation):
            row = rows.add(operation.params[0])
            operation = operation.to_mutable()  # noqa: PLW2901 - a copy
            operation.params = [angles[row]]
        circuit.append(operation, qubits)
    return circuit, angles, rows.table()


def _unfolded(source: QuantumCircuit) -> list[tuple[Any, tuple[int, ...]]]:
    """Return the operations of a circuit, those with free angles as rotations, and their qubits."""
    steps: list[tuple[Any, tuple[int, ...]]] = []
    for step in source.data:
        qubits = tuple(source.find_bit(q).index for q in step.qubits)
        is_free = has_parameters(step.operation)
        steps += unfold(step.operation, qubits) if is_free else [(step.operation, qubits)]
    return steps
