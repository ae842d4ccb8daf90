"""Values and derivatives of random circuits, against Qiskit and against Aer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.simulation import StatevectorProgram

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.typing import FloatArray

    Routers = Callable[..., st.SearchStrategy[RouterCircuit]]
    Values = Callable[[RouterCircuit, FloatArray, FloatArray], FloatArray]
    Slopes = Callable[[RouterCircuit, FloatArray, FloatArray], tuple[FloatArray, FloatArray]]

ROUNDING = 1e-11
# Of the finite differences; see STEP in conftest.py.
DIFFERENCES = 1e-6

# A share of the profile's examples, so that a profile that explores explores here too.
half = settings(max_examples=settings().max_examples // 2)
few = settings(max_examples=max(2, settings().max_examples // 6))


def random_point(data: st.DataObject, router: RouterCircuit) -> tuple[FloatArray, FloatArray]:
    note(str(router.draw()))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1), label="seed"))
    n_samples = data.draw(st.integers(1, 3), label="samples")
    inputs_BF = rng.uniform(-np.pi, np.pi, (n_samples, router.n_inputs))
    return inputs_BF, rng.uniform(-np.pi, np.pi, router.n_weights)


# One block of qubits up to 4; two and three blocks, so that gates within, across and between
# neighbouring blocks are met.
@pytest.mark.parametrize("n_qubits", [1, 2, 3, 4, 5, 6, 9])
@given(data=st.data())
def test_values_are_those_of_qiskit(
    data: st.DataObject, n_qubits: int, random_routers: Routers, qiskit_values: Values
) -> None:
    router = data.draw(random_routers(n_qubits))
    inputs_BF, weights_W = random_point(data, router)
    expected = qiskit_values(router, inputs_BF, weights_W)
    values = StatevectorProgram(router).expectations(inputs_BF, weights_W)
    assert values.dtype == np.float64
    np.testing.assert_allclose(values, expected, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("n_qubits", [1, 2, 3, 4, 5, 6])
@given(data=st.data())
@few
def test_derivatives_are_finite_differences_of_qiskits_values(
    data: st.DataObject, n_qubits: int, random_routers: Routers, qiskit_slopes: Slopes
) -> None:
    router = data.draw(random_routers(n_qubits))
    inputs_BF, weights_W = random_point(data, router)
    by_inputs, by_weights = StatevectorProgram(router).jacobian(inputs_BF, weights_W)
    expected = qiskit_slopes(router, inputs_BF, weights_W)
    np.testing.assert_allclose(by_inputs, expected[0], rtol=0, atol=DIFFERENCES)
    np.testing.assert_allclose(by_weights, expected[1], rtol=0, atol=DIFFERENCES)


@pytest.mark.parametrize("n_qubits", [1, 2, 3, 4, 5, 6, 9])
@given(data=st.data())
@half
def test_pullback_contracts_the_jacobian(
    data: st.DataObject, n_qubits: int, random_routers: Routers
) -> None:
    router = data.draw(random_routers(n_qubits))
    inputs_BF, weights_W = random_point(data, router)
    program = StatevectorProgram(router)
    by_inputs, by_weights = program.jacobian(inputs_BF, weights_W)
    gradient_BO = np.random.default_rng(7).normal(size=(len(inputs_BF), router.n_outputs))

    values, tape = program.vjp(inputs_BF, weights_W)
    np.testing.assert_array_equal(values, program.expectations(inputs_BF, weights_W))
    d_inputs, d_weights = program.pullback(tape, gradient_BO)
    assert d_inputs is not None
    expected = np.einsum("bo,bow->w", gradient_BO, by_weights)
    np.testing.assert_allclose(
        d_inputs, np.einsum("bo,bof->bf", gradient_BO, by_inputs), rtol=0, atol=ROUNDING
    )
    np.testing.assert_allclose(d_weights, expected, rtol=0, atol=ROUNDING)

    _, tape = program.vjp(inputs_BF, weights_W)
    nothing, d_weights = program.pullback(tape, gradient_BO, need_inputs=False)
    assert nothing is None
    np.testing.assert_allclose(d_weights, expected, rtol=0, atol=ROUNDING)

    _, tape = program.vjp(inputs_BF, weights_W)
    _, of_rows = program.pullback(tape, gradient_BO, need_inputs=False, per_sample=True)
    of_each = np.einsum("bo,bow->bw", gradient_BO, by_weights)
    np.testing.assert_allclose(of_rows, of_each, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("n_qubits", [1, 3, 5])
@given(data=st.data())
@few
def test_values_and_parameter_shifts_are_those_of_aer(
    data: st.DataObject, n_qubits: int, random_routers: Routers
) -> None:
    router = data.draw(random_routers(n_qubits))
    inputs_BF, weights_W = random_point(data, router)
    aer = open_backend("statevector", engine="aer").compile(router)
    program = StatevectorProgram(router)
    np.testing.assert_allclose(
        program.expectations(inputs_BF, weights_W),
        aer.expectations(inputs_BF, weights_W).values,
        rtol=0,
        atol=ROUNDING,
    )
    shifts = aer.jacobian(inputs_BF, weights_W)
    for ours, theirs in zip(program.jacobian(inputs_BF, weights_W), shifts, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("n_qubits", [1, 3, 5])
@given(data=st.data())
@few
def test_circuits_without_inputs(
    data: st.DataObject,
    n_qubits: int,
    random_routers: Routers,
    qiskit_values: Values,
    qiskit_slopes: Slopes,
) -> None:
    router = data.draw(random_routers(n_qubits, inputs=(0,)))
    inputs_BF, weights_W = random_point(data, router)
    program = StatevectorProgram(router)
    expected = qiskit_values(router, inputs_BF, weights_W)
    values, tape = program.vjp(inputs_BF, weights_W)
    np.testing.assert_allclose(values, expected, rtol=0, atol=ROUNDING)
    by_inputs, by_weights = program.jacobian(inputs_BF, weights_W)
    assert by_inputs.shape == (*expected.shape, 0)
    slopes = qiskit_slopes(router, inputs_BF, weights_W)[1]
    np.testing.assert_allclose(by_weights, slopes, rtol=0, atol=DIFFERENCES)
    d_inputs, d_weights = program.pullback(tape, np.ones_like(values))
    assert d_inputs is not None
    assert d_inputs.shape == inputs_BF.shape
    np.testing.assert_allclose(d_weights, by_weights.sum((0, 1)), rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("n_qubits", [1, 3, 5])
@given(data=st.data())
@few
def test_circuits_without_weights(
    data: st.DataObject,
    n_qubits: int,
    random_routers: Routers,
    qiskit_values: Values,
    qiskit_slopes: Slopes,
) -> None:
    router = data.draw(random_routers(n_qubits, weights=(0,)))
    inputs_BF, weights_W = random_point(data, router)
    program = StatevectorProgram(router)
    values, tape = program.vjp(inputs_BF, weights_W)
    expected = qiskit_values(router, inputs_BF, weights_W)
    np.testing.assert_allclose(values, expected, rtol=0, atol=ROUNDING)
    by_inputs, by_weights = program.jacobian(inputs_BF, weights_W)
    assert by_weights.shape == (*expected.shape, 0)
    slopes = qiskit_slopes(router, inputs_BF, weights_W)[0]
    np.testing.assert_allclose(by_inputs, slopes, rtol=0, atol=DIFFERENCES)
    d_inputs, d_weights = program.pullback(tape, np.ones_like(values))
    assert d_inputs is not None
    assert d_weights.shape == (0,)
    np.testing.assert_allclose(d_inputs, by_inputs.sum(1), rtol=0, atol=ROUNDING)
