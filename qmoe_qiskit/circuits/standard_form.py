"""A circuit rewritten in Qiskit's standard gates: what every backend evaluates.

What a gate is follows from its class and its definition, never from its name: a block of the user's
may be called "cx".
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, count
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import (
    AnnotatedOperation,
    Barrier,
    BoxOp,
    BreakLoopOp,
    CircuitInstruction,
    ContinueLoopOp,
    ControlFlowOp,
    ControlModifier,
    Delay,
    ForLoopOp,
    Gate,
    Instruction,
    InverseModifier,
    Measure,
    Parameter,
    ParameterExpression,
    Reset,
)
from qiskit.circuit.library import GlobalPhaseGate, Initialize, UnitaryGate
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import Clifford

from qmoe_qiskit import limits
from qmoe_qiskit.circuits.angles import as_number, has_parameters
from qmoe_qiskit.errors import InputError, quoted

# What the definition, matrix or inverse of a gate may raise; gates are code of other people.
_GATE_FAULTS = (
    AttributeError, IndexError, KeyError, NotImplementedError, QiskitError, TypeError, ValueError,
)  # fmt: skip
# A definition that contains itself never ends.
_MAX_DEPTH = 64

# An operation of the standard form, and the indices of its qubits.
Placed = tuple[Instruction, tuple[int, ...]]


def standard_form(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a circuit in standard gates, numeric unitaries, barriers and delays alone.

    Definitions are unfolded, loops over known values are unrolled, and angles whose parameters
    cancel are numbers. A circuit in this form already is returned as it is. Otherwise the global
    phase is dropped, since it changes no expectation value.

    Raises:
        InputError: If an operation is not unitary, or cannot be unfolded for its parameters.
    """
    if all(_is_in_form(step) for step in circuit.data):
        return circuit
    new = QuantumCircuit(circuit.num_qubits, name=circuit.name, metadata=circuit.metadata)
    unfolded = _unfold_circuit(circuit, tuple(range(circuit.num_qubits)), 0, count(1))
    for operation, qubits in unfolded:
        if qubits or isinstance(operation, Barrier):
            new.append(operation, qubits)
    return new


def _is_in_form(step: CircuitInstruction) -> bool:
    operation = step.operation
    if isinstance(operation, Barrier | UnitaryGate):
        return True
    if isinstance(operation, Delay):
        return not has_parameters(operation)
    return (
        step.is_standard_gate()
        and all(as_number(p) is p for p in operation.params)
        and not _cancels(operation)
    )


def _unfold_circuit(
    circuit: QuantumCircuit, wires: tuple[int, ...], depth: int, visits: Iterator[int]
) -> Iterator[Placed]:
    _refuse_many(next(visits))
    if circuit.global_phase != 0:  # where a control is added, it is a rotation
        yield GlobalPhaseGate(circuit.global_phase), ()
    for step in circuit.data:
        qubits = tuple(wires[circuit.find_bit(q).index] for q in step.qubits)
        yield from _unfold(step, qubits, depth, visits)


def _refuse_many(visit: int) -> None:
    """Refuse a circuit that never ends: a few definitions of each other unfold to billions."""
    if visit > limits.INSTRUCTIONS:
        raise InputError(
            f"the circuit unfolds into more than {limits.INSTRUCTIONS} operations: use fewer "
            "repetitions"
        )


def _unfold(
    step: CircuitInstruction, qubits: tuple[int, ...], depth: int, visits: Iterator[int]
) -> Iterator[Placed]:
    operation = step.operation
    _refuse_many(next(visits))
    if depth > _MAX_DEPTH:
        raise InputError(
            f"operation {operation.name!r} on qubits {list(qubits)} is nested more than "
            f"{_MAX_DEPTH} definitions deep: decompose it, or correct a definition that contains "
            "itself"
        )
    _refuse_not_unitary(operation, qubits)
    if isinstance(operation, Barrier | UnitaryGate | Delay):
        yield operation, qubits
    elif isinstance(operation, BoxOp | ForLoopOp):
        for body in _bodies(operation, qubits):
            yield from _unfold_circuit(body, qubits, depth + 1, visits)
    elif isinstance(operation, AnnotatedOperation):
        gate = _without_modifiers(operation, qubits, depth, visits)
        yield from _unfold_circuit(gate, qubits, depth + 1, visits)
    elif isinstance(operation, Clifford):
        yield from _unfold_circuit(operation.to_circuit(), qubits, depth + 1, visits)
    else:
        operation = _with_numbers(operation)
        if step.is_standard_gate() and not _cancels(operation):
            yield operation, qubits
        elif (definition := _definition(operation, qubits)) is not None:
            yield from _unfold_circuit(definition, qubits, depth + 1, visits)
        elif (matrix := _matrix(operation)) is not None:
            yield UnitaryGate(matrix), qubits
        else:
            raise InputError(
                f"operation {operation.name!r} on qubits {list(qubits)} is not a unitary gate that "
                "unfolds into standard gates: a router circuit holds gates, barriers and delays "
                "only"
            )


def _refuse_not_unitary(operation: Any, qubits: tuple[int, ...]) -> None:  # noqa: ANN401
    """Raise InputError for what measures, resets, branches or waits for an unknown time."""
    place = f"on qubits {list(qubits)}"
    if isinstance(operation, Measure):
        raise InputError(
            f"the circuit measures {place}: a router circuit has no measurements, its observables "
            "say what is read out; remove them (QuantumCircuit.remove_final_measurements)"
        )
    if isinstance(operation, Initialize):
        raise InputError(
            f"'initialize' {place} resets the qubits first, and a router circuit is unitary: use "
            "QuantumCircuit.prepare_state, which starts from |0>"
        )
    if isinstance(operation, Reset):
        raise InputError(
            f"the circuit resets qubits {list(qubits)}: a router circuit is unitary; use a further "
            "qubit in place of the reset one"
        )
    if isinstance(operation, Delay) and has_parameters(operation):
        raise InputError(
            f"the delay {place} lasts {operation.params[0]}: a delay is a number, inputs and "
            "weights are angles"
        )
    if isinstance(operation, ControlFlowOp | BreakLoopOp | ContinueLoopOp) and not isinstance(
        operation, BoxOp | ForLoopOp
    ):
        raise InputError(
            f"control flow {operation.name!r} {place} depends on measurements or leaves a loop: a "
            "router circuit is a fixed sequence of gates; only for-loops over known values are "
            "unrolled"
        )


def _bodies(operation: BoxOp | ForLoopOp, qubits: tuple[int, ...]) -> Iterator[QuantumCircuit]:
    """Return the circuits that a block executes one after the other."""
    if isinstance(operation, BoxOp):
        yield operation.blocks[0]
        return
    values, loop_parameter, body = operation.params
    if not isinstance(values, Sequence | range):
        raise InputError(
            f"the for-loop on qubits {list(qubits)} runs over {values}, unknown before it runs: "
            "loop over a range or a list of whole numbers"
        )
    # Every operation of a pass counts, so that this needs no unrolling.
    if _n_passes(values) * max(1, len(body.data)) > limits.INSTRUCTIONS:
        _refuse_many(limits.INSTRUCTIONS + 1)
    for value in values:
        if isinstance(loop_parameter, Parameter) and loop_parameter in body.parameters:
            yield body.assign_parameters({loop_parameter: value})
        elif loop_parameter is None or isinstance(loop_parameter, Parameter):
            yield body
        else:
            raise InputError(
                f"the for-loop on qubits {list(qubits)} assigns the classical variable "
                f"{loop_parameter}: use a Parameter"
            )


def _n_passes(values: Sequence[int] | range) -> int:
    """Return how many values a loop runs over; a range may have more than `len` can count."""
    if isinstance(values, range):
        return max(0, -((values.start - values.stop) // values.step))
    return len(values)


def _cancels(operation: Instruction) -> bool:
    """Whether angles of a gate, added up, lose their parameters: Qiskit's transpiler fails then.

    Such a gate is unfolded, so that what cancels becomes a number. Qiskit's u gates never add.
    """
    angles = [p for p in operation.params if isinstance(p, ParameterExpression)]
    return operation.name not in {"u", "u3"} and any(
        not isinstance(as_number(total), ParameterExpression)
        for a, b in combinations(angles, 2)
        for total in (a + b, a - b)
    )


def _with_numbers(operation: Any) -> Any:  # noqa: ANN401 - gates and gate-like operations
    """Return the operation with numbers for angles whose parameters cancel."""
    parameters = getattr(operation, "params", [])
    numeric = [as_number(p) for p in parameters]
    if all(new is old for new, old in zip(numeric, parameters, strict=True)):
        return operation
    operation = operation.to_mutable()
    operation.params = numeric
    return operation


def _definition(operation: Any, qubits: tuple[int, ...]) -> QuantumCircuit | None:  # noqa: ANN401
    try:
        definition = getattr(operation, "definition", None)
        if definition is None and not isinstance(operation, Instruction):
            convert = getattr(operation, "to_circuit", None)
            definition = convert() if convert else None
    except _GATE_FAULTS as error:
        if not has_parameters(operation):
            return None  # it may have a matrix
        raise InputError(
            f"gate {operation.name!r} on qubits {list(qubits)} has a definition for numbers only "
            f"({error}), and its angle has parameters: use a gate that is made of rotations, such "
            "as rx, ry and rz, u or PauliEvolutionGate, or amplitude_circuit for features as "
            "amplitudes"
        ) from error
    if definition is not None and definition.num_qubits != len(qubits):
        raise InputError(
            f"gate {operation.name!r} on qubits {list(qubits)} has a definition on "
            f"{definition.num_qubits} qubits: correct its definition"
        )
    return definition


def _matrix(operation: Any) -> np.ndarray | None:  # noqa: ANN401 - gates and gate-like operations
    if not isinstance(operation, Gate) or has_parameters(operation):
        return None
    try:
        return np.asarray(operation.to_matrix(), dtype=complex)
    except _GATE_FAULTS:
        return None


def _without_modifiers(
    annotated: AnnotatedOperation, qubits: tuple[int, ...], depth: int, visits: Iterator[int]
) -> QuantumCircuit:
    """Apply the modifiers of an annotated operation, in order, to its base in standard form."""
    base = annotated.base_op
    wires = tuple(range(base.num_qubits))
    circuit = QuantumCircuit(base.num_qubits)
    inner = CircuitInstruction(base, circuit.qubits)
    _append(circuit, _unfold(inner, wires, depth + 1, visits))
    for modifier in annotated.modifiers:
        try:
            if isinstance(modifier, InverseModifier):
                circuit = circuit.inverse()
            elif isinstance(modifier, ControlModifier):
                circuit = circuit.control(
                    modifier.num_ctrl_qubits, ctrl_state=modifier.ctrl_state, annotated=False
                )
            else:
                circuit = _power(circuit, modifier.power)
        except _GATE_FAULTS as error:
            # Of free angles Qiskit says it in words of its internals.
            why = "its angles are free" if has_parameters(base) else str(error)
            raise InputError(
                f"{modifier} of {base.name!r} on qubits {list(qubits)} cannot be applied ({why}): "
                "bind the parameters, or write it as rotations, whose angles a power multiplies, "
                "such as rx(0.5 * a) for the root of rx(a)"
            ) from error
    return circuit


def _append(circuit: QuantumCircuit, steps: Iterator[Placed]) -> None:
    for operation, qubits in steps:
        if isinstance(operation, GlobalPhaseGate):
            circuit.global_phase += operation.params[0]
        else:
            circuit.append(operation, qubits)


def _power(circuit: QuantumCircuit, power: float) -> QuantumCircuit:
    """Return a power of a circuit: repeated, or the power of its only gate."""
    if not abs(power) * len(circuit.data) <= limits.INSTRUCTIONS:
        raise InputError(
            f"the power {quoted(power)} of {len(circuit.data)} gates is more than "
            f"{limits.INSTRUCTIONS} operations: take a smaller one"
        )
    if float(power).is_integer():
        base = circuit if power > 0 else circuit.inverse()
        repeated: QuantumCircuit = base.repeat(abs(int(power)))
        return repeated
    raised = QuantumCircuit(circuit.num_qubits)
    if not circuit.parameters:
        raised.append(circuit.to_gate().power(power, annotated=False), raised.qubits)
        return raised
    if len(circuit.data) == 1 and circuit.global_phase == 0:
        qubits = [circuit.find_bit(q).index for q in circuit.data[0].qubits]
        raised.append(circuit.data[0].operation.power(power, annotated=False), qubits)
        return raised
    raise QiskitError(f"the power {power} of several gates with parameters is not known")
