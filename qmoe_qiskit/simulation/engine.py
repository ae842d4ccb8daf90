"""Forward and backward sweeps of a batch through the fused steps.

One sweep forward gives all values; one sweep back gives the derivative with respect to every angle,
however many there are.

States are vectors, or density matrices in the Pauli basis (see `StateRepresentation`).

Method: reverse-mode differentiation of unitary circuits ("adjoint differentiation", Jones & Gacon,
arXiv:2009.02823). A run of gates V = M_G ... M_1 with dM_g/dt = M_g K_g, K_g constant, has
dV/dt_g = V T_g^H K_g T_g with T_g = M_{g-1} ... M_1: the prefix products give all derivatives, and
none of this depends on the sample. Only one outer product of states per run does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from qmoe_qiskit.simulation.angle_table import AngleTable
from qmoe_qiskit.simulation.arrays import Array, BufferPool, join, library_of
from qmoe_qiskit.simulation.matrix_run import MatrixRun, Products, Step
from qmoe_qiskit.simulation.product_state import ProductState
from qmoe_qiskit.simulation.readout import Readout
from qmoe_qiskit.simulation.steps import Convertible, SweepContext

# The states of one chunk of samples take up to this, so that a sweep stays in cache.
CHUNK_BYTES = 1 << 20
# States kept for the sweep back take up to this; beyond it they are computed again.
TAPE_BYTES = 1 << 30


@dataclass(kw_only=True, slots=True)
class Tape:
    """What a forward sweep keeps for the sweep back; without chunks, states are computed again.

    `given` are inputs and weights without the functions that extend them (see `AngleTable`).
    """

    inputs_BF: Array
    weights_W: Array
    products: list[Products]
    chunks: list[Chunk]
    given: tuple[Array, Array] | None = None


@dataclass(kw_only=True, slots=True)
class Chunk:
    """One chunk of samples in a sweep: the states before every step, and the final ones."""

    sweep: SweepContext
    stages: list[Array]
    joined: list[Array]
    before: list[Array]
    final: Array


@dataclass(frozen=True, kw_only=True)
class Tables(Convertible):
    """Angles as affine functions: "shared" ones of weights alone, "sample" ones of inputs too.

    The last sample angle is always zero. `scaled_...` are multiplied by the representation's scale.
    """

    shared_GW: Array
    sample_AF: Array
    sample_AW: Array
    scaled_shared_GW: Array
    scaled_shared_offset_G: Array
    scaled_sample_AF: Array
    scaled_sample_AW: Array
    scaled_sample_offset_A1: Array

    @classmethod
    def build(cls, table: AngleTable, shared: list[int], sample: list[int], scale: float) -> Self:
        """Split an angle table; `shared` and `sample` are the rows of each kind."""
        sample_AF = np.vstack([table.inputs_GF[sample], np.zeros((1, table.inputs_GF.shape[1]))])
        sample_AW = np.vstack([table.weights_GW[sample], np.zeros((1, table.weights_GW.shape[1]))])
        offset_A1 = np.append(table.offset_G[sample], 0.0)[:, None]
        return cls(
            shared_GW=table.weights_GW[shared],
            sample_AF=sample_AF,
            sample_AW=sample_AW,
            scaled_shared_GW=scale * table.weights_GW[shared],
            scaled_shared_offset_G=scale * table.offset_G[shared],
            scaled_sample_AF=scale * sample_AF,
            scaled_sample_AW=scale * sample_AW,
            scaled_sample_offset_A1=scale * offset_A1,
        )


class Engine:
    """The sweeps, on constants of one library and device."""

    def __init__(
        self, start: ProductState, steps: list[Step], tables: Tables, readout: Readout
    ) -> None:
        self._start, self._steps, self._tables, self._readout = start, steps, tables, readout
        self._runs = [step for step in steps if isinstance(step, MatrixRun)]
        # Steps before the first trainable one, through which only gradients of inputs go back.
        trainable = (k for k, s in enumerate(steps) if isinstance(s, MatrixRun) and len(s.odd))
        self._n_leading = next(trainable, len(steps))
        self._pool = BufferPool()
        self._sample_uses_weights = bool((tables.sample_AW != 0).any())
        _, n_qubits, base, _ = start.even.shape
        self._state_bytes = start.even.itemsize * base**n_qubits

    def converted(self, convert: Callable[[NDArray[Any]], Array]) -> Engine:
        """Return the same engine in another library or on another device."""
        return Engine(
            self._start.converted(convert),
            [step.converted(convert) for step in self._steps],
            self._tables.converted(convert),
            self._readout.converted(convert),
        )

    def expectations(self, inputs_BF: Array, weights_W: Array) -> Array:
        """Return values of shape (B, O) for inputs (B, F) and weights (W,)."""
        matrices = [p.prefixes[-1] for p in self._products(weights_W)]
        values = []
        for x_CF in self._chunked(inputs_BF):
            chunk = self._forward(x_CF, weights_W, matrices, keep=False)
            values.append(self._readout.values(chunk.final))
            self._release(chunk)
        return join(values)

    def vjp(self, inputs_BF: Array, weights_W: Array) -> tuple[Array, Tape]:
        """Return values of shape (B, O), and the tape from which `pullback` starts."""
        products = self._products(weights_W)
        matrices = [p.prefixes[-1] for p in products]
        n_states = len(self._steps) + 3
        keep = self._state_bytes * n_states * len(inputs_BF) <= TAPE_BYTES
        values, chunks = [], []
        for x_CF in self._chunked(inputs_BF):
            chunk = self._forward(x_CF, weights_W, matrices, keep=keep)
            values.append(self._readout.values(chunk.final))
            if keep:
                chunks.append(chunk)
            else:
                self._release(chunk)
        tape = Tape(inputs_BF=inputs_BF, weights_W=weights_W, products=products, chunks=chunks)
        return join(values), tape

    def pullback(
        self,
        tape: Tape,
        gradient_BO: Array,
        *,
        need_inputs: bool = True,
        per_sample: bool = False,
    ) -> tuple[Array | None, Array]:
        """Carry a gradient back: to inputs, (B, F), or None if not needed, and weights, (W,).

        With `per_sample` the weights' gradient is not summed over the samples: (B, W).
        """
        tables = self._tables
        matrices = [p.prefixes[-1] for p in tape.products]
        outer: dict[int, Array] = {}
        by_input: list[Array] = []
        by_weight: list[Array] = []
        xp = library_of(tape.weights_W)
        d_weights_W: Array = 0.0
        saved = tape.chunks.copy()
        tape.chunks.clear()  # its states go back to the pool: a second pullback starts over
        start = 0
        for k, x_CF in enumerate(self._chunked(tape.inputs_BF)):
            chunk = saved[k] if saved else self._forward(x_CF, tape.weights_W, matrices)
            stop = start + len(x_CF)
            adjoint = self._readout.adjoint(gradient_BO[start:stop], chunk.final, self._pool)
            start = stop
            by_sample = need_inputs or self._sample_uses_weights
            if per_sample:
                outer = {}  # one of each column, which chunks do not add up
            sweep = self._backward(
                chunk, adjoint, outer, by_sample=by_sample, per_column=per_sample
            )
            self._release(chunk)
            if sweep.by_angle is not None and need_inputs:
                by_input.append(sweep.by_angle.T @ tables.sample_AF)
            if per_sample:
                by_weight.append(self._weights_of_columns(tape, sweep, outer, len(x_CF)))
            elif sweep.by_angle is not None:
                d_weights_W = d_weights_W + sweep.by_angle.sum(1) @ tables.sample_AW
        if per_sample:
            return (join(by_input) if need_inputs else None), join(by_weight)
        d_shared_G = self._slopes(tape.products, outer)
        if d_shared_G is not None:
            d_weights_W = d_weights_W + d_shared_G @ tables.shared_GW
        elif isinstance(d_weights_W, float):
            d_weights_W = xp.zeros_like(tape.weights_W)
        return (join(by_input) if need_inputs else None), d_weights_W

    def _weights_of_columns(
        self, tape: Tape, sweep: SweepContext, outer: dict[int, Array], n_columns: int
    ) -> Array:
        """Return the gradient of each column of a chunk by the weights, (C, W)."""
        tables, weights_W = self._tables, tape.weights_W
        d_shared_CG = self._slopes(tape.products, outer)
        d_weights_CW = None if d_shared_CG is None else d_shared_CG @ tables.shared_GW
        if sweep.by_angle is not None and self._sample_uses_weights:
            by_sample_CW = sweep.by_angle.T @ tables.sample_AW
            d_weights_CW = by_sample_CW if d_weights_CW is None else d_weights_CW + by_sample_CW
        if d_weights_CW is not None:
            return d_weights_CW
        xp = library_of(weights_W)
        return xp.zeros_like(xp.broadcast_to(weights_W, (n_columns, len(weights_W))))

    def jacobian(self, inputs_BF: Array, weights_W: Array) -> tuple[Array, Array]:
        """Return the derivatives of every value: shapes (B, O, F) and (B, O, W)."""
        tables = self._tables
        products = self._products(weights_W)
        matrices = [p.prefixes[-1] for p in products]
        n_outputs = self._readout.n_outputs
        by_input: list[Array] = []
        by_weight: list[Array] = []
        for x_CF in self._chunked(inputs_BF, copies=n_outputs):
            # One column per output and sample, outputs outermost.
            chunk = self._forward(join([x_CF] * n_outputs), weights_W, matrices)
            width = len(x_CF)
            outer: dict[int, Array] = {}
            adjoint = self._readout.adjoint_of_each(chunk.final)
            sweep = self._backward(chunk, adjoint, outer, by_sample=True, per_column=True)
            assert sweep.by_angle is not None
            by_angle_AC = sweep.by_angle
            d_weights = by_angle_AC.T @ tables.sample_AW
            d_shared_CG = self._slopes(products, outer)
            if d_shared_CG is not None:
                d_weights = d_weights + d_shared_CG @ tables.shared_GW
            d_inputs = by_angle_AC.T @ tables.sample_AF
            for parts, by_column in ((by_input, d_inputs), (by_weight, d_weights)):
                apart = by_column.reshape(n_outputs, width, by_column.shape[-1])
                parts.append(apart.swapaxes(0, 1))
        return join(by_input), join(by_weight)

    def _products(self, weights_W: Array) -> list[Products]:
        """Multiply every matrix run out."""
        tables = self._tables
        scaled_G = tables.scaled_shared_GW @ weights_W + tables.scaled_shared_offset_G
        xp = library_of(scaled_G)
        cosines, sines = xp.cos(scaled_G), xp.sin(scaled_G)
        return [run.products(cosines, sines) for run in self._runs]

    def _forward(
        self, inputs_CF: Array, weights_W: Array, matrices: list[Array], *, keep: bool = True
    ) -> Chunk:
        tables = self._tables
        offset_A1 = tables.scaled_sample_offset_A1
        if self._sample_uses_weights:
            offset_A1 = offset_A1 + (tables.scaled_sample_AW @ weights_W)[:, None]
        scaled_AC = tables.scaled_sample_AF @ inputs_CF.T + offset_A1
        xp = library_of(scaled_AC)
        sweep = SweepContext(
            cosines=xp.cos(scaled_AC),
            sines=xp.sin(scaled_AC),
            matrices=matrices,
            pool=self._pool,
            outer={},
        )
        stages, joined = self._start.forward(sweep)
        psi = joined[-1]
        before = []
        for step in self._steps:
            after = step.forward(psi, sweep)
            if keep:
                before.append(psi)
            else:
                self._pool.give(psi)
            psi = after
        return Chunk(sweep=sweep, stages=stages, joined=joined, before=before, final=psi)

    def _backward(
        self,
        chunk: Chunk,
        adjoint: Array,
        outer: dict[int, Array],
        *,
        by_sample: bool,
        per_column: bool = False,
    ) -> SweepContext:
        """Take an adjoint state back to the start; fill `outer` and the sweep's `by_angle`."""
        sweep = chunk.sweep
        sweep.per_column, sweep.outer = per_column, outer
        if by_sample:
            sweep.by_angle = library_of(adjoint).zeros_like(sweep.cosines)
        first = 0 if by_sample else self._n_leading
        steps, states = self._steps[first:], chunk.before[first:]
        for step, psi in zip(reversed(steps), reversed(states), strict=True):
            before = adjoint
            adjoint = step.backward(adjoint, psi, sweep)
            self._pool.give(before)
        if by_sample:
            self._start.backward(adjoint, chunk.stages, chunk.joined, sweep)
        self._pool.give(adjoint)
        return sweep

    def _release(self, chunk: Chunk) -> None:
        """Give a chunk's states back to the pool; it cannot be used afterwards."""
        for psi in chunk.before:
            self._pool.give(psi)
        self._pool.give(chunk.final)

    def _slopes(self, products: list[Products], outer: dict[int, Array]) -> Array | None:
        """Return derivatives by the shared angles, (G,), or (C, G) for stacked outer products."""
        parts = [
            run.slopes(outer[run.index], products[run.index])
            for run in self._runs
            if run.index in outer
        ]
        return join(parts, -1) if parts else None

    def _chunked(self, inputs_BF: Array, *, copies: int = 1) -> Iterator[Array]:
        size = max(1, CHUNK_BYTES // (self._state_bytes * copies))
        for start in range(0, max(len(inputs_BF), 1), size):
            yield inputs_BF[start : start + size]
