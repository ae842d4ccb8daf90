"""The exact, noiseless backend."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from qmoe_qiskit.backends.gradients.second_derivatives import hessian
from qmoe_qiskit.backends.handed_out import HandsOut, PlacedCircuit, WithoutDevice
from qmoe_qiskit.backends.protocols import (
    ArrayLike,
    CompiledRouter,
    Expectations,
    Pullback,
    check_batch,
    check_router,
)
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import (
    EngineMismatchError,
    InputError,
    UndefinedAngleError,
    unknown_name,
)
from qmoe_qiskit.simulation import ExactProgram, StatevectorProgram
from qmoe_qiskit.typing import FloatArray

ENGINES = ("aer", "auto", "batched")
# Largest difference of the two engines at the probe point; rounding makes about 1e-14.
PROBE_TOLERANCE = 1e-9
# Where probe points are looked for; angles such as logarithms are not defined everywhere.
_PROBE_RANGES = ((-np.pi, np.pi), (0.1, 0.9), (-0.9, -0.1), (1.1, np.pi), (-np.pi, -1.1), (10, 20))
# Our engine keeps every observable's diagonal: 20 qubits take 160 MiB, 24 would take 3 GiB.
MAX_BATCHED_QUBITS = 20
# A register of this many qubits fills 16 GiB with a single state.
MAX_QUBITS = 30


@dataclass(frozen=True, kw_only=True)
class StatevectorBackend:
    """Exact expectation values and derivatives, without noise or shots.

    Attributes:
        engine: "batched" (our own engine, whole batches with derivatives in one backward sweep),
            "aer" (AerSimulator, derivatives by parameter shift), or "auto": the batched engine,
            which was faster at every measured size, up to the width that it takes, then Aer.
        seed: The seed of the probe point at which the two engines are compared.
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
        check_router(router)
        if router.n_qubits > MAX_QUBITS:
            raise InputError(
                f"the router has {router.n_qubits} qubits: the statevector backend takes at most "
                f"{MAX_QUBITS}"
            )
        from qmoe_qiskit.backends.aer_reference import AerRouter

        aer = AerRouter(router)
        batched = router.n_qubits <= MAX_BATCHED_QUBITS
        if self.engine == "batched" and not batched:
            raise InputError(
                f"the router has {router.n_qubits} qubits: engine 'batched' takes at most "
                f"{MAX_BATCHED_QUBITS}; use 'auto' or 'aer'"
            )
        if self.engine == "aer" or not batched:
            return aer
        compiled = BatchedRouter(
            router=router,
            program=StatevectorProgram(router),
            placed=WithoutDevice(router=router),
            backend_name=self.name,
        )
        check_probe(
            compiled,
            lambda inputs_F, weights_W: aer.expectations(inputs_F[None], weights_W).values[0],
            np.random.default_rng(self.seed),
            remedy="engine='aer'",
        )
        return compiled


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class BatchedRouter(HandsOut):
    """A router on the batched engine.

    Attributes:
        router: The router.
        program: The compiled circuit, which evaluates batches.
        placed: The circuit where it runs, which is handed out.
        backend_name: The specification of the backend.
    """

    router: RouterCircuit
    program: ExactProgram
    placed: PlacedCircuit
    backend_name: str

    def expectations(self, inputs_BF: FloatArray, weights_W: FloatArray) -> Expectations:
        """See `CompiledRouter.expectations`."""
        values_BO = self.program.expectations(*check_batch(self.router, inputs_BF, weights_W))
        return Expectations(values=values_BO, std_errors=np.zeros_like(values_BO))

    def jacobian(
        self, inputs_BF: FloatArray, weights_W: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """See `CompiledRouter.jacobian`."""
        return self.program.jacobian(*check_batch(self.router, inputs_BF, weights_W))

    def hessian(self, inputs_BF: FloatArray, weights_W: FloatArray) -> FloatArray:
        """See `TwiceDifferentiable.hessian`."""
        return hessian(self.program, *check_batch(self.router, inputs_BF, weights_W))

    def vjp(self, inputs_BF: ArrayLike, weights_W: ArrayLike) -> tuple[ArrayLike, Pullback]:
        """See `CompiledRouter.vjp`."""
        values_BO, tape = self.program.vjp(inputs_BF, weights_W)

        def pullback(
            gradient_BO: ArrayLike, *, need_inputs: bool = True, per_sample: bool = False
        ) -> tuple[ArrayLike | None, ArrayLike]:
            return self.program.pullback(
                tape, gradient_BO, need_inputs=need_inputs, per_sample=per_sample
            )

        return values_BO, pullback


def check_probe(
    compiled: CompiledRouter,
    by_aer: Callable[[FloatArray, FloatArray], FloatArray],
    rng: np.random.Generator,
    *,
    remedy: str,
    tolerance: float = PROBE_TOLERANCE,
) -> None:
    """Compare a random point with Aer; a circuit without one at which it is defined passes.

    Args:
        compiled: The compiled router to check.
        by_aer: Takes inputs (F,) and weights (W,) to Aer's values (O,).
        rng: The source of the point.
        remedy: What the user can do instead.
        tolerance: The largest difference, relative to values above 1.

    Raises:
        EngineMismatchError: If the two differ by more than rounding.
    """
    router = compiled.router
    for low, high in _PROBE_RANGES:
        inputs_F = rng.uniform(low, high, router.n_inputs)
        weights_W = rng.uniform(low, high, router.n_weights)
        try:
            ours = compiled.expectations(inputs_F[None], weights_W).values[0]
            break
        except UndefinedAngleError:  # such as a logarithm, at a negative number
            continue
    else:
        return
    theirs = by_aer(inputs_F, weights_W)
    scale = max(1.0, float(np.abs(theirs).max()))
    gap = float(np.abs(ours - theirs).max())
    if not gap <= tolerance * scale:
        raise EngineMismatchError(
            f"the batched engine and Aer differ by {gap:.1e} at a probe point of circuit "
            f"{router.circuit.name!r}: please report the circuit; {remedy} evaluates it by Aer"
        )
