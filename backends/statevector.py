"""The exact, noiseless backend."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from qiskit import QuantumCircuit

from qmoe_qiskit.backends.protocols import (
    ArrayLike,
    CompiledRouter,
    Expectations,
    FloatArray,
    Pullback,
    check_batch,
)
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import EngineMismatchError, InputError, unknown_name
from qmoe_qiskit.simulation import StatevectorProgram

if TYPE_CHECKING:
    from qmoe_qiskit.backends.aer import AerRouter

ENGINES = ("aer", "auto", "batched")
# Agreement asked of the two engines at the probe point; float64 leaves about 1e-14.
PROBE_TOLERANCE = 1e-9
# A register of this many qubits fills 16 GiB with a single state.
MAX_QUBITS = 30


@dataclass(frozen=True, kw_only=True)
class StatevectorBackend:
    """Exact expectation values and derivatives, without noise or shots.

    Attributes:
        engine: "batched" (our own, whole batches with derivatives in one sweep back), "aer"
            (AerSimulator, derivatives by parameter shift), or "auto", which takes the batched
            engine: it was the faster one at every size measured (see scripts/benchmark.py).
        seed: Seeds the probe point at which the two engines are compared.
    """

    engine: str = "auto"
    seed: int | None = None
    name: str = field(default="statevector", init=False)

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise unknown_name("engine", self.engine, ENGINES)

    def compile(self, router: RouterCircuit) -> CompiledRouter:
        """Compile a circuit and compare one probe point with Aer.

        Raises:
            InputError: If the circuit is too wide, or not unitary and affine in its parameters.
            EngineMismatchError: If the probe differs from Aer's value.
        """
        if router.n_qubits > MAX_QUBITS:
            raise InputError(
                f"the router has {router.n_qubits} qubits: the statevector backend takes at most "
                f"{MAX_QUBITS}"
            )
        from qmoe_qiskit.backends.aer import AerRouter

        aer = AerRouter(router)
        if self.engine == "aer":
            return aer
        compiled = BatchedRouter(router=router, program=StatevectorProgram(router))
        _probe(compiled, aer, np.random.default_rng(self.seed))
        return compiled


@dataclass(frozen=True, kw_only=True, eq=False)
class BatchedRouter:
    """A router on the batched engine."""

    router: RouterCircuit
    program: StatevectorProgram

    @property
    def isa_circuit(self) -> QuantumCircuit:
        """The circuit itself: a simulator takes every gate."""
        return self.router.circuit

    @property
    def physical_qubits(self) -> tuple[int, ...]:
        """Qubit i holds qubit i."""
        return tuple(range(self.router.n_qubits))

    def expectations(self, inputs_BF: FloatArray, weights_W: FloatArray) -> Expectations:
        """See `CompiledRouter.expectations`."""
        values_BO = self.program.expectations(*check_batch(self.router, inputs_BF, weights_W))
        return Expectations(values=values_BO, std_errors=np.zeros_like(values_BO))

    def jacobian(
        self, inputs_BF: FloatArray, weights_W: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """See `CompiledRouter.jacobian`."""
        return self.program.jacobian(*check_batch(self.router, inputs_BF, weights_W))

    def vjp(self, inputs_BF: ArrayLike, weights_W: ArrayLike) -> tuple[ArrayLike, Pullback]:
        """See `CompiledRouter.vjp`."""
        values_BO, tape = self.program.vjp(inputs_BF, weights_W)

        def pullback(
            gradient_BO: ArrayLike, *, need_inputs: bool = True
        ) -> tuple[ArrayLike | None, ArrayLike]:
            return self.program.pullback(tape, gradient_BO, need_inputs=need_inputs)

        return values_BO, pullback


def _probe(compiled: BatchedRouter, aer: AerRouter, rng: np.random.Generator) -> None:
    router = compiled.router
    inputs_BF = rng.uniform(-np.pi, np.pi, (1, router.n_inputs))
    weights_W = rng.uniform(-np.pi, np.pi, router.n_weights)
    ours = compiled.expectations(inputs_BF, weights_W).values
    theirs = aer.expectations(inputs_BF, weights_W).values
    scale = max(1.0, float(np.abs(theirs).max()))
    gap = float(np.abs(ours - theirs).max())
    if not gap <= PROBE_TOLERANCE * scale:
        raise EngineMismatchError(
            f"the batched engine and Aer differ by {gap:.1e} at a probe point of circuit "
            f"{router.circuit.name!r}: please report the circuit; engine='aer' evaluates it by Aer"
        )
