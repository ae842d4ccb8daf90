"""The router under torch: beside the stock connector, and by itself."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp
from qiskit_machine_learning.connectors import TorchConnector
from torch import Tensor, nn

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe.torch_connector import RouterConnector, RouterNetwork

if TYPE_CHECKING:
    from collections.abc import Callable


# Spacing of float32 near 1, for sums of up to 10 numbers of that size.
FLOAT32 = 1e-6


def draw(seed: int, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 6 * torch.rand(shape, generator=generator, dtype=dtype) - 3


def weight_gradient(connector: nn.Module) -> Tensor:
    weight = connector.weight
    assert isinstance(weight, Tensor)
    assert weight.grad is not None
    return weight.grad.clone()


def gradients(
    connector: nn.Module, inputs_BF: Tensor, gradient_BO: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Values, and the gradients of inputs and weights."""
    inputs_BF = inputs_BF.clone().requires_grad_()
    connector.zero_grad()
    values = connector(inputs_BF)
    torch.autograd.backward(values, gradient_BO)
    assert inputs_BF.grad is not None
    return values.detach(), inputs_BF.grad, weight_gradient(connector)


def test_stock_connector_gives_the_same(network: RouterNetwork) -> None:
    weights_W = draw(0, 18, dtype=torch.float32)
    ours = RouterConnector(network, initial_weights=weights_W)
    stock = TorchConnector(network, initial_weights=weights_W.numpy())
    inputs_BF, gradient_BO = draw(1, 5, 2).float(), draw(2, 5, 2).float()
    expected = gradients(stock, inputs_BF, gradient_BO)
    for actual, wanted in zip(gradients(ours, inputs_BF, gradient_BO), expected, strict=True):
        assert actual.dtype == torch.float32
        # Each is a sum over up to 10 products of numbers below 3.
        torch.testing.assert_close(actual, wanted.float(), rtol=0, atol=30 * FLOAT32)


def test_double_precision_is_exact(network: RouterNetwork) -> None:
    weights_W, inputs_BF, gradient_BO = draw(0, 18), draw(1, 5, 2), draw(2, 5, 2)
    connector = RouterConnector(network).double()
    with torch.no_grad():
        connector.weight.copy_(weights_W)
    values, d_inputs, d_weights = gradients(connector, inputs_BF, gradient_BO)
    x_BF, w_W, g_BO = inputs_BF.numpy(), weights_W.numpy(), gradient_BO.numpy()
    by_inputs, by_weights = network.compiled.jacobian(x_BF, w_W)
    exact = partial(np.testing.assert_allclose, rtol=0, atol=1e-13)
    exact(values, network.compiled.expectations(x_BF, w_W).values)
    exact(d_inputs, np.einsum("bo,bof->bf", g_BO, by_inputs))
    exact(d_weights, np.einsum("bo,bow->w", g_BO, by_weights))


def test_gradcheck_by_inputs_and_weights(network: RouterNetwork) -> None:
    connector = RouterConnector(network, initial_weights=draw(0, 18)).double()
    inputs_BF = draw(1, 3, 2).requires_grad_()

    def evaluate(inputs_BF: Tensor, _: Tensor) -> Tensor:
        value = connector(inputs_BF)
        assert isinstance(value, Tensor)
        return value

    # gradcheck moves the weights in place.
    assert torch.autograd.gradcheck(evaluate, (inputs_BF, connector.weight))
    torch.autograd.backward(connector(inputs_BF).sum())
    assert weight_gradient(connector).abs().max() > 0.1


@pytest.mark.parametrize("leading", [(), (1,), (4,), (2, 3), (2, 1, 3), (0,), (2, 0)])
def test_inputs_of_any_leading_shape(leading: tuple[int, ...], network: RouterNetwork) -> None:
    connector = RouterConnector(network, initial_weights=draw(0, 18))
    inputs = draw(1, *leading, 2).requires_grad_()
    gradient = draw(2, *leading, 2)
    values = connector(inputs)
    assert values.shape == (*leading, 2)
    values.backward(gradient)
    d_weights = weight_gradient(connector)
    assert inputs.grad is not None
    assert inputs.grad.shape == inputs.shape

    flat_BF = inputs.detach().reshape(-1, 2).requires_grad_()
    connector.zero_grad()
    expected = connector(flat_BF)
    expected.backward(gradient.reshape(-1, 2))
    torch.testing.assert_close(values.reshape(-1, 2), expected)
    torch.testing.assert_close(inputs.grad.reshape(-1, 2), flat_BF.grad)
    torch.testing.assert_close(d_weights, weight_gradient(connector))


@pytest.mark.parametrize("shape", [(3,), (1,), (4, 3), (2, 2, 1), ()])
def test_other_last_dimensions_are_refused(shape: tuple[int, ...], network: RouterNetwork) -> None:
    with pytest.raises(InputError) as caught:
        RouterConnector(network)(torch.zeros(shape))
    assert "(..., 2)" in str(caught.value)
    assert str(shape) in str(caught.value)


@pytest.mark.parametrize("shape", [(17,), (19,), (18, 1), (1,), ()])
def test_other_weights_are_refused(shape: tuple[int, ...], network: RouterNetwork) -> None:
    weights = torch.zeros(shape)
    with pytest.raises(InputError, match=r"weights of shape \(18,\)"):
        RouterConnector(network, initial_weights=weights)
    with pytest.raises(InputError, match=r"weights of shape \(18,\)"):
        torch.func.functional_call(
            RouterConnector(network), {"weight": weights}, (torch.zeros(4, 2),)
        )


@pytest.mark.parametrize(
    ("inputs_type", "weights_type", "expected"),
    [
        (torch.float32, torch.float32, torch.float32),
        (torch.float64, torch.float32, torch.float64),
        (torch.float32, torch.float64, torch.float32),
        (torch.float16, torch.float32, torch.float16),
        (torch.bfloat16, torch.float32, torch.bfloat16),
        (torch.int64, torch.float32, torch.float32),
    ],
)
def test_values_keep_the_inputs_type_and_gradients_their_own(
    inputs_type: torch.dtype,
    weights_type: torch.dtype,
    expected: torch.dtype,
    network: RouterNetwork,
) -> None:
    connector = RouterConnector(network).to(weights_type)
    values = connector(torch.tensor([[1, 2], [3, -1]], dtype=inputs_type))
    assert values.dtype == expected
    values.sum().backward()
    assert weight_gradient(connector).dtype == weights_type


def test_one_sweep_forward_and_one_back(noting: Any) -> None:
    connector = RouterConnector(RouterNetwork(noting))
    connector(torch.zeros(4, 2)).sum().backward()
    assert noting.calls == ["vjp"]
    assert len(noting.need_inputs) == 1


@pytest.mark.parametrize("wanted", [True, False])
def test_input_gradients_are_computed_only_where_wanted(*, wanted: bool, noting: Any) -> None:
    connector = RouterConnector(RouterNetwork(noting))
    inputs_BF = draw(1, 4, 2).requires_grad_(wanted)
    connector(inputs_BF).sum().backward()
    assert noting.need_inputs == [wanted]
    assert (inputs_BF.grad is not None) == wanted
    assert connector.weight.grad is not None


def test_frozen_weights_still_pass_gradients_to_the_inputs(network: RouterNetwork) -> None:
    connector = RouterConnector(network, initial_weights=draw(0, 18))
    inputs_BF = draw(1, 4, 2).requires_grad_()
    connector(inputs_BF).sum().backward()
    expected = inputs_BF.grad
    connector.requires_grad_(False)
    connector.zero_grad()
    again_BF = inputs_BF.detach().clone().requires_grad_()
    connector(again_BF).sum().backward()
    torch.testing.assert_close(again_BF.grad, expected)
    assert connector.weight.grad is None


def test_backward_twice_adds_the_gradient_twice(network: RouterNetwork) -> None:
    connector = RouterConnector(network, initial_weights=draw(0, 18))
    loss = connector(draw(1, 4, 2)).square().sum()
    loss.backward(retain_graph=True)
    once = weight_gradient(connector)
    loss.backward()
    torch.testing.assert_close(weight_gradient(connector), 2 * once)


def test_two_batches_in_one_graph(network: RouterNetwork) -> None:
    connector = RouterConnector(network, initial_weights=draw(0, 18))
    one_BF, other_BF = draw(1, 4, 2), draw(2, 3, 2)
    parts = []
    for inputs_BF in (one_BF, other_BF):
        connector.zero_grad()
        connector(inputs_BF).sum().backward()
        parts.append(weight_gradient(connector))
    connector.zero_grad()
    (connector(one_BF).sum() + 2 * connector(other_BF).sum()).backward()
    torch.testing.assert_close(weight_gradient(connector), parts[0] + 2 * parts[1])


def test_gradients_through_what_stands_in_front(network: RouterNetwork) -> None:
    """The chain rule: x -> 2 x in front of the router doubles its input gradients."""
    connector = RouterConnector(network, initial_weights=draw(0, 18))
    inputs_BF = draw(1, 4, 2).requires_grad_()
    connector(2 * inputs_BF).sum().backward()
    doubled_BF = (2 * inputs_BF.detach()).requires_grad_()
    connector(doubled_BF).sum().backward()
    assert doubled_BF.grad is not None
    torch.testing.assert_close(inputs_BF.grad, 2 * doubled_BF.grad)


def test_no_graph_without_gradients(network: RouterNetwork) -> None:
    connector = RouterConnector(network)
    with torch.no_grad():
        assert not connector(torch.zeros(2, 2)).requires_grad
    with torch.inference_mode():
        assert connector(torch.zeros(2, 2)).shape == (2, 2)


def test_circuit_without_inputs_needs_none(
    network_of: Callable[[RouterCircuit], RouterNetwork],
) -> None:
    w = ParameterVector("w", 1)
    circuit = QuantumCircuit(1)
    circuit.ry(w[0], 0)
    router = RouterCircuit(
        circuit=circuit,
        inputs=ParameterVector("x", 0),
        weights=w,
        observables=(SparsePauliOp("Z"),),
    )
    connector = RouterConnector(network_of(router), initial_weights=torch.tensor([0.3]))
    values = connector()
    values.sum().backward()
    torch.testing.assert_close(values.detach(), torch.tensor([[0.3]]).cos())
    torch.testing.assert_close(weight_gradient(connector), -torch.tensor([0.3]).sin())


def test_one_qubit_and_one_output(network_of: Callable[[RouterCircuit], RouterNetwork]) -> None:
    connector = RouterConnector(network_of(angle_router(1, 1)), initial_weights=torch.zeros(3))
    inputs_BF = torch.tensor([[0.4], [1.2]])
    torch.testing.assert_close(connector(inputs_BF).detach(), inputs_BF.cos())
    torch.testing.assert_close(connector(torch.tensor([0.4])).detach(), torch.tensor([0.4]).cos())


def test_what_was_not_compiled_is_refused() -> None:
    router = angle_router(2, 1)
    compiled = open_backend("statevector").compile(router)
    with pytest.raises(InputError, match="RouterNetwork takes a compiled router, got RouterCirc"):
        RouterNetwork(router)  # type: ignore[arg-type]
    for given in (router, compiled):
        with pytest.raises(InputError, match=r"takes RouterNetwork\(compiled\), got"):
            RouterConnector(given)  # type: ignore[arg-type]
