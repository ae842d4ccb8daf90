"""What every backend promises, asked of every backend and engine."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import GlobalPhaseGate
from qiskit.quantum_info import SparsePauliOp, Statevector

from qmoe_qiskit.backends import ENGINES, Backend, CompiledRouter, open_backend
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from qmoe_qiskit.typing import FloatArray

ROUNDING = 1e-11
# Without noise a device is as exact as the statevector.
OPENED = [*(("statevector", engine) for engine in ENGINES), ("noisy:ideal", "auto")]


@pytest.fixture(params=OPENED, ids="-".join)
def backend(request: pytest.FixtureRequest) -> Backend:
    spec, engine = request.param
    return open_backend(spec, seed=1, engine=engine)


@pytest.fixture(params=[*OPENED, ("runtime:fake_manila", "auto")], ids="-".join)
def sampled_too(request: pytest.FixtureRequest) -> Backend:
    """Also one whose values come from shots, through IBM's primitives."""
    spec, engine = request.param
    return open_backend(spec, seed=1, engine=engine)


def controlled_router() -> RouterCircuit:
    """Two-qubit rotations about every axis, controlled ones, sums of angles."""
    x, w = ParameterVector("x", 2), ParameterVector("w", 4)
    c = QuantumCircuit(3)
    c.h(range(3))
    c.rz(x[0] + w[3], 0)
    c.rzx(x[1] - 0.3, 0, 2)
    c.ryy(2 * w[0], 1, 2)
    c.rxx(w[1], 0, 1)
    c.crx(w[2], 2, 1)
    c.cp(w[0] + x[0], 1, 0)
    c.u(w[1], x[1], 0.2, 2)
    c.barrier()
    c.ry(0.7, range(3))
    observables = (SparsePauliOp("ZIZ"), SparsePauliOp.from_list([("IIZ", 0.5), ("ZZZ", -1)]))
    return RouterCircuit(circuit=c, inputs=x, weights=w, observables=observables)


def no_inputs() -> RouterCircuit:
    w = ParameterVector("w", 2)
    c = QuantumCircuit(2)
    c.ry(w[0], 0)
    c.cx(0, 1)
    c.rx(w[1], 1)
    observables = (SparsePauliOp("ZI"),)
    return RouterCircuit(
        circuit=c, inputs=ParameterVector("x", 0), weights=w, observables=observables
    )


def no_weights() -> RouterCircuit:
    x = ParameterVector("x", 1)
    c = QuantumCircuit(1)
    c.rx(x[0], 0)
    observables = (SparsePauliOp("Z"),)
    return RouterCircuit(
        circuit=c, inputs=x, weights=ParameterVector("w", 0), observables=observables
    )


def global_phase() -> RouterCircuit:
    x, w = ParameterVector("x", 1), ParameterVector("w", 1)
    c = QuantumCircuit(1, global_phase=w[0] - 0.2)
    c.append(GlobalPhaseGate(0.3), [])
    c.ry(x[0], 0)
    return RouterCircuit(circuit=c, inputs=x, weights=w, observables=(SparsePauliOp("Z"),))


def constant() -> RouterCircuit:
    x, w = ParameterVector("x", 2), ParameterVector("w", 1)
    c = QuantumCircuit(1)
    c.ry(0.4, 0)
    return RouterCircuit(circuit=c, inputs=x, weights=w, observables=(SparsePauliOp("Z"),))


ROUTERS = {
    "paper": angle_router(2, 3),
    "controlled": controlled_router(),
    "no inputs": no_inputs(),
    "no weights": no_weights(),
    "no parameters": constant(),
    "global phase": global_phase(),
}


@pytest.fixture(params=ROUTERS)
def router(request: pytest.FixtureRequest) -> RouterCircuit:
    return ROUTERS[request.param]


@pytest.fixture
def compiled(backend: Backend, router: RouterCircuit) -> CompiledRouter:
    return backend.compile(router)


@pytest.fixture
def paper(backend: Backend) -> CompiledRouter:
    return backend.compile(ROUTERS["paper"])


@pytest.fixture
def point(router: RouterCircuit, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    return rng.uniform(-4, 4, (3, router.n_inputs)), rng.uniform(-4, 4, router.n_weights)


def test_its_name_opens_it_again(sampled_too: Backend) -> None:
    assert open_backend(sampled_too.name).name == sampled_too.name


def test_compiled_router_describes_itself(compiled: CompiledRouter, router: RouterCircuit) -> None:
    assert compiled.router is router
    assert len(compiled.physical_qubits) == router.n_qubits
    assert max(compiled.physical_qubits) < compiled.isa_circuit.num_qubits
    assert set(compiled.isa_circuit.parameters) == set(router.circuit.parameters)


def test_expectations_are_exact(
    compiled: CompiledRouter, router: RouterCircuit, point: tuple[FloatArray, FloatArray]
) -> None:
    inputs_BF, weights_W = point
    result = compiled.expectations(inputs_BF, weights_W)
    states = [Statevector(router.bind(inputs_F, weights_W)) for inputs_F in inputs_BF]
    exact = [[s.expectation_value(o).real for o in router.observables] for s in states]
    assert result.values.dtype == result.std_errors.dtype == np.float64
    np.testing.assert_allclose(result.values, exact, rtol=0, atol=ROUNDING)
    np.testing.assert_array_equal(result.std_errors, np.zeros((3, router.n_outputs)))
    assert result.shots is None


def test_jacobian_is_the_slope_of_the_expectations(
    compiled: CompiledRouter, router: RouterCircuit, point: tuple[FloatArray, FloatArray]
) -> None:
    inputs_BF, weights_W = point
    by_inputs, by_weights = compiled.jacobian(inputs_BF, weights_W)
    assert by_inputs.shape == (3, router.n_outputs, router.n_inputs)
    assert by_weights.shape == (3, router.n_outputs, router.n_weights)
    assert by_inputs.dtype == by_weights.dtype == np.float64
    step = 1e-4
    for slopes, n, which in ((by_inputs, router.n_inputs, 0), (by_weights, router.n_weights, 1)):
        for k, direction in enumerate(step * np.eye(n)):
            ahead, behind = list(point), list(point)
            ahead[which], behind[which] = point[which] + direction, point[which] - direction
            rise = compiled.expectations(*ahead).values - compiled.expectations(*behind).values
            np.testing.assert_allclose(slopes[:, :, k], rise / (2 * step), rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_pullback_contracts_the_jacobian_in_kind(
    kind: str,
    compiled: CompiledRouter,
    router: RouterCircuit,
    point: tuple[FloatArray, FloatArray],
) -> None:
    gradient_BO = np.cos(np.arange(3.0 * router.n_outputs)).reshape(3, -1)
    by_inputs, by_weights = compiled.jacobian(*point)
    convert, type_ = (np.array, np.ndarray) if kind == "numpy" else (torch.tensor, torch.Tensor)
    inputs, weights, gradient = (convert(a) for a in (*point, gradient_BO))
    values, pullback = compiled.vjp(inputs, weights)
    d_inputs, d_weights = pullback(gradient)
    nothing, d_weights_again = pullback(gradient, need_inputs=False)
    assert nothing is None
    for array in (values, d_inputs, d_weights, d_weights_again):
        assert isinstance(array, type_)
        assert str(array.dtype).endswith("float64")
    close = partial(np.testing.assert_allclose, rtol=0, atol=ROUNDING)
    close(values, compiled.expectations(*point).values)
    expected_W = np.einsum("bo,bow->w", gradient_BO, by_weights)
    close(d_inputs, np.einsum("bo,bof->bf", gradient_BO, by_inputs))
    close(d_weights, expected_W)
    close(d_weights_again, expected_W)
    _, of_rows = compiled.vjp(inputs, weights)[1](gradient, need_inputs=False, per_sample=True)
    assert isinstance(of_rows, type_)
    close(of_rows, np.einsum("bo,bow->bw", gradient_BO, by_weights))


def test_empty_batches_give_empty_results(compiled: CompiledRouter, router: RouterCircuit) -> None:
    inputs_BF, weights_W = np.zeros((0, router.n_inputs)), np.zeros(router.n_weights)
    assert compiled.expectations(inputs_BF, weights_W).values.shape == (0, router.n_outputs)
    by_inputs, by_weights = compiled.jacobian(inputs_BF, weights_W)
    assert by_inputs.shape == (0, router.n_outputs, router.n_inputs)
    assert by_weights.shape == (0, router.n_outputs, router.n_weights)
    values, pullback = compiled.vjp(inputs_BF, weights_W)
    d_inputs, d_weights = pullback(np.zeros_like(values))
    assert d_inputs is not None
    assert d_inputs.shape == inputs_BF.shape
    np.testing.assert_array_equal(d_weights, np.zeros(router.n_weights))


@pytest.mark.parametrize("numbers", [[[0, 1], [2, 3]], np.array([[0, 1], [2, 3]], np.float32)])
def test_numbers_of_other_types_are_taken(paper: CompiledRouter, numbers: FloatArray) -> None:
    weights = np.zeros(18, dtype=int)
    expected = paper.expectations(np.array([[0.0, 1.0], [2.0, 3.0]]), np.zeros(18)).values
    values = paper.expectations(numbers, weights).values
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("method", ["expectations", "jacobian"])
@pytest.mark.parametrize(
    ("inputs_shape", "weights_shape", "message"),
    [
        ((2,), (18,), r"inputs must have shape \(B, 2\), got \(2,\)"),
        ((1, 3), (18,), r"inputs must have shape \(B, 2\), got \(1, 3\)"),
        ((1, 1, 2), (18,), r"inputs must have shape \(B, 2\), got \(1, 1, 2\)"),
        ((1, 2), (17,), r"weights must have shape \(18,\), got \(17,\)"),
        ((1, 2), (1, 18), r"weights must have shape \(18,\), got \(1, 18\)"),
        ((1, 2), (3, 2, 3), r"weights must have shape \(18,\), got \(3, 2, 3\)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(
    method: str,
    inputs_shape: tuple[int, ...],
    weights_shape: tuple[int, ...],
    message: str,
    sampled_too: Backend,
) -> None:
    paper = sampled_too.compile(ROUTERS["paper"])
    with pytest.raises(InputError, match=message):
        getattr(paper, method)(np.zeros(inputs_shape), np.zeros(weights_shape))


@pytest.mark.parametrize("method", ["expectations", "jacobian"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused_with_their_place(
    method: str, value: float, sampled_too: Backend
) -> None:
    paper = sampled_too.compile(ROUTERS["paper"])
    inputs_BF, weights_W = np.zeros((3, 2)), np.zeros(18)
    inputs_BF[2, 1] = value
    with pytest.raises(InputError, match=rf"inputs\[2, 1\] is {value}"):
        getattr(paper, method)(inputs_BF, weights_W)
    weights_W[7] = value
    with pytest.raises(InputError, match=rf"weights\[7\] is {value}"):
        getattr(paper, method)(np.zeros((3, 2)), weights_W)


def one_qubit(circuit: QuantumCircuit, x: ParameterVector) -> RouterCircuit:
    observables = (SparsePauliOp("Z"),)
    return RouterCircuit(
        circuit=circuit, inputs=x, weights=ParameterVector("w", 0), observables=observables
    )


def test_compile_refuses_what_is_not_unitary(backend: Backend) -> None:
    x = ParameterVector("x", 1)
    circuit = QuantumCircuit(1)
    circuit.rx(x[0], 0)
    circuit.reset(0)
    with pytest.raises(InputError, match="reset"):
        backend.compile(one_qubit(circuit, x))


def test_compile_refuses_what_is_not_real(sampled_too: Backend) -> None:
    x = ParameterVector("x", 1)
    circuit = QuantumCircuit(1)
    circuit.rx(1j * x[0] * x[0], 0)
    with pytest.raises(InputError, match="not real"):
        sampled_too.compile(one_qubit(circuit, x))


@pytest.mark.timeout(20)
def test_compile_refuses_gates_without_content(sampled_too: Backend) -> None:
    x = ParameterVector("x", 1)
    inner = QuantumCircuit(1, name="mystery")
    inner.rx(x[0], 0)
    gate = inner.to_gate()
    gate.definition = None
    circuit = QuantumCircuit(1)
    circuit.append(gate, [0])
    with pytest.raises(InputError, match="mystery"):
        sampled_too.compile(one_qubit(circuit, x))


def test_compile_refuses_too_many_qubits(sampled_too: Backend) -> None:
    with pytest.raises(InputError, match=r"40 qubits.* (at most|has) \d+"):
        sampled_too.compile(angle_router(40, 1))
