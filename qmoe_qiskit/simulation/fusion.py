"""Fusing gates into the few large steps that a batch of states is taken through.

The first input-dependent gates of every qubit act on |0> alone and give a product state. What
follows becomes, per block of neighbouring qubits, one matrix per run of gates: it does not depend
on the sample, so its cost does not grow with the batch. Gates between blocks that only permute
basis states become one permutation of the register; input-dependent gates later in the circuit
are applied one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmoe_qiskit.simulation.lowering import FixedGate, Gate, Rotation

Matrix = NDArray[np.complex128]

_PAULI = {
    "X": np.array([[0, 1], [1, 0]], dtype=complex),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1.0 + 0j, -1]),
}
# A register of up to this many qubits is one block; a larger one is cut into blocks of as many.
BLOCK_QUBITS = 4


@dataclass(kw_only=True)
class MatrixStep:
    """A run of gates on a few qubits, applied as one matrix F_G R_G ... F_1 R_1 F_0.

    R_g = cos(t/2) - i sin(t/2) P_g with t the angle in row `angles[g]` of the table.

    Attributes:
        qubits: The qubits, ascending; bit k of the matrix' indices belongs to `qubits[k]`.
        paulis: P_g as d x d matrices, d = 2^len(qubits).
        fixed: F_0 to F_G.
    """

    qubits: tuple[int, ...]
    angles: list[int]
    paulis: list[Matrix]
    fixed: list[Matrix]

    def add(self, gate: Gate) -> None:
        """Append a gate whose qubits are among the step's."""
        if isinstance(gate, Rotation):
            self.angles.append(gate.angle)
            self.paulis.append(_embed(_pauli_matrix(gate.pauli), gate.qubits, self.qubits))
            self.fixed.append(np.eye(2 ** len(self.qubits), dtype=complex))
        else:
            self.fixed[-1] = _embed(gate.matrix, gate.qubits, self.qubits) @ self.fixed[-1]


@dataclass(kw_only=True)
class PermutationStep:
    """new[i] = phase[i] * old[source[i]] over the basis states of the whole register."""

    source: NDArray[np.int64]
    phase: Matrix

    def add(self, gate: FixedGate, n_qubits: int) -> None:
        """Append a gate whose matrix has one entry in every row."""
        source, phase = _monomial(gate.matrix, gate.qubits, n_qubits)
        self.phase = phase * self.phase[source]
        self.source = self.source[source]


@dataclass(kw_only=True)
class InputStep:
    """One input-dependent rotation; P psi = phase[i] * psi[source[i]]."""

    angle: int
    source: NDArray[np.int64]
    phase: Matrix


@dataclass(kw_only=True)
class Preparation:
    """The product state that the circuit starts from: per qubit, rotations of |0>.

    Stage k takes qubit q's state v to cos(t/2) even[k, q] v + sin(t/2) odd[k, q] v with t the angle
    in row `angles[k, q]`; row -1 stands for an angle of zero.
    """

    angles: NDArray[np.int64]
    even: Matrix
    odd: Matrix


Step = MatrixStep | PermutationStep | InputStep


def fuse(
    gates: Sequence[Gate], uses_input_G: NDArray[np.bool_], n_qubits: int
) -> tuple[Preparation, list[Step]]:
    """Group gates into a preparation and steps that act in order."""
    first, rest = _split_preparation(gates, uses_input_G, n_qubits)
    blocks = _blocks(n_qubits)
    block_of = {q: block for block in blocks for q in block}
    steps: list[Step] = []
    latest = dict.fromkeys(range(n_qubits), -1)  # index of the last step that touches a qubit
    for gate in rest:
        after = max(latest[q] for q in gate.qubits)
        position = len(steps)
        if isinstance(gate, Rotation) and uses_input_G[gate.angle]:
            source, phase = _monomial(_pauli_matrix(gate.pauli), gate.qubits, n_qubits)
            steps.append(InputStep(angle=gate.angle, source=source, phase=phase))
        elif _is_entangling_permutation(gate, len(blocks)):
            assert isinstance(gate, FixedGate)
            position = _find(steps, after, PermutationStep)
            if position == len(steps):
                steps.append(_identity_permutation(n_qubits))
            step = steps[position]
            assert isinstance(step, PermutationStep)
            step.add(gate, n_qubits)
        else:
            block = block_of[gate.qubits[0]]
            qubits = block if set(gate.qubits) <= set(block) else tuple(sorted(gate.qubits))
            position = _find(steps, after, MatrixStep, qubits)
            if position == len(steps):
                steps.append(_identity_matrix_step(qubits))
            step = steps[position]
            assert isinstance(step, MatrixStep)
            step.add(gate)
        for q in gate.qubits:
            latest[q] = position
    return _preparation(first), steps


def _find(
    steps: list[Step], after: int, kind: type[Step], qubits: tuple[int, ...] | None = None
) -> int:
    """Return the first step at or behind `after` that can take a gate, or len(steps)."""
    for position in range(max(after, 0), len(steps)):
        step = steps[position]
        if isinstance(step, kind) and (qubits is None or getattr(step, "qubits", None) == qubits):
            return position
    return len(steps)


def _split_preparation(
    gates: Sequence[Gate], uses_input_G: NDArray[np.bool_], n_qubits: int
) -> tuple[list[list[Gate]], list[Gate]]:
    """Take, per qubit, the leading one-qubit gates up to the last input-dependent one."""
    leading: list[list[int]] = [[] for _ in range(n_qubits)]
    entangled: set[int] = set()
    for index, gate in enumerate(gates):
        if len(gate.qubits) > 1:
            entangled.update(gate.qubits)
        elif gate.qubits[0] not in entangled:
            leading[gate.qubits[0]].append(index)
    taken: list[list[Gate]] = []
    used: set[int] = set()
    for indices in leading:
        is_input = [isinstance(g := gates[i], Rotation) and uses_input_G[g.angle] for i in indices]
        length = max((k + 1 for k, yes in enumerate(is_input) if yes), default=0)
        taken.append([gates[i] for i in indices[:length]])
        used.update(indices[:length])
    return taken, [gate for index, gate in enumerate(gates) if index not in used]


def _preparation(gates_of_qubit: list[list[Gate]]) -> Preparation:
    runs = []
    for qubit, gates in enumerate(gates_of_qubit):
        run = _identity_matrix_step((qubit,))
        for gate in gates:
            run.add(gate)
        runs.append(run)
    depth, n = max(1, *(len(run.angles) for run in runs)), len(runs)
    angles = np.full((depth, n), -1)
    even = np.broadcast_to(np.eye(2, dtype=complex), (depth, n, 2, 2)).copy()
    odd = np.zeros((depth, n, 2, 2), dtype=complex)
    for q, run in enumerate(runs):
        for k, (angle, pauli) in enumerate(zip(run.angles, run.paulis, strict=True)):
            before = run.fixed[0] if k == 0 else np.eye(2)
            angles[k, q] = angle
            even[k, q] = run.fixed[k + 1] @ before
            odd[k, q] = run.fixed[k + 1] @ (-1j * pauli) @ before
    return Preparation(angles=angles, even=even, odd=odd)


def _blocks(n_qubits: int) -> list[tuple[int, ...]]:
    count = -(-n_qubits // BLOCK_QUBITS)
    return [tuple(block.tolist()) for block in np.array_split(np.arange(n_qubits), count)]


def _is_entangling_permutation(gate: Gate, n_blocks: int) -> bool:
    """Whether a gate is worth a step of its own: within a single block nothing is."""
    return (
        n_blocks > 1
        and isinstance(gate, FixedGate)
        and len(gate.qubits) > 1
        and bool(np.all(np.count_nonzero(np.abs(gate.matrix) > 1e-12, axis=1) == 1))
    )


def _identity_permutation(n_qubits: int) -> PermutationStep:
    size = 2**n_qubits
    return PermutationStep(source=np.arange(size), phase=np.ones(size, dtype=complex))


def _identity_matrix_step(qubits: tuple[int, ...]) -> MatrixStep:
    identity = np.eye(2 ** len(qubits), dtype=complex)
    return MatrixStep(qubits=qubits, angles=[], paulis=[], fixed=[identity])


def _pauli_matrix(letters: str) -> Matrix:
    """Matrix of a Pauli string whose letter k belongs to bit k of the index."""
    matrix = np.ones((1, 1), dtype=complex)
    for letter in letters:
        matrix = np.kron(_PAULI[letter], matrix)
    return matrix


def _embed(matrix: Matrix, qubits: tuple[int, ...], register: tuple[int, ...]) -> Matrix:
    """Extend a matrix on `qubits` by identities to `register`."""
    k, n = len(qubits), len(register)
    position = [register.index(q) for q in qubits]
    others = [p for p in range(n) if p not in position]
    extended = np.asarray(np.kron(np.eye(2 ** (n - k)), matrix), dtype=np.complex128)
    full = extended.reshape((2,) * (2 * n))
    # Axis j of the reshaped matrix is bit n - 1 - j; bits are ordered (position..., others...).
    bits = position + others
    axis_of_bit = {bit: n - 1 - rank for rank, bit in enumerate(bits)}
    order = [axis_of_bit[n - 1 - j] for j in range(n)]
    turned: Matrix = full.transpose(order + [n + axis for axis in order])
    return turned.reshape(2**n, 2**n)


def _monomial(
    matrix: Matrix, qubits: tuple[int, ...], n_qubits: int
) -> tuple[NDArray[np.int64], Matrix]:
    """Source and phase of every basis state under a matrix with one entry a row."""
    states = np.arange(2**n_qubits)
    local = sum((((states >> q) & 1) << k for k, q in enumerate(qubits)), np.zeros_like(states))
    local_source = np.argmax(np.abs(matrix), axis=1)
    picked = local_source[local]
    source = states.copy()
    for k, q in enumerate(qubits):
        source = (source & ~(1 << q)) | (((picked >> k) & 1) << q)
    return source, matrix[local, picked]
