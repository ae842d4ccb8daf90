"""A compiled circuit as a torch module: a TorchConnector with one sweep back per step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from qiskit_machine_learning.connectors import TorchConnector
from qiskit_machine_learning.neural_networks import NeuralNetwork
from torch import Tensor

from qmoe_qiskit.backends import CompiledRouter
from qmoe_qiskit.errors import InputError
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
        initial_weights: Initial weights, shape (W,); None for random ones in [-1, 1].
    """

    def __init__(self, network: RouterNetwork, initial_weights: Tensor | None = None) -> None:
        start = None if initial_weights is None else initial_weights.detach().cpu().numpy()
        super().__init__(network, initial_weights=start)
        # The base class registers its one parameter under two names; the state must hold it once.
        del self._parameters["_weights"]

    @classmethod
    def with_random_angles(
        cls, compiled: CompiledRouter, generator: torch.Generator | None
    ) -> RouterConnector:
        """Return the connector of a circuit whose angles start uniform in [-pi, pi]."""
        angles_W = torch.empty(compiled.router.n_weights)
        torch.nn.init.uniform_(angles_W, -math.pi, math.pi, generator=generator)
        return cls(RouterNetwork(compiled), initial_weights=angles_W)

    @property
    def weight(self) -> Tensor:
        """The circuit's weights, (W,)."""
        try:
            weight = self._parameters["weight"]
        except KeyError as error:  # the base class reads it before it is registered
            raise AttributeError("weight") from error
        assert weight is not None
        return weight

    @property
    def compiled(self) -> CompiledRouter:
        """The compiled router that the network evaluates."""
        network = self.neural_network
        assert isinstance(network, RouterNetwork)
        return network.compiled

    def forward(self, input_data: Tensor | None = None) -> Tensor:
        """Return expectation values, (..., O), for inputs (..., F).

        Raises:
            InputError: If the last dimension is not F.
        """
        network, weight = self.neural_network, self.weight
        assert isinstance(network, RouterNetwork)
        if input_data is None:
            input_data = torch.zeros((1, 0), dtype=weight.dtype, device=weight.device)
        if input_data.shape[-1:] != (network.num_inputs,):
            raise InputError(
                f"the router takes inputs of shape (..., {network.num_inputs}), "
                f"got {tuple(input_data.shape)}"
            )
        if input_data.ndim == 2:
            return _evaluate(input_data, weight, network)
        flat_BF = input_data.reshape(-1, network.num_inputs)
        values_BO = _evaluate(flat_BF, weight, network)
        return values_BO.reshape(*input_data.shape[:-1], values_BO.shape[-1])


def _evaluate(inputs_BF: Tensor, weights_W: Tensor, network: RouterNetwork) -> Tensor:
    needs_gradient = inputs_BF.requires_grad or weights_W.requires_grad
    if inputs_BF.device.type == "cpu" and not (torch.is_grad_enabled() and needs_gradient):
        # No gradient is needed: nothing is kept for a backward pass.
        x_BF, w_W = inputs_BF.detach().double().numpy(), weights_W.detach().double().numpy()
        expected = torch.from_numpy(network.compiled.expectations(x_BF, w_W).values)
        return expected.to(_output_type(inputs_BF, weights_W))
    values: Tensor = _Expectations.apply(inputs_BF, weights_W, network)  # type: ignore[no-untyped-call]
    return values


def _output_type(inputs_BF: Tensor, weights_W: Tensor) -> torch.dtype:
    return inputs_BF.dtype if inputs_BF.dtype.is_floating_point else weights_W.dtype


class _Expectations(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        inputs_BF: Tensor,
        weights_W: Tensor,
        network: RouterNetwork,
    ) -> Tensor:
        on_host = inputs_BF.device.type == "cpu"
        x_BF, w_W = inputs_BF.detach().double(), weights_W.detach().double()
        if on_host:
            values, ctx.pullback = network.compiled.vjp(x_BF.numpy(), w_W.numpy())
            values = torch.from_numpy(values)
        else:
            values, ctx.pullback = network.compiled.vjp(x_BF, w_W)
        ctx.on_host, ctx.dtypes = on_host, (inputs_BF.dtype, weights_W.dtype)
        expectations: Tensor = values.to(_output_type(inputs_BF, weights_W))
        return expectations

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401
        gradient_BO: Tensor,
    ) -> tuple[Tensor | None, Tensor, None]:
        if torch.is_grad_enabled():  # create_graph=True
            raise InputError(
                "the circuit's gradient cannot be differentiated again: call backward or grad "
                "without create_graph=True"
            )
        g_BO = gradient_BO.double()
        need_inputs = ctx.needs_input_grad[0]
        by_inputs, by_weights = ctx.pullback(
            g_BO.numpy() if ctx.on_host else g_BO, need_inputs=need_inputs
        )
        if ctx.on_host:
            by_inputs = torch.from_numpy(by_inputs) if need_inputs else None
            by_weights = torch.from_numpy(by_weights)
        inputs_type, weights_type = ctx.dtypes
        return (
            by_inputs.to(inputs_type) if need_inputs else None,
            by_weights.to(weights_type),
            None,
        )
