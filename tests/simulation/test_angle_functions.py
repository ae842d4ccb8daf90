"""Angles that are functions: values by Qiskit's own numbers, derivatives by torch's."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterExpression, ParameterVector

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError, UndefinedAngleError
from qmoe_qiskit.simulation import StatevectorProgram
from qmoe_qiskit.simulation.angle_table import AngleRows

X, W = ParameterVector("x", 2), ParameterVector("w", 2)
Function = Callable[[Any], Any]

# As an expression of Qiskit, and in torch: x and y are the inputs, w and v the weights.
CASES: dict[str, tuple[ParameterExpression, Function]] = {
    "product of inputs": (X[0] * X[1], lambda t: t.x * t.y),
    "feature map": (
        2 * (math.pi - X[0]) * (math.pi - X[1]),
        lambda t: 2 * (math.pi - t.x) * (math.pi - t.y),
    ),
    "input times weight": (X[0] * W[0] + 0.3, lambda t: t.x * t.w + 0.3),
    "weights alone": (W[0] * W[1] - W[0], lambda t: t.w * t.v - t.w),
    "first power": ((X[0] + 1) ** 1, lambda t: t.x + 1),
    "square": (X[0] ** 2, lambda t: t.x**2),
    "inverse": (1 / (X[0] * X[0] + 1), lambda t: 1 / (t.x * t.x + 1)),
    "root": ((W[0] ** 2 + 0.5) ** 0.5, lambda t: (t.w**2 + 0.5) ** 0.5),
    "power of both": ((X[1] ** 2 + 0.5) ** W[0], lambda t: (t.y**2 + 0.5) ** t.w),
    "sine": (X[0].sin(), lambda t: torch.sin(t.x)),
    "cosine": (W[0].cos(), lambda t: torch.cos(t.w)),
    "tangent": ((X[0] / 3).tan(), lambda t: torch.tan(t.x / 3)),
    "arcsine": ((X[0] / 4).arcsin(), lambda t: torch.arcsin(t.x / 4)),
    "arccosine": ((W[0] / 4).arccos(), lambda t: torch.arccos(t.w / 4)),
    "arctangent": (X[0].arctan(), lambda t: torch.arctan(t.x)),
    "exponential": ((X[0] - W[0]).exp(), lambda t: torch.exp(t.x - t.w)),
    "logarithm": ((X[0] ** 2 + W[0] ** 2).log(), lambda t: torch.log(t.x**2 + t.w**2)),
    "absolute value": ((X[0] - W[0]).abs(), lambda t: torch.abs(t.x - t.w)),
    "sign": (X[0].sign() * W[0], lambda t: torch.sign(t.x) * t.w),
    "conjugate": ((X[0] * W[1]).conjugate(), lambda t: t.x * t.v),
    # Qiskit 2.6 finds the slope 0 for the first, and cannot evaluate the second at 0.
    "difference of exponentials": (
        X[0].exp() - (-X[0]).exp(),
        lambda t: torch.exp(t.x) - torch.exp(-t.x),
    ),
    "cancelled denominator": (3 * X[0] * X[0] / X[0], lambda t: 3 * t.x),
    "nested": (
        (X[0] * W[0]).sin() * (X[1] + W[1]) ** 3,
        lambda t: torch.sin(t.x * t.w) * (t.y + t.v) ** 3,
    ),
}


@pytest.fixture
def inputs_BF(rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(-1.5, 1.5, (5, 2))


@pytest.fixture
def weights_W(rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(-1.5, 1.5, 2)


@pytest.mark.parametrize("name", CASES)
def test_functions_and_their_derivatives(
    name: str, inputs_BF: np.ndarray, weights_W: np.ndarray
) -> None:
    expression, by_torch = CASES[name]
    rows = AngleRows(X, W)
    rows.add(expression)
    table = rows.table()
    x_BF = torch.tensor(inputs_BF, requires_grad=True)
    w_BW = torch.tensor(weights_W).expand(5, 2).clone().requires_grad_()
    (x, y), (w, v) = x_BF.T, w_BW.T
    angles_B = by_torch(SimpleNamespace(x=x, y=y, w=w, v=v))
    expected = torch.autograd.grad(angles_B.sum(), [x_BF, w_BW], allow_unused=True)
    np.testing.assert_allclose(
        table.angles(inputs_BF, weights_W)[:, 0], angles_B.detach(), rtol=1e-14, atol=1e-14
    )
    slopes = table.chain(inputs_BF, weights_W, np.ones((5, 1, 1)))
    for found, reference in zip(slopes, expected, strict=True):
        wanted = np.zeros((5, 2)) if reference is None else reference.numpy()
        np.testing.assert_allclose(found[:, 0], wanted, rtol=1e-12, atol=1e-13)


def every_case() -> RouterCircuit:
    """All functions in one circuit, with affine angles between them."""
    circuit = QuantumCircuit(2)
    for number, (expression, _) in enumerate(CASES.values()):
        circuit.ry(expression, number % 2)
        circuit.rzz(X[0] - 0.5 * W[1], 0, 1)
    return RouterCircuit(circuit=circuit, inputs=X, weights=W, observables=["ZI", "XY"])


def test_all_of_them_in_a_circuit(
    inputs_BF: np.ndarray, weights_W: np.ndarray, qiskit_values: Any, qiskit_slopes: Any
) -> None:
    router = every_case()
    program = StatevectorProgram(router)
    np.testing.assert_allclose(
        program.expectations(inputs_BF, weights_W),
        qiskit_values(router, inputs_BF, weights_W),
        atol=1e-12,
    )
    by_inputs, by_weights = program.jacobian(inputs_BF, weights_W)
    expected = qiskit_slopes(router, inputs_BF, weights_W)
    scale = max(1.0, *(float(np.abs(e).max()) for e in expected))
    np.testing.assert_allclose(by_inputs, expected[0], atol=1e-6 * scale)
    np.testing.assert_allclose(by_weights, expected[1], atol=1e-6 * scale)

    gradient_BO = np.linspace(-1, 1, 10).reshape(5, 2)
    _, tape = program.vjp(inputs_BF, weights_W)
    d_inputs, d_weights = program.pullback(tape, gradient_BO)
    np.testing.assert_allclose(d_inputs, np.einsum("bo,bof->bf", gradient_BO, by_inputs), atol=1e-9)
    summed = np.einsum("bo,bow->w", gradient_BO, by_weights)
    np.testing.assert_allclose(d_weights, summed, rtol=1e-9)
    _, tape = program.vjp(inputs_BF, weights_W)
    nothing, alone = program.pullback(tape, gradient_BO, need_inputs=False)
    assert nothing is None
    np.testing.assert_allclose(alone, summed, rtol=1e-9)
    _, tape = program.vjp(inputs_BF, weights_W)
    _, of_rows = program.pullback(tape, gradient_BO, per_sample=True)
    of_each = np.einsum("bo,bow->bw", gradient_BO, by_weights)
    np.testing.assert_allclose(of_rows, of_each, rtol=1e-9, atol=1e-12)


def test_torch_tensors_stay_torch_tensors(inputs_BF: np.ndarray, weights_W: np.ndarray) -> None:
    program = StatevectorProgram(every_case())
    gradient_BO = np.linspace(-1, 1, 10).reshape(5, 2)
    values, tape = program.vjp(inputs_BF, weights_W)
    gradients = program.pullback(tape, gradient_BO)
    tensors = torch.tensor(inputs_BF), torch.tensor(weights_W)
    torch_values, torch_tape = program.vjp(*tensors)
    torch_gradients = program.pullback(torch_tape, torch.tensor(gradient_BO))
    assert isinstance(torch_values, torch.Tensor)
    np.testing.assert_allclose(torch_values, values, atol=1e-12)
    for found, reference in zip(torch_gradients, gradients, strict=True):
        np.testing.assert_allclose(found, reference, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("spec", ["statevector", "noisy:ideal"])
def test_where_a_function_is_not_defined(spec: str) -> None:
    """The comparison with Aer looks for points where it is, and users are told where it is not."""
    circuit = QuantumCircuit(1)
    circuit.rx((X[0] - 1.5).log() + W[0].arcsin(), 0)
    router = RouterCircuit(circuit=circuit, inputs=X, weights=W, observables="Z")
    compiled = open_backend(spec, seed=0).compile(router)
    inputs_BF, weights_W = np.array([[2.5, 0.0], [1.0, 0.0]]), np.array([0.5, 0.0])
    value = compiled.expectations(inputs_BF[:1], weights_W).values[0, 0]
    assert value == pytest.approx(math.cos(math.asin(0.5)), abs=1e-12)
    with pytest.raises(UndefinedAngleError, match=r"angle .*log.* is nan for row 1 of the batch"):
        compiled.expectations(inputs_BF, weights_W)
    with pytest.raises(UndefinedAngleError, match="nan"):
        compiled.vjp(inputs_BF, weights_W)


@pytest.mark.parametrize("angle", [1j * X[0] * W[0], (1j * X[0]).sin() * W[0]])
def test_angles_are_real(angle: ParameterExpression) -> None:
    circuit = QuantumCircuit(1)
    circuit.rx(angle, 0)
    with pytest.raises(InputError, match="not real"):
        StatevectorProgram(RouterCircuit(circuit=circuit, inputs=X, weights=W, observables="Z"))


@pytest.mark.parametrize("angle", [2 ** X[0], (2 ** X[0]) * W[0], 2 ** X[0] + 1])
def test_what_qiskit_cannot_write_in_sympy_is_refused(angle: ParameterExpression) -> None:
    circuit = QuantumCircuit(1)
    circuit.rx(angle, 0)
    router = RouterCircuit(circuit=circuit, inputs=X, weights=W, observables="Z")
    with pytest.raises(InputError, match=r"2\*\*x\[0\].* cannot be written in SymPy: .* exp"):
        StatevectorProgram(router)
