"""The density-matrix engine: random circuits under random channels, against Qiskit."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, note, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp

from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.simulation import DensityProgram, StatevectorProgram, diagonals, engine
from qmoe_qiskit.simulation.lowering import lower

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.typing import FloatArray

    Routers = Callable[..., st.SearchStrategy[RouterCircuit]]

ROUNDING = 1e-10
# Of the finite differences; see STEP in conftest.py.
DIFFERENCES = 1e-6
SIX_QUBITS = 8 * 4**6  # bytes of a state

half = settings(max_examples=settings().max_examples // 2)
few = settings(max_examples=max(2, settings().max_examples // 6))


def close(actual: Any, expected: FloatArray, *, within: float = ROUNDING) -> None:
    actual = np.asarray(actual)
    assert actual.dtype == np.float64
    np.testing.assert_allclose(actual, expected, rtol=0, atol=within)


def random_case(
    data: st.DataObject, n_qubits: int, random_routers: Routers, random_noise: Any
) -> tuple[Any, FloatArray, FloatArray]:
    router = data.draw(random_routers(n_qubits, inputs=(0, 1, 2), weights=(0, 1, 2, 3)))
    note(str(router.draw()))
    seed = data.draw(st.integers(0, 2**32 - 1), label="seed")
    noisy = random_noise(router, seed)
    rng = np.random.default_rng(seed)
    n_samples = data.draw(st.integers(1, 3), label="samples")
    inputs_BF = rng.uniform(-np.pi, np.pi, (n_samples, router.n_inputs))
    return noisy, inputs_BF, rng.uniform(-np.pi, np.pi, router.n_weights)


# One block of qubits up to 2, two of them up to 4: gates and channels lie within a block, across
# both, and on qubits that are not neighbours.
@pytest.mark.parametrize("n_qubits", [1, 2, 3, 4])
@given(data=st.data())
@half
def test_values_are_those_of_qiskit(
    data: st.DataObject, n_qubits: int, random_routers: Routers, random_noise: Any
) -> None:
    noisy, inputs_BF, weights_W = random_case(data, n_qubits, random_routers, random_noise)
    values = noisy.program().expectations(inputs_BF, weights_W)
    close(values, noisy.values(inputs_BF, weights_W))


@pytest.mark.parametrize("n_qubits", [1, 2, 3, 4])
@given(data=st.data())
@few
def test_derivatives_are_finite_differences_of_qiskits_values(
    data: st.DataObject, n_qubits: int, random_routers: Routers, random_noise: Any
) -> None:
    noisy, inputs_BF, weights_W = random_case(data, n_qubits, random_routers, random_noise)
    by_inputs, by_weights = noisy.program().jacobian(inputs_BF, weights_W)
    expected = noisy.slopes(inputs_BF, weights_W)
    close(by_inputs, expected[0], within=DIFFERENCES)
    close(by_weights, expected[1], within=DIFFERENCES)


@pytest.mark.parametrize("array", [np.array, torch.tensor], ids=["numpy", "torch"])
@pytest.mark.parametrize("n_qubits", [1, 2, 3, 4])
@given(data=st.data())
@few
def test_pullback_contracts_the_jacobian_in_kind(
    data: st.DataObject,
    n_qubits: int,
    array: Callable[[FloatArray], Any],
    random_routers: Routers,
    random_noise: Any,
) -> None:
    noisy, inputs_BF, weights_W = random_case(data, n_qubits, random_routers, random_noise)
    program = noisy.program()
    by_inputs, by_weights = program.jacobian(inputs_BF, weights_W)
    gradient_BO = np.random.default_rng(7).normal(size=(len(inputs_BF), noisy.router.n_outputs))
    inputs, weights, gradient = array(inputs_BF), array(weights_W), array(gradient_BO)

    values, tape = program.vjp(inputs, weights)
    close(values, program.expectations(inputs_BF, weights_W))
    d_inputs, d_weights = program.pullback(tape, gradient)
    assert type(values) is type(d_inputs) is type(d_weights) is type(inputs)
    expected = np.einsum("bo,bow->w", gradient_BO, by_weights)
    close(d_inputs, np.einsum("bo,bof->bf", gradient_BO, by_inputs))
    close(d_weights, expected)
    nothing, d_weights = program.pullback(tape, gradient, need_inputs=False)
    assert nothing is None
    close(d_weights, expected)
    for ours, theirs in zip(
        program.jacobian(inputs, weights), (by_inputs, by_weights), strict=True
    ):
        close(ours, theirs)


@pytest.mark.parametrize("n_qubits", [1, 3, 4])
@given(data=st.data())
@few
def test_without_channels_it_is_the_statevector_engine(
    data: st.DataObject, n_qubits: int, random_routers: Routers
) -> None:
    router = data.draw(random_routers(n_qubits))
    rng = np.random.default_rng(1)
    inputs_BF = rng.uniform(-np.pi, np.pi, (2, router.n_inputs))
    weights_W = rng.uniform(-np.pi, np.pi, router.n_weights)
    pure, mixed = StatevectorProgram(router), exact(router)
    close(mixed.expectations(inputs_BF, weights_W), pure.expectations(inputs_BF, weights_W))
    slopes = zip(
        mixed.jacobian(inputs_BF, weights_W), pure.jacobian(inputs_BF, weights_W), strict=True
    )
    for ours, theirs in slopes:
        close(ours, theirs)


def exact(router: RouterCircuit) -> DensityProgram:
    gates, table = lower(router)
    return DensityProgram(gates, table, router.n_qubits, diagonals(router.observables))


def uploads_between_channels() -> RouterCircuit:
    """Inputs, weights and both in one angle, before, between and behind entangling gates."""
    x, w = ParameterVector("x", 2), ParameterVector("w", 3)
    c = QuantumCircuit(3)
    for qubit in range(3):
        c.h(qubit)
        c.rx(x[0] + 0.3 * qubit, qubit)
        c.ry(w[0] - x[1], qubit)
        c.rz(x[1], qubit)
    c.cx(0, 2)
    c.ry(x[0] + w[1], 2)
    c.rzz(x[1], 0, 2)
    c.rxx(w[2], 1, 2)
    c.rx(x[0], 1)
    observables = tuple(SparsePauliOp(label) for label in ("ZII", "IZI", "IIZ", "ZIZ"))
    return RouterCircuit(circuit=c, inputs=x, weights=w, observables=observables)


@pytest.mark.parametrize(
    "round_", [0, 1, *(pytest.param(i, marks=pytest.mark.trial) for i in range(2, 5))]
)
def test_channels_between_uploads(round_: int, random_noise: Any, rng: np.random.Generator) -> None:
    noisy = random_noise(uploads_between_channels(), round_)
    inputs_BF, weights_W = rng.uniform(-4, 4, (2, 2)), rng.uniform(-4, 4, 3)
    program = noisy.program()
    close(program.expectations(inputs_BF, weights_W), noisy.values(inputs_BF, weights_W))
    expected = noisy.slopes(inputs_BF, weights_W)
    for ours, theirs in zip(program.jacobian(inputs_BF, weights_W), expected, strict=True):
        close(ours, theirs, within=DIFFERENCES)


# (samples that fill a chunk, bytes kept for the sweep back); a state of 32 kB, two of which are
# pooled.
MEMORY = {
    "one chunk": (1024, 1 << 30),
    "chunks": (3, 1 << 30),
    "recomputed": (1024, 0),
    "recomputed in chunks": (3, 0),
    "a chunk per sample": (0, 1 << 30),
}


@pytest.fixture(scope="module")
def six_qubits(every_path: RouterCircuit, random_noise: Any) -> Any:
    return random_noise(every_path, 11)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Seven samples, their derivatives one at a time, and the first two by Qiskit."""

    inputs_BF: FloatArray
    weights_W: FloatArray
    gradient_BO: FloatArray
    by_inputs: FloatArray
    by_weights: FloatArray
    qiskits: FloatArray


@pytest.fixture(scope="module")
def batch(six_qubits: Any) -> Batch:
    rng = np.random.default_rng(3)
    router, program = six_qubits.router, six_qubits.program()
    inputs_BF = rng.uniform(-np.pi, np.pi, (7, router.n_inputs))
    weights_W = rng.uniform(-np.pi, np.pi, router.n_weights)
    apart = [program.jacobian(row[None], weights_W) for row in inputs_BF]
    by_inputs, by_weights = (np.concatenate(parts) for parts in zip(*apart, strict=True))
    return Batch(
        inputs_BF=inputs_BF,
        weights_W=weights_W,
        gradient_BO=rng.normal(size=(7, router.n_outputs)),
        by_inputs=by_inputs,
        by_weights=by_weights,
        qiskits=six_qubits.values(inputs_BF[:2], weights_W),
    )


@pytest.mark.parametrize(
    "array",
    [
        pytest.param(np.array, id="numpy"),
        pytest.param(torch.tensor, id="torch", marks=pytest.mark.trial),
    ],
)
@pytest.mark.parametrize("memory", MEMORY)
def test_memory_does_not_change_the_numbers(
    memory: str,
    six_qubits: Any,
    batch: Batch,
    array: Callable[[FloatArray], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = six_qubits.program()
    chunk_samples, tape_bytes = MEMORY[memory]
    monkeypatch.setattr(engine, "CHUNK_BYTES", chunk_samples * SIX_QUBITS)
    monkeypatch.setattr(engine, "TAPE_BYTES", tape_bytes)
    given = (batch.inputs_BF, batch.weights_W, batch.gradient_BO)
    inputs, weights, gradient = (array(one) for one in given)
    for _ in range(2):  # the second time in used memory
        values, tape = program.vjp(inputs, weights)
        close(values[:2], batch.qiskits)
        close(program.expectations(inputs, weights), np.asarray(values))
        for _ in range(2):  # the tape serves twice
            d_inputs, d_weights = program.pullback(tape, gradient)
            close(d_inputs, np.einsum("bo,bof->bf", batch.gradient_BO, batch.by_inputs))
            close(d_weights, np.einsum("bo,bow->w", batch.gradient_BO, batch.by_weights))
        again = program.jacobian(inputs, weights)
        close(again[0], batch.by_inputs)
        close(again[1], batch.by_weights)


def test_empty_batches(six_qubits: Any) -> None:
    router, program = six_qubits.router, six_qubits.program()
    inputs_BF, weights_W = np.zeros((0, router.n_inputs)), np.ones(router.n_weights)
    values, tape = program.vjp(inputs_BF, weights_W)
    assert values.shape == (0, router.n_outputs)
    d_inputs, d_weights = program.pullback(tape, values)
    assert d_inputs.shape == inputs_BF.shape
    close(d_weights, np.zeros(router.n_weights))
    by_inputs, by_weights = program.jacobian(inputs_BF, weights_W)
    assert by_inputs.shape == (0, router.n_outputs, router.n_inputs)
    assert by_weights.shape == (0, router.n_outputs, router.n_weights)


def pickled(program: Any) -> Any:
    return pickle.loads(pickle.dumps(program))  # noqa: S301 - our own


@pytest.mark.parametrize("again", [copy.deepcopy, pickled])
def test_copies_evaluate_alike(again: Callable[[Any], Any], six_qubits: Any) -> None:
    router, program = six_qubits.router, six_qubits.program()
    inputs_BF, weights_W = np.full((2, router.n_inputs), 0.4), np.full(router.n_weights, 0.7)
    program.expectations(torch.tensor(inputs_BF), torch.tensor(weights_W))  # not carried along
    copied = again(program)
    for kind in (np.array, torch.tensor):
        inputs, weights = kind(inputs_BF), kind(weights_W)
        ours = program.expectations(inputs, weights)
        np.testing.assert_array_equal(copied.expectations(inputs, weights), ours)
