"""The fused steps at run time: how each takes a batch of states forward, and adjoint states back.

States are arrays of shape (base^n, C), a column per sample. `forward` takes them through the step;
`backward` takes adjoint states back, given the states that entered it. Everything here uses only
what NumPy and torch spell alike, so that the same code serves the host and any device.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from qmoe_qiskit.simulation import fusion
from qmoe_qiskit.simulation.arrays import Array, BufferPool, take_rows
from qmoe_qiskit.simulation.representation import StateRepresentation


@dataclass(frozen=True, kw_only=True)
class Convertible:
    """Constants, some of them arrays."""

    def converted(self, convert: Callable[[np.ndarray], Array]) -> Self:
        """Return a copy whose NumPy arrays went through `convert`."""
        arrays = {
            f.name: convert(value)
            for f in fields(self)
            if isinstance(value := getattr(self, f.name), np.ndarray)
        }
        return replace(self, **arrays)


@dataclass(kw_only=True, slots=True)
class SweepContext:
    """What the steps share in one sweep over a chunk of samples.

    Attributes:
        cosines: Cosines of the sample-dependent angles times the representation's scale,
            (A + 1, C); the last row's angle is zero.
        sines: Sines of the same angles, (A + 1, C).
        matrices: Per matrix run (by its `index`), the fused matrix.
        pool: The pool from which steps take the arrays for their results.
        per_column: Whether derivatives are kept per column instead of summed.
        outer: Filled by the backward sweep: per matrix run, the sum (or stack, per column) over the
            columns of the adjoint state after the run times the conjugated state before it.
        by_angle: Filled by the backward sweep: the derivative by each sample-dependent angle in
            each column, (A + 1, C), or None if it is not needed.
    """

    cosines: Array
    sines: Array
    matrices: list[Array]
    pool: BufferPool
    per_column: bool = False
    outer: dict[int, Array]
    by_angle: Array | None = None


@dataclass(frozen=True, kw_only=True)
class Permutation(Convertible):
    """new[i] = phase[i] old[source[i]]; `phase` is None where all phases are 1."""

    source: Array
    inverse: Array
    phase: Array | None

    @classmethod
    def build(cls, step: fusion.PermutationStep) -> Self:
        """Turn a fused step into arrays."""
        trivial = bool(np.all(step.phase == 1))
        return cls(
            source=step.source,
            inverse=np.argsort(step.source),
            phase=None if trivial else step.phase[:, None],
        )

    def forward(self, states: Array, sweep: SweepContext) -> Array:
        """Return the permuted states."""
        out = take_rows(states, self.source, sweep.pool.take(states))
        if self.phase is not None:
            out *= self.phase
        return out

    def backward(self, adjoint: Array, states: Array, sweep: SweepContext) -> Array:  # noqa: ARG002
        """Undo the permutation."""
        if self.phase is not None:
            adjoint = self.phase.conj() * adjoint
        return take_rows(adjoint, self.inverse, sweep.pool.take(adjoint))


@dataclass(frozen=True, kw_only=True)
class InputRotation(Convertible):
    """A rotation whose angle differs from sample to sample.

    Attributes:
        angle: The row of its angle among the sample-dependent angles.
        source: The source rows: the odd term takes states to phase[i] * states[source[i]]; it is
            antihermitian.
        phase: The phase of every row, (base^n, 1).
        still: 1 in the rows that the rotation does not change, else 0, (base^n, 1); None if every
            row changes.
        scale: The scale of the representation.
    """

    angle: int
    source: Array
    phase: Array
    still: Array | None
    scale: float

    @classmethod
    def build(cls, step: fusion.InputStep, row: int, representation: StateRepresentation) -> Self:
        """Turn a fused step into arrays; `row` is its place among the sample-dependent angles."""
        still = (step.phase == 0).astype(float)[:, None]
        return cls(
            angle=row,
            source=step.source,
            phase=step.phase[:, None],
            still=still if still.any() else None,
            scale=representation.scale,
        )

    def forward(self, states: Array, sweep: SweepContext) -> Array:
        """Return the rotated states."""
        s = sweep.sines[self.angle]
        return self._even(sweep) * states + s * (self.phase * states[self.source])

    def backward(self, adjoint: Array, states: Array, sweep: SweepContext) -> Array:
        """Undo the rotation; record the derivative with respect to its angle."""
        s = sweep.sines[self.angle]
        adjoint = self._even(sweep) * adjoint - s * (self.phase * adjoint[self.source])
        if sweep.by_angle is not None:
            turned = self.phase * states[self.source]
            sweep.by_angle[self.angle] = self.scale * (adjoint.conj() * turned).real.sum(0)
        return adjoint

    def _even(self, sweep: SweepContext) -> Array:
        c = sweep.cosines[self.angle]
        return c if self.still is None else c + self.still * (1 - c)
