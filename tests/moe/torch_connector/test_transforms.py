"""The router under torch's transforms: on every backend, and in how many calls.

That the transforms are right is in `moe/torch_behaviour`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp
from torch import Tensor
from torch.func import functional_call, grad, hessian, jacrev, vmap

from qmoe_qiskit.backends import CompiledRouter, open_backend
from qmoe_qiskit.backends.gradients.second_derivatives import TwiceDifferentiable
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe.torch_connector import RouterConnector, RouterNetwork

if TYPE_CHECKING:
    from collections.abc import Callable

# torch scripts its own formulas of forward mode when they are first used.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")


def compile_on(backend: str, n_layers: int = 1) -> CompiledRouter:
    engine = {"engine": "aer"} if backend == "aer" else {}
    opened = open_backend("statevector" if backend == "aer" else backend, **engine)
    return opened.compile(angle_router(2, n_layers))


def connector_on(backend: str) -> RouterConnector:
    compiled = compile_on(backend)
    return RouterConnector(
        RouterNetwork(compiled), torch.linspace(-1, 2, compiled.router.n_weights)
    )


@pytest.fixture(params=["statevector", "aer", "noisy:ideal"])
def connector(request: pytest.FixtureRequest) -> RouterConnector:
    return connector_on(request.param).double()


@pytest.fixture
def inputs_BF(rng: np.random.Generator) -> Tensor:
    return torch.from_numpy(rng.uniform(-3, 3, (5, 2)))


def loss_by_weights(connector: RouterConnector) -> Callable[[Tensor, Tensor], Tensor]:
    def loss(weights_W: Tensor, inputs: Tensor) -> Tensor:
        values = functional_call(connector, {"weight": weights_W}, (inputs,))
        loss: Tensor = values.square().sum()
        return loss

    return loss


# Change in place


@pytest.mark.parametrize("changed", ["weights", "inputs"])
def test_change_in_place_is_noticed(
    changed: str, connector: RouterConnector, inputs_BF: Tensor
) -> None:
    loss = connector(inputs_BF).sum()
    with torch.no_grad():
        (connector.weight if changed == "weights" else inputs_BF).add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("backend", ["statevector", "aer", "noisy:ideal"])
def test_pullback_belongs_to_the_arrays_as_they_were(
    backend: str, rng: np.random.Generator
) -> None:
    compiled = compile_on(backend)
    x_BF, w_W = rng.uniform(-3, 3, (4, 2)), rng.uniform(-3, 3, 6)
    gradient_BO = rng.normal(size=(4, 2))
    by_inputs, by_weights = compiled.jacobian(x_BF, w_W)
    _, pullback = compiled.vjp(x_BF, w_W)
    w_W += 1
    d_inputs, d_weights = pullback(gradient_BO)
    exact: Any = {"rtol": 0, "atol": 1e-12}
    np.testing.assert_allclose(d_inputs, np.einsum("bo,bof->bf", gradient_BO, by_inputs), **exact)
    np.testing.assert_allclose(d_weights, np.einsum("bo,bow->w", gradient_BO, by_weights), **exact)


# Numbers that are not finite


def evaluate(connector: RouterConnector, inputs_BF: Tensor) -> Tensor:
    values: Tensor = connector(inputs_BF)
    return values


def without_gradients(connector: RouterConnector, inputs_BF: Tensor) -> Tensor:
    with torch.no_grad():
        return evaluate(connector, inputs_BF)


def mapped(connector: RouterConnector, inputs_BF: Tensor) -> Tensor:
    return vmap(connector)(inputs_BF)


def compiled(connector: RouterConnector, inputs_BF: Tensor) -> Tensor:
    program = torch.compile(connector, fullgraph=True, backend="eager")
    try:
        values: Tensor = program(inputs_BF)
    finally:
        torch._dynamo.reset()
    return values


@pytest.mark.parametrize("evaluate", [evaluate, without_gradients, mapped, compiled])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(
    value: float,
    evaluate: Callable[[RouterConnector, Tensor], Tensor],
    connector: RouterConnector,
    inputs_BF: Tensor,
) -> None:
    spoilt_BF = inputs_BF.clone()
    spoilt_BF[3, 1] = value
    with pytest.raises(InputError) as caught:
        evaluate(connector, spoilt_BF)
    assert str(caught.value) == f"inputs[3, 1] is {value}: angles must be finite"
    with torch.no_grad():
        connector.weight[2] = value
    with pytest.raises(InputError) as caught:
        evaluate(connector, inputs_BF)
    assert str(caught.value) == f"weights[2] is {value}: angles must be finite"


def test_large_numbers_are_finite(connector: RouterConnector) -> None:
    """Though the sum of their squares is not."""
    assert connector(torch.full((1, 2), 1e200, dtype=torch.float64)).isfinite().all()


# Second derivatives


@pytest.mark.parametrize("observables", [["ZI", "IZ"], ["XY", "ZZ"]])
@pytest.mark.parametrize("backend", ["statevector", "noisy:ideal", "noisy:ibm_torino"])
def test_second_derivatives(backend: str, observables: list[str], rng: np.random.Generator) -> None:
    """The judge: central differences of first derivatives, with an error of the step's square."""
    router = angle_router(2, 1).with_observables(observables)
    compiled: Any = open_backend(backend, seed=0).compile(router)
    assert isinstance(compiled, TwiceDifferentiable)
    step = 1e-4
    x_BF, w_W = rng.uniform(-3, 3, (3, 2)), rng.uniform(-3, 3, 6)

    def slopes(change_P: np.ndarray) -> np.ndarray:
        moved = compiled.jacobian(x_BF + step * change_P[:2], w_W + step * change_P[2:])
        return np.concatenate(moved, axis=2)

    wanted = np.stack([(slopes(e) - slopes(-e)) / (2 * step) for e in np.eye(8)], axis=-1)
    actual = compiled.hessian(x_BF, w_W)
    assert actual.shape == (3, 2, 8, 8)
    # Values are at most 1, so that each third derivative is at most 1 per combination of rotations.
    np.testing.assert_allclose(actual, wanted, rtol=0, atol=10 * step**2)
    assert np.abs(actual).max() > 0.1


@pytest.mark.parametrize("settings", [{"mitigation": "zne"}, {"shots": 100}])
def test_second_derivatives_of_sums_of_circuits(settings: dict[str, Any]) -> None:
    """Exact ones have them; where shots are drawn, there are none."""
    router = angle_router(2, 1).with_observables(["XY", "ZZ"])
    compiled = open_backend("noisy:ibm_torino", seed=0, **settings).compile(router)
    assert isinstance(compiled, TwiceDifferentiable) is ("shots" not in settings)


def test_second_derivatives_of_angles_that_are_no_sums(rng: np.random.Generator) -> None:
    """Products of inputs and weights, functions of either; the judge is as above."""
    x, w = ParameterVector("x", 2), ParameterVector("w", 3)
    circuit = QuantumCircuit(2)
    circuit.h([0, 1])
    circuit.rzz(2 * (np.pi - x[0]) * (np.pi - x[1]), 0, 1)
    circuit.ry(w[0] * x[0] + x[1], 0)
    circuit.rx((w[1] * w[2]).sin() + 0.5 * w[0], 1)
    circuit.cx(0, 1)
    circuit.ry(w[2] ** 2, 0)
    router = RouterCircuit(
        circuit=circuit, inputs=x, weights=w, observables=(SparsePauliOp("ZZ"), SparsePauliOp("IX"))
    )
    compiled: Any = open_backend("statevector").compile(router)
    x_BF, w_W, step = rng.uniform(-1, 1, (3, 2)), rng.uniform(-1, 1, 3), 1e-4

    def slopes(change_P: np.ndarray) -> np.ndarray:
        moved = compiled.jacobian(x_BF + step * change_P[:2], w_W + step * change_P[2:])
        return np.concatenate(moved, axis=2)

    wanted = np.stack([(slopes(e) - slopes(-e)) / (2 * step) for e in np.eye(5)], axis=-1)
    # The steepest angle has a slope of 2 (pi + 1) < 9, to the third power, times step^2 / 6.
    np.testing.assert_allclose(compiled.hessian(x_BF, w_W), wanted, rtol=0, atol=1000 * step**2)
    assert np.abs(wanted).max() > 1


def test_second_derivatives_in_blocks(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: Any = compile_on("statevector")
    x_BF, w_W = rng.uniform(-3, 3, (7, 2)), rng.uniform(-3, 3, 6)
    whole = compiled.hessian(x_BF, w_W)
    monkeypatch.setattr(
        "qmoe_qiskit.backends.gradients.second_derivatives._BLOCK_NUMBERS", 2 * 8**2 * 2 * 3
    )
    np.testing.assert_allclose(compiled.hessian(x_BF, w_W), whole, rtol=0, atol=1e-14)
    assert compiled.hessian(x_BF[:0], w_W).shape == (0, 2, 8, 8)


def test_first_derivatives_only(inputs_BF: Tensor) -> None:
    connector = connector_on("aer").double()
    loss = loss_by_weights(connector)
    weights_W = connector.weight.detach()
    slope_W = grad(loss)(weights_W, inputs_BF)
    (wanted_W,) = torch.autograd.grad(connector(inputs_BF).square().sum(), connector.weight)
    torch.testing.assert_close(slope_W, wanted_W, rtol=0, atol=1e-13)
    with pytest.raises(InputError, match="this backend gives first derivatives only"):
        hessian(loss)(weights_W, inputs_BF)
    inputs_BF.requires_grad_()
    (by_inputs,) = torch.autograd.grad(connector(inputs_BF).sum(), inputs_BF, create_graph=True)
    with pytest.raises(InputError, match="cannot be differentiated again"):
        by_inputs.sum().backward()


def test_third_derivatives_are_refused(inputs_BF: Tensor) -> None:
    connector = connector_on("statevector").double()
    with pytest.raises(InputError, match="second derivatives are the highest"):
        jacrev(hessian(lambda x: connector(x).sum()))(inputs_BF[:1])


# How many calls


@pytest.fixture
def counted(noting: Any) -> RouterConnector:
    return RouterConnector(RouterNetwork(noting)).double()


def test_mapped_inputs_are_one_batch(noting: Any, counted: RouterConnector) -> None:
    vmap(vmap(counted))(torch.zeros(3, 4, 2).double())
    assert noting.calls == ["expectations"]


def test_gradients_per_sample_are_one_jacobian(
    noting: Any, counted: RouterConnector, inputs_BF: Tensor
) -> None:
    loss = loss_by_weights(counted)
    vmap(grad(loss), in_dims=(None, 0))(counted.weight.detach(), inputs_BF)
    assert noting.calls == ["expectations", "jacobian"]


def test_jacobian_is_one_jacobian(noting: Any, counted: RouterConnector, inputs_BF: Tensor) -> None:
    jacrev(counted)(inputs_BF)
    assert noting.calls == ["expectations", "jacobian"]


def test_members_of_an_ensemble_are_one_call_each(
    noting: Any, counted: RouterConnector, inputs_BF: Tensor
) -> None:
    weights_MW = torch.stack([counted.weight.detach()] * 3)
    loss = loss_by_weights(counted)
    vmap(loss, in_dims=(0, None))(weights_MW, inputs_BF)
    assert noting.calls == ["expectations"] * 3
    noting.calls.clear()
    vmap(grad(loss), in_dims=(0, None))(weights_MW, inputs_BF)
    assert noting.calls == ["expectations"] * 3 + ["vjp"] * 3


def test_a_gradient_is_one_sweep_back(
    noting: Any, counted: RouterConnector, inputs_BF: Tensor
) -> None:
    grad(loss_by_weights(counted))(counted.weight.detach(), inputs_BF)
    assert noting.calls == ["expectations", "vjp"]
