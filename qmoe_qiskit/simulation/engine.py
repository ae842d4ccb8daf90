"""Forward and backward sweeps of a batch through the fused steps.

One sweep forward gives all values; one sweep back gives the derivative with respect to every angle,
however many there are.

Method: reverse-mode differentiation of unitary circuits ("adjoint differentiation", Jones & Gacon,
arXiv:2009.02823). A run of gates V = M_G ... M_1 with dM_g/dt = M_g K_g, K_g constant, has
dV/dt_g = V T_g^H K_g T_g with T_g = M_{g-1} ... M_1: the prefix products give all derivatives, and
none of this depends on the sample. What does is one outer product of states per run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from qmoe_qiskit.simulation.arrays import Array, BufferPool, join, library_of
from qmoe_qiskit.simulation.product_state import ProductState
from qmoe_qiskit.simulation.steps import Convertible, MatrixRun, Step, Sweep

# The states of one chunk of samples take up to this, so that a sweep stays in cache.
CHUNK_BYTES = 1 << 20
# States kept for the sweep back take up to this; beyond it they are computed again.
TAPE_BYTES = 1 << 30


@dataclass(kw_only=True, slots=True)
class Tape:
    """What a forward sweep leaves for the sweep back; no chunks where they are computed again."""

    inputs_BF: Array
    weights_W: Array
    products: list[Array]
    chunks: list[Chunk]


@dataclass(kw_only=True, slots=True)
class Chunk:
    """One chunk of samples on its way: the state in front of every step, and the last one."""

    sweep: Sweep
    stages: list[Array]
    joined: list[Array]
    before: list[Array]
    final: Array


@dataclass(frozen=True, kw_only=True)
class Tables(Convertible):
    """Angles as affine functions: "shared" ones depend on weights alone, "sample" ones differ.

    The last sample angle is always zero. Gates turn by half an angle, so `half_...` are halved.
    """

    shared_GW: Array
    sample_AF: Array
    sample_AW: Array
    half_shared_GW: Array
    half_shared_offset_G: Array
    half_sample_AF: Array
    half_sample_AW: Array
    half_sample_offset_A1: Array
    observables_OD: Array
    twice_observables_DO: Array


class Engine:
    """The sweeps, on constants of one library and device."""

    def __init__(
        self, start: ProductState, steps: list[Step], tables: Tables, n_qubits: int
    ) -> None:
        self.n_qubits = n_qubits
        self._start, self._steps, self._tables = start, steps, tables
        self._runs = [step for step in steps if isinstance(step, MatrixRun)]
        self._pool = BufferPool()
        self._sample_uses_weights = bool((tables.sample_AW != 0).any())

    def converted(self, convert: Callable[[NDArray[Any]], Array]) -> Engine:
        """Return the same engine in another library or on another device."""
        return Engine(
            self._start.converted(convert),
            [step.converted(convert) for step in self._steps],
            self._tables.converted(convert),
            self.n_qubits,
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_pool": BufferPool()}

    def expectations(self, inputs_BF: Array, weights_W: Array) -> Array:
        """Return values of shape (B, O) for inputs (B, F) and weights (W,)."""
        matrices = [p[-1] for p in self._products(weights_W)]
        values = []
        for x_CF in self._chunked(inputs_BF):
            chunk = self._forward(x_CF, weights_W, matrices, keep=False)
            values.append(self._measure(chunk.final))
            self._release(chunk)
        return join(values)

    def vjp(self, inputs_BF: Array, weights_W: Array) -> tuple[Array, Tape]:
        """Return values of shape (B, O), and the tape from which `pullback` starts."""
        products = self._products(weights_W)
        matrices = [p[-1] for p in products]
        n_states = len(self._steps) + 3
        keep = 16 * 2**self.n_qubits * n_states * len(inputs_BF) <= TAPE_BYTES
        values, chunks = [], []
        for x_CF in self._chunked(inputs_BF):
            chunk = self._forward(x_CF, weights_W, matrices, keep=keep)
            values.append(self._measure(chunk.final))
            if keep:
                chunks.append(chunk)
            else:
                self._release(chunk)
        tape = Tape(
            inputs_BF=inputs_BF,
            weights_W=weights_W,
            products=products,
            chunks=chunks,
        )
        return join(values), tape

    def pullback(
        self, tape: Tape, gradient_BO: Array, *, need_inputs: bool = True
    ) -> tuple[Array | None, Array]:
        """Carry a gradient back: returns its (B, F) for the inputs, if needed, and (W,)."""
        tables = self._tables
        matrices = [p[-1] for p in tape.products]
        outer: dict[int, Array] = {}
        by_input: list[Array] = []
        xp = library_of(tape.weights_W)
        d_weights_W: Array = 0.0
        saved = tape.chunks.copy()
        tape.chunks.clear()  # its states go back to the pool: a second pullback starts over
        start = 0
        for k, x_CF in enumerate(self._chunked(tape.inputs_BF)):
            chunk = saved[k] if saved else self._forward(x_CF, tape.weights_W, matrices)
            stop = start + len(x_CF)
            slope_DC = tables.twice_observables_DO @ gradient_BO[start:stop].T
            start = stop
            sweep = self._backward(
                chunk,
                self._pool.multiply(slope_DC, chunk.final),
                outer,
                by_sample=need_inputs or self._sample_uses_weights,
            )
            self._release(chunk)
            if sweep.by_angle is not None:
                by_input.append(sweep.by_angle.T @ tables.sample_AF)
                d_weights_W = d_weights_W + sweep.by_angle.sum(1) @ tables.sample_AW
        d_shared_G = self._contract(tape.products, outer)
        if d_shared_G is not None:
            d_weights_W = d_weights_W + d_shared_G @ tables.shared_GW
        elif not by_input:
            d_weights_W = xp.zeros_like(tape.weights_W)
        return (join(by_input) if need_inputs else None), d_weights_W

    def jacobian(self, inputs_BF: Array, weights_W: Array) -> tuple[Array, Array]:
        """Return the derivatives of every value: shapes (B, O, F) and (B, O, W)."""
        tables = self._tables
        products = self._products(weights_W)
        matrices = [p[-1] for p in products]
        n_outputs = len(tables.observables_OD)
        by_input: list[Array] = []
        by_weight: list[Array] = []
        for x_CF in self._chunked(inputs_BF, copies=n_outputs):
            # One column per output and sample, outputs outermost.
            chunk = self._forward(join([x_CF] * n_outputs), weights_W, matrices)
            width = len(x_CF)
            final_DOC = chunk.final.reshape(len(chunk.final), n_outputs, width)
            adjoint_DOC = tables.twice_observables_DO[:, :, None] * final_DOC
            outer: dict[int, Array] = {}
            sweep = self._backward(
                chunk,
                adjoint_DOC.reshape(chunk.final.shape),
                outer,
                by_sample=True,
                per_column=True,
            )
            assert sweep.by_angle is not None
            by_angle_AC = sweep.by_angle
            d_weights = by_angle_AC.T @ tables.sample_AW
            d_shared_CG = self._contract(products, outer)
            if d_shared_CG is not None:
                d_weights = d_weights + d_shared_CG @ tables.shared_GW
            d_inputs = by_angle_AC.T @ tables.sample_AF
            for parts, by_column in ((by_input, d_inputs), (by_weight, d_weights)):
                apart = by_column.reshape(n_outputs, width, by_column.shape[-1])
                parts.append(apart.swapaxes(0, 1))
        return join(by_input), join(by_weight)

    def _products(self, weights_W: Array) -> list[Array]:
        """Per matrix run, its prefix products; the last one is the run's matrix V."""
        half_G = self._tables.half_shared_GW @ weights_W + self._tables.half_shared_offset_G
        xp = library_of(half_G)
        cosines, sines = xp.cos(half_G), xp.sin(half_G)
        return [run.prefix_products(cosines, sines) for run in self._runs]

    def _forward(
        self, inputs_CF: Array, weights_W: Array, matrices: list[Array], *, keep: bool = True
    ) -> Chunk:
        tables = self._tables
        offset_A1 = tables.half_sample_offset_A1
        if self._sample_uses_weights:
            offset_A1 = offset_A1 + (tables.half_sample_AW @ weights_W)[:, None]
        half_AC = tables.half_sample_AF @ inputs_CF.T + offset_A1
        xp = library_of(half_AC)
        sweep = Sweep(
            cosines=xp.cos(half_AC),
            sines=xp.sin(half_AC),
            matrices=matrices,
            pool=self._pool,
            shared={},
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
    ) -> Sweep:
        """Take an adjoint state back to the start; fill `outer` and the sweep's `by_angle`."""
        sweep = chunk.sweep
        sweep.per_column, sweep.shared = per_column, outer
        if by_sample:
            sweep.by_angle = library_of(adjoint).zeros_like(sweep.cosines)
        for step, psi in zip(reversed(self._steps), reversed(chunk.before), strict=True):
            before = adjoint
            adjoint = step.backward(adjoint, psi, sweep)
            self._pool.give(before)
        if by_sample:
            self._start.backward(adjoint, chunk.stages, chunk.joined, sweep)
        self._pool.give(adjoint)
        return sweep

    def _release(self, chunk: Chunk) -> None:
        """Hand a chunk's states back; it cannot be used any more."""
        for psi in chunk.before:
            self._pool.give(psi)
        self._pool.give(chunk.final)

    def _contract(self, products: list[Array], outer: dict[int, Array]) -> Array | None:
        """Derivatives with respect to the shared angles: (G,), or (C, G) for stacked outers."""
        parts = []
        for run in self._runs:
            if run.index in outer:
                evolved_Gd = run.evolved_generators(products[run.index])
                x = outer[run.index].conj()
                x = x.reshape(*x.shape[:-2], x.shape[-1] ** 2)
                parts.append((x @ evolved_Gd.T).real)
        return join(parts, -1) if parts else None

    def _measure(self, psi: Array) -> Array:
        probabilities_DC = psi.real**2 + psi.imag**2
        return (self._tables.observables_OD @ probabilities_DC).T

    def _chunked(self, inputs_BF: Array, *, copies: int = 1) -> Iterator[Array]:
        size = max(1, CHUNK_BYTES // (16 * 2**self.n_qubits * copies))
        for start in range(0, max(len(inputs_BF), 1), size):
            yield inputs_BF[start : start + size]
