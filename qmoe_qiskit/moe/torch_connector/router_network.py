"""A compiled router as a qiskit-machine-learning NeuralNetwork."""

from __future__ import annotations

from typing import Any

import numpy as np
from qiskit_machine_learning.neural_networks import NeuralNetwork

from qmoe_qiskit.backends import CompiledRouter, Pullback
from qmoe_qiskit.typing import FloatArray


class RouterNetwork(NeuralNetwork):
    """The expectation values of a router circuit, on any backend.

    It works wherever a qiskit-machine-learning network does. The stock `TorchConnector` computes
    the whole Jacobian; `RouterConnector` computes one vector-Jacobian product instead.

    Args:
        compiled: The compiled router that `Backend.compile` returns.
        input_gradients: Whether `backward` also differentiates by the inputs.
    """

    def __init__(self, compiled: CompiledRouter, *, input_gradients: bool = True) -> None:
        router = compiled.router
        super().__init__(
            num_inputs=router.n_inputs,
            num_weights=router.n_weights,
            sparse=False,
            output_shape=router.n_outputs,
            input_gradients=input_gradients,
        )
        self.compiled = compiled

    def vjp(self, inputs_BF: Any, weights_W: Any) -> tuple[Any, Pullback]:  # noqa: ANN401
        """See `CompiledRouter.vjp`."""
        return self.compiled.vjp(inputs_BF, weights_W)

    def _forward(self, input_data: FloatArray | None, weights: FloatArray | None) -> FloatArray:
        inputs_BF, weights_W = self._filled(input_data, weights)
        return self.compiled.expectations(inputs_BF, weights_W).values

    def _backward(
        self, input_data: FloatArray | None, weights: FloatArray | None
    ) -> tuple[FloatArray | None, FloatArray]:
        by_inputs, by_weights = self.compiled.jacobian(*self._filled(input_data, weights))
        return (by_inputs if self.input_gradients else None), by_weights

    def _filled(
        self, input_data: FloatArray | None, weights: FloatArray | None
    ) -> tuple[FloatArray, FloatArray]:
        """Return arrays for None, which the base class passes without inputs or without weights."""
        inputs_BF = np.zeros((1, 0)) if input_data is None else input_data
        return inputs_BF, np.zeros(0) if weights is None else weights
