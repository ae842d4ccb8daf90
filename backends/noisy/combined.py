"""One router from several: weighted sums over circuits of other noise or other bases."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qmoe_qiskit.backends.handed_out import HandsOut
from qmoe_qiskit.backends.noisy.sampling import SampledRouter
from qmoe_qiskit.backends.protocols import ArrayLike, Expectations, Pullback
from qmoe_qiskit.backends.statevector import BatchedRouter
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.typing import FloatArray


class CombinedRouter(HandsOut):
    """A router whose values are the weighted sum of those of independent evaluations.

    Args:
        router: The router.
        parts: The router compiled, on the same qubits, once per noise factor, the first without
            amplified noise; or once per basis of its observables.
        weights_K: The weight of each part's values.
    """

    def __init__(
        self, router: RouterCircuit, parts: Sequence[NoisyRouter], weights_K: FloatArray
    ) -> None:
        self.router, self.parts, self.weights_K = router, parts, weights_K
        # All parts lie on the same qubits.
        self.placed, self.backend_name = parts[0].placed, parts[0].backend_name

    def expectations(self, inputs_BF: FloatArray, weights_W: FloatArray) -> Expectations:
        """See `CompiledRouter.expectations`; `shots` counts those of all parts."""
        found = [part.expectations(inputs_BF, weights_W) for part in self.parts]
        variances_BO = self._sum([each.std_errors**2 for each in found], self.weights_K**2)
        shots = [each.shots for each in found if each.shots is not None]
        return Expectations(
            values=self._sum([each.values for each in found]),
            std_errors=np.sqrt(variances_BO),
            shots=sum(shots) if shots else None,
        )

    def jacobian(
        self, inputs_BF: FloatArray, weights_W: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """See `CompiledRouter.jacobian`."""
        found = [part.jacobian(inputs_BF, weights_W) for part in self.parts]
        by_inputs_BOF, by_weights_BOW = (self._sum(each) for each in zip(*found, strict=True))
        return by_inputs_BOF, by_weights_BOW

    def vjp(self, inputs_BF: ArrayLike, weights_W: ArrayLike) -> tuple[ArrayLike, Pullback]:
        """See `CompiledRouter.vjp`."""
        found = [part.vjp(inputs_BF, weights_W) for part in self.parts]

        def pullback(
            gradient_BO: ArrayLike, *, need_inputs: bool = True, per_sample: bool = False
        ) -> tuple[ArrayLike | None, ArrayLike]:
            gradients = [
                back(gradient_BO, need_inputs=need_inputs, per_sample=per_sample)
                for _, back in found
            ]
            by_inputs, by_weights = zip(*gradients, strict=True)
            return self._sum(by_inputs) if need_inputs else None, self._sum(by_weights)

        return self._sum([values_BO for values_BO, _ in found]), pullback

    def _sum(self, arrays: Sequence[ArrayLike], weights_K: FloatArray | None = None) -> ArrayLike:
        weights_K = self.weights_K if weights_K is None else weights_K
        return sum(float(weight) * array for weight, array in zip(weights_K, arrays, strict=True))


class CombinedExactRouter(CombinedRouter):
    """A router combined from exact ones, with second derivatives."""

    parts: Sequence[BatchedRouter | CombinedExactRouter]

    def hessian(self, inputs_BF: FloatArray, weights_W: FloatArray) -> FloatArray:
        """See `TwiceDifferentiable.hessian`."""
        hessian: FloatArray = self._sum([p.hessian(inputs_BF, weights_W) for p in self.parts])
        return hessian


NoisyRouter = BatchedRouter | SampledRouter | CombinedRouter


def combined(
    router: RouterCircuit, parts: Sequence[NoisyRouter], weights_K: FloatArray
) -> CombinedRouter:
    """Return the weighted sum of routers, which has the derivatives that all of them have."""
    exact = all(isinstance(part, BatchedRouter | CombinedExactRouter) for part in parts)
    return (CombinedExactRouter if exact else CombinedRouter)(router, parts, weights_K)
