"""A compiled circuit as a torch module: a TorchConnector with one sweep back per step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from qiskit_machine_learning.connectors import TorchConnector
from qiskit_machine_learning.neural_networks import NeuralNetwork
from torch import Tensor, nn

from qmoe_qiskit.backends import CompiledRouter
from qmoe_qiskit.backends.protocols import Pullback
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe.torch_connector.function import evaluate
from qmoe_qiskit.moe.torch_connector.modes import is_traced
from qmoe_qiskit.moe.torch_connector.operator import new_handle
from qmoe_qiskit.typing import FloatArray


class RouterNetwork(NeuralNetwork):
    """The expectation values of a router circuit, on any backend.

    It works wherever a qiskit-machine-learning network does. The stock `TorchConnector` computes
    the whole Jacobian; `RouterConnector` computes one vector-Jacobian product instead.

    Args:
        compiled: The compiled router that `Backend.compile` returns.
        input_gradients: Whether `backward` also differentiates by the inputs.

    Attributes:
        handle: The name by which programs that torch records find this network; copies have their
            own.
    """

    def __init__(self, compiled: CompiledRouter, *, input_gradients: bool = True) -> None:
        if not hasattr(compiled, "router"):
            raise InputError(
                f"RouterNetwork takes a compiled router, got {type(compiled).__name__}: compile it "
                "with open_backend(...).compile(router)"
            )
        router = compiled.router
        super().__init__(
            num_inputs=router.n_inputs,
            num_weights=router.n_weights,
            sparse=False,
            output_shape=router.n_outputs,
            input_gradients=input_gradients,
        )
        self.compiled = compiled
        self.handle = new_handle(self)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "handle"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.handle = new_handle(self)

    def _forward(self, input_data: FloatArray | None, weights: FloatArray | None) -> FloatArray:
        return self.compiled.expectations(*self._filled(input_data, weights)).values

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


class RouterConnector(TorchConnector):
    """TorchConnector for a `RouterNetwork` that computes vector-Jacobian products.

    The stock connector computes the Jacobian, (B, O, W) numbers, and contracts it. Here one
    vector-Jacobian product costs about as much as the forward pass, whatever O and W are. Inputs
    may have any leading shape, gradients by the inputs are computed if torch needs them, and the
    output has the inputs' floating type (the circuit itself is evaluated in float64).

    Args:
        network: The network to connect.
        initial_weights: Initial weights, shape (W,); None for random ones in [-1, 1]. The parameter
            has torch's default type.

    Attributes:
        kept_sweeps: Where a forward pass leaves its pullback for gradients of single rows, see
            `qmoe_qiskit.train.private.gradients`; the gradient by the weights is then left out
            unless inputs need one. None otherwise.

    Raises:
        InputError: If the initial weights have another shape.
    """

    kept_sweeps: list[Pullback] | None = None

    def __init__(self, network: RouterNetwork, initial_weights: Tensor | None = None) -> None:
        if not isinstance(network, RouterNetwork):
            raise InputError(
                f"RouterConnector takes RouterNetwork(compiled), got {type(network).__name__}: "
                "compile a router with open_backend(...).compile(router)"
            )
        # The base class takes no weights without values (of the device "meta"), and no float64.
        start = None if initial_weights is None else np.zeros(network.num_weights)
        super().__init__(network, initial_weights=start)
        # It registers its one parameter under two names; the state must hold it once.
        del self._parameters["_weights"]
        if initial_weights is not None:
            _check_weights(network, initial_weights)
            weights_W = torch.empty(network.num_weights).copy_(initial_weights.detach())
            self.weight = nn.Parameter(weights_W)

    def extra_repr(self) -> str:
        """Say what circuit it is, and where it runs, in the representation of a module."""
        router = self.compiled.router
        backend = getattr(self.compiled, "backend_name", type(self.compiled).__name__)
        counts = {"inputs": router.n_inputs, "weights": router.n_weights}
        shown = ", ".join(f"{count} {name}" for name, count in counts.items())
        return f"{shown}, {router.n_outputs} outputs, on {backend!r}"

    @classmethod
    def with_random_angles(
        cls, compiled: CompiledRouter, generator: torch.Generator | None
    ) -> RouterConnector:
        """Return the connector of a circuit whose angles start uniform in [-pi, pi]."""
        angles_W = torch.empty(compiled.router.n_weights, device="cpu")
        nn.init.uniform_(angles_W, -math.pi, math.pi, generator=generator)
        return cls(RouterNetwork(compiled), initial_weights=angles_W)

    @property
    def weight(self) -> Tensor:
        """The circuit's weights, (W,): the parameter, or the tensor that stands in for it."""
        weight = self._parameters.get("weight")
        if weight is None:
            weight = vars(self).get("weight")
        if weight is None:  # the base class reads it before it is registered
            raise AttributeError("weight")
        return weight

    # torch's prune and parametrize take the parameter away and put a tensor in its place.
    @weight.setter
    def weight(self, tensor: Tensor) -> None:
        vars(self)["weight"] = tensor

    @weight.deleter
    def weight(self) -> None:
        del vars(self)["weight"]

    @property
    def compiled(self) -> CompiledRouter:
        """The compiled router that the network evaluates."""
        network = self.neural_network
        assert isinstance(network, RouterNetwork)
        return network.compiled

    def forward(self, input_data: Tensor | None = None) -> Tensor:
        """Return expectation values, (..., O), for inputs (..., F).

        Raises:
            InputError: If a shape does not fit, or an input or a weight is not finite.
        """
        network, weight_W = self.neural_network, self.weight
        assert isinstance(network, RouterNetwork)
        if input_data is None:
            input_data = torch.zeros((1, 0), dtype=weight_W.dtype, device=weight_W.device)
        if not is_traced():  # which would record the sizes that it sees compared
            _check_shapes(network, input_data, weight_W)
        leading = input_data.shape[:-1]
        if len(leading) == 1:
            return evaluate(
                input_data, weight_W, network.compiled, network.handle, self.kept_sweeps
            )
        flat_BF = input_data.flatten(0, -2) if leading else input_data.unsqueeze(0)
        values_BO = evaluate(flat_BF, weight_W, network.compiled, network.handle, self.kept_sweeps)
        return values_BO.reshape(*leading, values_BO.shape[-1])


def _check_shapes(network: RouterNetwork, inputs: Tensor, weights: Tensor) -> None:
    if inputs.shape[-1:] != (network.num_inputs,):
        raise InputError(
            f"the router takes inputs of shape (..., {network.num_inputs}), "
            f"got {tuple(inputs.shape)}"
        )
    _check_weights(network, weights)


def _check_weights(network: RouterNetwork, weights: Tensor) -> None:
    if weights.shape != (network.num_weights,):
        raise InputError(
            f"the router takes weights of shape ({network.num_weights},), "
            f"got {tuple(weights.shape)}"
        )
