"""Outcomes of wide circuits: Aer simulates each group of entangled qubits alone.

Two-qubit gates connect the qubits of a circuit into groups. The noise model does not act across
groups, so each is simulated alone with the noise of its qubits. A single qubit with a certain
noiseless outcome (an idle qubit, twirled or decoupled or not) is not simulated: it gets this
outcome with the readout error of the device, but without its gate errors (about 1e-4). Every other
single qubit is a group of one.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Parameter as QiskitParameter
from qiskit.circuit import ParameterExpression, QuantumCircuit
from qiskit_aer import AerSimulator

from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from ibm_service.devices import Device
Bits = NDArray[np.bool_]
# Up to this number of qubits density matrices, above it one trajectory per shot.
_MOST_DENSE = 8
_CERTAIN = 1e-9
_SX = np.array([[1 + 1j, 1 - 1j], [1 - 1j, 1 + 1j]]) / 2
_UNKNOWN = None


@dataclass(kw_only=True)
class Step:
    """One instruction of a group.

    Attributes:
        operation: The operation.
        qubits: The device qubits that it acts on.
        clbits: The bits of the circuit that it writes.
        angles_N: The value of its parameter in each circuit, if the value varies.
        key: A key that is equal for instructions with equal values.
    """

    operation: Any
    qubits: tuple[int, ...]
    clbits: tuple[int, ...]
    angles_N: FloatArray | None = None
    key: str = ""


@dataclass(kw_only=True)
class Group:
    """Qubits that two-qubit gates connect, and their instructions."""

    qubits: tuple[int, ...]
    steps: list[Step] = field(default_factory=list)


def sample_bits(
    circuit: QuantumCircuit,
    values_NG: FloatArray,
    shots: int,
    device: Device,
    rng: np.random.Generator,
) -> Bits:
    """Return the measured bits.

    Args:
        circuit: An ISA circuit without control flow.
        values_NG: Values of the circuit's G parameters, in their order, for each of N runs.
        shots: Number of shots per run.
        device: The device whose noise applies.
        rng: Source of all randomness.

    Returns:
        Bits of shape (N, shots, classical bits).
    """
    n = len(values_NG)
    bits_NSB = np.zeros((n, shots, circuit.num_clbits), dtype=bool)
    for group in _groups(circuit, values_NG):
        if all(step.operation.name != "measure" for step in group.steps):
            continue
        outcome_N = _certain_outcome(group, n)
        if outcome_N is not _UNKNOWN:
            bits_NSB[..., group.steps[-1].clbits[0]] = _read(
                outcome_N, shots, device, group.qubits[0], rng
            )
        else:
            _simulate(group, bits_NSB, device, rng)
    return bits_NSB


def _groups(circuit: QuantumCircuit, values_NG: FloatArray) -> list[Group]:
    index = {bit: k for k, bit in enumerate(circuit.qubits)}
    clbit = {bit: k for k, bit in enumerate(circuit.clbits)}
    columns = {p: values_NG[:, k] for k, p in enumerate(circuit.parameters)}
    root = list(range(circuit.num_qubits))

    def find(q: int) -> int:
        while root[q] != q:
            q = root[q]
        return q

    steps = []
    for instruction in circuit.data:
        if instruction.operation.name == "barrier":
            continue
        qubits = tuple(index[q] for q in instruction.qubits)
        angles_N, key = _angles(instruction.operation, columns)
        steps.append(
            Step(
                operation=instruction.operation,
                qubits=qubits,
                clbits=tuple(clbit[c] for c in instruction.clbits),
                angles_N=angles_N,
                key=key,
            )
        )
        for q in qubits[1:]:
            root[find(q)] = find(qubits[0])
    members = defaultdict(list)
    for q in range(circuit.num_qubits):
        members[find(q)].append(q)
    groups = {r: Group(qubits=tuple(qubits)) for r, qubits in members.items()}
    for step in steps:
        groups[find(step.qubits[0])].steps.append(step)
    return list(groups.values())


def _angles(operation: Any, columns: dict[Any, FloatArray]) -> tuple[FloatArray | None, str]:
    """Return the values of an instruction's parameter, and their key."""
    varying = [p for p in operation.params if isinstance(p, ParameterExpression) and p.parameters]
    if not varying:
        return None, ""
    (expression,) = varying
    if isinstance(expression, QiskitParameter):
        return columns[expression], expression.name
    names = sorted(expression.parameters, key=lambda p: p.name)
    rows = zip(*(columns[p] for p in names), strict=True)
    values = [float(expression.bind(dict(zip(names, row, strict=True)))) for row in rows]
    return np.array(values), str(expression)


def _certain_outcome(group: Group, n: int) -> Bits | None:
    """Return the outcome of a lone qubit in each of N circuits, or None if it is not certain."""
    *steps, last = group.steps
    if len(group.qubits) > 1 or last.operation.name != "measure":
        return _UNKNOWN
    state = np.zeros((2, n), dtype=complex)
    state[0] = 1
    for step in steps:
        name = step.operation.name
        if name == "rz":
            angle = step.operation.params[0] if step.angles_N is None else step.angles_N
            state[1] *= np.exp(1j * np.asarray(angle, dtype=float))
        elif name == "sx":
            state = _SX @ state
        elif name == "x":
            state = state[::-1].copy()
        elif name not in {"id", "delay"}:
            return _UNKNOWN
    one = np.abs(state[1]) ** 2
    outcome: Bits = one > 0.5
    return outcome if np.all(np.abs(one - outcome) < _CERTAIN) else _UNKNOWN


def _read(
    outcome_N: Bits, shots: int, device: Device, qubit: int, rng: np.random.Generator
) -> Bits:
    """Read certain outcomes with readout error: shape (N, shots)."""
    calibration = device.profile.qubits[qubit]
    wrong = (calibration.p_meas1_prep0 or 0.0, calibration.p_meas0_prep1 or 0.0)
    bits_NS = np.repeat(outcome_N[:, None], shots, axis=1)
    flat = bits_NS.reshape(-1)
    most = max(wrong)
    if most <= 0.0:
        return bits_NS
    # Wrong outcomes are rare: jump from one to the next, then reject by the prepared state.
    expected = most * flat.size
    gaps = rng.geometric(most, size=int(expected + 8 * np.sqrt(expected) + 16))
    places = np.cumsum(gaps) - 1
    places = places[places < flat.size]
    kept = rng.random(len(places)) * most < np.where(flat[places], wrong[1], wrong[0])
    flat[places[kept]] ^= True
    return bits_NS


def _simulate(group: Group, bits_NSB: Bits, device: Device, rng: np.random.Generator) -> None:
    """Simulate a group with Aer, and fill in its bits."""
    n, shots, _ = bits_NSB.shape
    place = {q: k for k, q in enumerate(group.qubits)}
    measures = [step for step in group.steps if step.operation.name == "measure"]
    compact = QuantumCircuit(len(place), len(measures))
    parameters: dict[str, QiskitParameter] = {}
    columns: dict[QiskitParameter, list[float]] = {}
    slot = 0
    for step in group.steps:
        operation = step.operation
        clbits = []
        if operation.name == "measure":
            clbits = [slot]
            slot += 1
        elif step.angles_N is not None:
            if step.key not in parameters:
                parameters[step.key] = QiskitParameter(f"a{len(parameters)}")
                columns[parameters[step.key]] = step.angles_N.tolist()
            operation = operation.to_mutable()
            operation.params = [parameters[step.key]]
        compact.append(operation, [place[q] for q in step.qubits], clbits)
    simulator = AerSimulator(
        method="density_matrix" if len(place) <= _MOST_DENSE else "automatic",
        noise_model=device.noise(group.qubits),
        max_parallel_threads=1,
    )
    seed = int(rng.integers(2**31))
    job = (
        simulator.run(compact, parameter_binds=[columns], shots=shots, seed_simulator=seed)
        if columns
        else simulator.run([compact] * n, shots=shots, seed_simulator=seed)
    )
    result = job.result()
    if not result.success:
        raise RuntimeError(f"Aer failed: {result.status}")
    codes_NS = np.empty((n, shots), dtype=np.int64)
    for k, experiment in enumerate(result.results):
        counts = experiment.data.counts
        codes_NS[k] = np.repeat([int(code, 16) for code in counts], list(counts.values()))
    # Counts have no order; shots are exchangeable, so any order is correct.
    codes_NS = rng.permuted(codes_NS, axis=1)
    for k, step in enumerate(measures):
        bits_NSB[..., step.clbits[0]] = (codes_NS >> k) & 1
