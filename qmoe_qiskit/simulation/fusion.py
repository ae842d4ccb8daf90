"""Fusing gates into the few large steps that a batch of states is taken through.

The first input-dependent gates of every qubit act on |0> alone and give a product state. What
follows becomes one matrix per run of gates on a few qubits: it does not depend on the sample, so
its cost does not grow with the batch. Gates between blocks that only permute basis states become
one permutation of the register; input-dependent gates later in the circuit are applied one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmoe_qiskit.simulation.lowering import Channel, FixedGate, Gate, Rotation
from qmoe_qiskit.simulation.representation import Matrix, StateRepresentation, Terms


@dataclass(kw_only=True)
class MatrixStep:
    """A run of gates on a few qubits, applied as one matrix F_G R_G ... F_1 R_1 F_0.

    Attributes:
        representation: How states are represented.
        qubits: The qubits, ascending; digit k of the matrix' indices belongs to `qubits[k]`.
        angles: The row of the angle table for every rotation R_g.
        rotations: The terms of R_g on the step's qubits.
        fixed: The constant matrices F_0 to F_G.
    """

    representation: StateRepresentation
    qubits: tuple[int, ...]
    angles: list[int]
    rotations: list[Terms]
    fixed: list[Matrix]

    @classmethod
    def empty(cls, representation: StateRepresentation, qubits: tuple[int, ...]) -> MatrixStep:
        """Return a step that changes nothing yet."""
        fixed = [representation.identity(len(qubits))]
        return cls(
            representation=representation, qubits=qubits, angles=[], rotations=[], fixed=fixed
        )

    def add(self, gate: Gate) -> None:
        """Append a gate whose qubits are among the step's."""
        if isinstance(gate, Rotation):
            terms = self.representation.rotation(gate.pauli)
            self.angles.append(gate.angle)
            even, odd = (self._embed(matrix, gate.qubits) for matrix in (terms.even, terms.odd))
            rest = None if terms.rest is None else self._embed(terms.rest, gate.qubits)
            self.rotations.append(Terms(even=even, odd=odd, rest=rest))
            self.fixed.append(self.representation.identity(len(self.qubits)))
        else:
            matrix = (
                gate.matrix if isinstance(gate, Channel) else self.representation.gate(gate.matrix)
            )
            self.fixed[-1] = self._embed(matrix, gate.qubits) @ self.fixed[-1]

    def _embed(self, matrix: Matrix, qubits: tuple[int, ...]) -> Matrix:
        """Extend a matrix on some of the step's qubits by identities to all of them."""
        base, k, n = self.representation.base, len(qubits), len(self.qubits)
        position = [self.qubits.index(q) for q in qubits]
        digits = position + [p for p in range(n) if p not in position]
        extended = np.kron(self.representation.identity(n - k), matrix)
        # Axis j of the reshaped matrix is digit n - 1 - j; digits stand in the order of `digits`.
        axis_of_digit = {digit: n - 1 - rank for rank, digit in enumerate(digits)}
        order = [axis_of_digit[n - 1 - j] for j in range(n)]
        turned = extended.reshape((base,) * (2 * n)).transpose(order + [n + a for a in order])
        return np.asarray(turned.reshape(base**n, base**n), dtype=self.representation.dtype)


@dataclass(kw_only=True)
class PermutationStep:
    """new[i] = phase[i] * old[source[i]] over the basis states of the whole register."""

    source: NDArray[np.int64]
    phase: NDArray[np.complex128]

    def add(self, gate: FixedGate, n_qubits: int) -> None:
        """Append a gate whose matrix has one entry in every row."""
        source, phase = _monomial(gate.matrix, gate.qubits, 2, n_qubits)
        self.phase = phase * self.phase[source]
        self.source = self.source[source]


@dataclass(kw_only=True)
class InputStep:
    """One input-dependent rotation: its odd term takes psi to phase[i] * psi[source[i]].

    Attributes:
        angle: The row of the angle table.
        source: The source row of every row.
        phase: The factor of every row; 0 in the rows that the rotation does not change.
    """

    angle: int
    source: NDArray[np.int64]
    phase: Matrix


@dataclass(kw_only=True)
class Preparation:
    """The product state that the circuit starts from: per qubit, rotations of |0>.

    Stage k takes the state v of qubit q to (cos even[k, q] + sin odd[k, q] + rest[k, q]) v, with
    the angle in row `angles[k, q]`; row -1 stands for an angle of zero.
    """

    angles: NDArray[np.int64]
    even: Matrix
    odd: Matrix
    rest: Matrix | None
    ground: Matrix


FusedStep = MatrixStep | PermutationStep | InputStep


def fuse(
    gates: Sequence[Gate],
    uses_input_G: NDArray[np.bool_],
    n_qubits: int,
    representation: StateRepresentation,
) -> tuple[Preparation, list[FusedStep]]:
    """Group gates into a preparation and steps that act in order."""
    first, rest = _split_preparation(gates, uses_input_G, n_qubits)
    count = -(-n_qubits // representation.block_qubits)
    blocks = [tuple(block.tolist()) for block in np.array_split(np.arange(n_qubits), count)]
    block_of = {q: block for block in blocks for q in block}
    steps: list[FusedStep] = []
    latest = dict.fromkeys(range(n_qubits), -1)  # index of the last step that touches a qubit
    for gate in rest:
        after = max(latest[q] for q in gate.qubits)
        position = len(steps)
        if isinstance(gate, Rotation) and uses_input_G[gate.angle]:
            odd = representation.rotation(gate.pauli).odd
            source, phase = _monomial(odd, gate.qubits, representation.base, n_qubits)
            steps.append(InputStep(angle=gate.angle, source=source, phase=phase))
        elif isinstance(gate, FixedGate) and (
            representation.permutes and len(blocks) > 1 and _permutes_between_qubits(gate)
        ):
            position = _find(steps, after, PermutationStep)
            if position == len(steps):
                size = 2**n_qubits
                steps.append(PermutationStep(source=np.arange(size), phase=np.ones(size) + 0j))
            step = steps[position]
            assert isinstance(step, PermutationStep)
            step.add(gate, n_qubits)
        else:
            block = block_of[gate.qubits[0]]
            qubits = block if set(gate.qubits) <= set(block) else tuple(sorted(gate.qubits))
            last = steps[after] if after >= 0 else None
            if isinstance(last, MatrixStep) and set(gate.qubits) <= set(last.qubits):
                position = after
            else:
                position = _find(steps, after, MatrixStep, qubits)
            if position == len(steps):
                steps.append(MatrixStep.empty(representation, qubits))
            step = steps[position]
            assert isinstance(step, MatrixStep)
            step.add(gate)
        for q in gate.qubits:
            latest[q] = position
    return _preparation(first, representation), steps


def _find(
    steps: list[FusedStep], after: int, kind: type[FusedStep], qubits: tuple[int, ...] | None = None
) -> int:
    """Return the first step from `after` on that can take a gate, or len(steps)."""
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


def _preparation(
    gates_of_qubit: list[list[Gate]], representation: StateRepresentation
) -> Preparation:
    runs = [MatrixStep.empty(representation, (q,)) for q in range(len(gates_of_qubit))]
    for run, gates in zip(runs, gates_of_qubit, strict=True):
        for gate in gates:
            run.add(gate)
    depth, n, base = max(1, *(len(run.angles) for run in runs)), len(runs), representation.base
    angles = np.full((depth, n), -1)
    even = np.broadcast_to(representation.identity(1), (depth, n, base, base)).copy()
    odd = np.zeros_like(even)
    rest = np.zeros_like(even)
    ground = np.broadcast_to(representation.ground[:, None], (n, base, 1)).copy()
    for q, run in enumerate(runs):
        ground[q] = run.fixed[0] @ ground[q]
        for k, (angle, terms) in enumerate(zip(run.angles, run.rotations, strict=True)):
            angles[k, q] = angle
            after = run.fixed[k + 1]
            even[k, q], odd[k, q] = after @ terms.even, after @ terms.odd
            if terms.rest is not None:
                rest[k, q] = after @ terms.rest
    return Preparation(
        angles=angles, even=even, odd=odd, rest=rest if rest.any() else None, ground=ground
    )


def _permutes_between_qubits(gate: FixedGate) -> bool:
    """Whether an entangling gate only permutes basis states, up to phases."""
    entries = np.count_nonzero(np.abs(gate.matrix) > 1e-12, axis=1)
    return len(gate.qubits) > 1 and bool(np.all(entries == 1))


def _monomial(
    matrix: Matrix, qubits: tuple[int, ...], base: int, n_qubits: int
) -> tuple[NDArray[np.int64], Matrix]:
    """Return source and factor of each register entry; the matrix has up to one entry per row."""
    entries = np.arange(base**n_qubits)
    local = np.zeros_like(entries)
    for k, q in enumerate(qubits):
        local += (entries // base**q % base) * base**k
    picked = np.argmax(np.abs(matrix), axis=1)
    picked = np.where(np.abs(matrix).any(axis=1), picked, np.arange(len(matrix)))[local]
    source = entries.copy()
    for k, q in enumerate(qubits):
        source += (picked // base**k % base - entries // base**q % base) * base**q
    return source, matrix[local, picked]
