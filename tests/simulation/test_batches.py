"""Batches of any size, in chunks or not, kept or computed again: always the same numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from qmoe_qiskit.simulation import StatevectorProgram, Tape, engine

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.circuits import RouterCircuit
    from qmoe_qiskit.typing import FloatArray

    Values = Callable[[RouterCircuit, FloatArray, FloatArray], FloatArray]

ROUNDING = 1e-11
# Six qubits: a sample's state takes 1 kB, and the memory pool serves arrays from 64 kB on.
N_SAMPLES = 110

# (samples that fill a chunk, bytes kept for the sweep back)
MEMORY = {
    "one chunk": (1024, 1 << 30),
    "chunks": (25, 1 << 30),
    "pooled chunks": (70, 1 << 30),
    "recomputed": (1024, 0),
    "recomputed in chunks": (25, 0),
    "recomputed in pooled chunks": (70, 0),
    "a chunk per sample": (0, 1 << 30),
}


class Case:
    """A batch, and what is known of it from evaluating one sample at a time."""

    def __init__(self, router: RouterCircuit) -> None:
        rng = np.random.default_rng(3)
        self.router = router
        self.inputs_BF = rng.uniform(-np.pi, np.pi, (N_SAMPLES, router.n_inputs))
        self.weights_W = rng.uniform(-np.pi, np.pi, router.n_weights)
        self.gradient_BO = rng.normal(size=(N_SAMPLES, router.n_outputs))
        program = StatevectorProgram(router)
        values, by_inputs, by_weights = [], [], []
        for inputs_F in self.inputs_BF:
            values.append(program.expectations(inputs_F[None], self.weights_W))
            slopes = program.jacobian(inputs_F[None], self.weights_W)
            by_inputs.append(slopes[0])
            by_weights.append(slopes[1])
        self.values_BO = np.concatenate(values)
        self.by_inputs_BOF = np.concatenate(by_inputs)
        self.by_weights_BOW = np.concatenate(by_weights)
        self.d_inputs_BF = np.einsum("bo,bof->bf", self.gradient_BO, self.by_inputs_BOF)

    def weight_gradient(self, rows: slice = slice(None)) -> FloatArray:
        by_weights, gradient = self.by_weights_BOW[rows], self.gradient_BO[rows]
        return np.asarray(np.einsum("bo,bow->w", gradient, by_weights))


@pytest.fixture(scope="module")
def case(every_path: RouterCircuit) -> Case:
    return Case(every_path)


@pytest.fixture(params=["numpy", "torch"])
def array(request: pytest.FixtureRequest) -> Callable[[FloatArray], object]:
    """From a NumPy array to the kind of array that the program is given."""
    return np.array if request.param == "numpy" else torch.tensor


def close(actual: object, expected: FloatArray) -> None:
    actual = np.asarray(actual)
    assert actual.dtype == np.float64
    np.testing.assert_allclose(actual, expected, rtol=0, atol=ROUNDING)


def test_samples_one_at_a_time_are_qiskits(case: Case, qiskit_values: Values) -> None:
    expected = qiskit_values(case.router, case.inputs_BF[:5], case.weights_W)
    close(case.values_BO[:5], expected)


@pytest.mark.parametrize("memory", MEMORY)
def test_memory_does_not_change_the_numbers(
    memory: str,
    case: Case,
    array: Callable[[FloatArray], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chunk_samples, tape_bytes = MEMORY[memory]
    monkeypatch.setattr(engine, "CHUNK_BYTES", chunk_samples * 16 * 2**case.router.n_qubits)
    monkeypatch.setattr(engine, "TAPE_BYTES", tape_bytes)
    program = StatevectorProgram(case.router)
    inputs, weights = array(case.inputs_BF), array(case.weights_W)
    for _ in range(2):  # the second time in used memory
        close(program.expectations(inputs, weights), case.values_BO)
        values, tape = program.vjp(inputs, weights)
        close(values, case.values_BO)
        d_inputs, d_weights = program.pullback(tape, array(case.gradient_BO))
        close(d_inputs, case.d_inputs_BF)
        close(d_weights, case.weight_gradient())
        by_inputs, by_weights = program.jacobian(inputs, weights)
        close(by_inputs, case.by_inputs_BOF)
        close(by_weights, case.by_weights_BOW)


def test_batches_larger_than_a_chunk_as_delivered(case: Case) -> None:
    n_samples = engine.CHUNK_BYTES // (16 * 2**case.router.n_qubits) + 3
    rows = np.arange(n_samples) % N_SAMPLES
    program = StatevectorProgram(case.router)
    values, tape = program.vjp(case.inputs_BF[rows], case.weights_W)
    close(values, case.values_BO[rows])
    d_inputs, _ = program.pullback(tape, case.gradient_BO[rows])
    close(d_inputs, case.d_inputs_BF[rows])


@pytest.mark.parametrize("n_samples", [0, 1, 2])
def test_small_and_empty_batches(
    n_samples: int, case: Case, array: Callable[[FloatArray], object]
) -> None:
    rows = slice(n_samples)
    program = StatevectorProgram(case.router)
    inputs, weights = array(case.inputs_BF[rows]), array(case.weights_W)
    close(program.expectations(inputs, weights), case.values_BO[rows])
    values, tape = program.vjp(inputs, weights)
    close(values, case.values_BO[rows])
    d_inputs, d_weights = program.pullback(tape, array(case.gradient_BO[rows]))
    close(d_inputs, case.d_inputs_BF[rows])
    close(d_weights, case.weight_gradient(rows))
    by_inputs, by_weights = program.jacobian(inputs, weights)
    close(by_inputs, case.by_inputs_BOF[rows])
    close(by_weights, case.by_weights_BOW[rows])


@pytest.mark.parametrize("tape_bytes", [0, 1 << 30])
def test_a_tape_serves_twice_and_beside_another(
    tape_bytes: int,
    case: Case,
    array: Callable[[FloatArray], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "TAPE_BYTES", tape_bytes)
    program = StatevectorProgram(case.router)
    weights, gradient = array(case.weights_W), array(case.gradient_BO)
    _, tape = program.vjp(array(case.inputs_BF), weights)
    _, other = program.vjp(array(case.inputs_BF[::-1].copy()), weights)
    reversed_gradient = array(case.gradient_BO[::-1].copy())
    for _ in range(2):
        d_inputs, d_weights = program.pullback(tape, gradient)
        close(d_inputs, case.d_inputs_BF)
        close(d_weights, case.weight_gradient())
        d_inputs, d_weights = program.pullback(other, reversed_gradient)
        close(d_inputs, case.d_inputs_BF[::-1])
        close(d_weights, case.weight_gradient())


@pytest.mark.parametrize("memory", ["one chunk", "pooled chunks", "recomputed in pooled chunks"])
def test_results_stay_as_they_were_whatever_comes_after(
    memory: str,
    case: Case,
    array: Callable[[FloatArray], object],
    monkeypatch: pytest.MonkeyPatch,
    rng: np.random.Generator,
) -> None:
    """Calls of all kinds and sizes in random order, with up to three tapes alive."""
    chunk_samples, tape_bytes = MEMORY[memory]
    monkeypatch.setattr(engine, "CHUNK_BYTES", chunk_samples * 16 * 2**case.router.n_qubits)
    monkeypatch.setattr(engine, "TAPE_BYTES", tape_bytes)
    program = StatevectorProgram(case.router)
    weights = array(case.weights_W)
    results: list[tuple[object, FloatArray]] = []
    tapes: list[tuple[Tape, slice]] = []
    for _ in range(60):
        rows = slice(int(rng.choice([1, 7, 69, 70, 71, N_SAMPLES])))
        inputs = array(case.inputs_BF[rows])
        kind = rng.integers(4)
        if kind == 0:
            values = program.expectations(inputs, weights)
            results.append((values, case.values_BO[rows]))
        elif kind == 1:
            values, tape = program.vjp(inputs, weights)
            results.append((values, case.values_BO[rows]))
            tapes = [*tapes[-2:], (tape, rows)]
        elif kind == 2 and tapes:
            tape, rows = tapes[rng.integers(len(tapes))]
            need_inputs = bool(rng.integers(2))
            d_inputs, d_weights = program.pullback(
                tape, array(case.gradient_BO[rows]), need_inputs=need_inputs
            )
            results.append((d_weights, case.weight_gradient(rows)))
            if need_inputs:
                results.append((d_inputs, case.d_inputs_BF[rows]))
        elif kind == 3:
            by_inputs, by_weights = program.jacobian(inputs, weights)
            results += [
                (by_inputs, case.by_inputs_BOF[rows]),
                (by_weights, case.by_weights_BOW[rows]),
            ]
    assert len(results) > 40
    for actual, expected in results:
        close(actual, expected)


def test_arguments_are_left_alone(case: Case) -> None:
    program = StatevectorProgram(case.router)
    arguments = [case.inputs_BF, case.weights_W, case.gradient_BO]
    before = [a.copy() for a in arguments]
    _, tape = program.vjp(case.inputs_BF, case.weights_W)
    program.pullback(tape, case.gradient_BO)
    program.jacobian(case.inputs_BF, case.weights_W)
    for now, then in zip(arguments, before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_any_memory_layout_is_read(case: Case) -> None:
    program = StatevectorProgram(case.router)
    inputs_BF = np.asfortranarray(case.inputs_BF)
    weights_W = np.repeat(case.weights_W, 2)[::2]
    gradient_BO = np.broadcast_to(case.gradient_BO[:1], case.gradient_BO.shape)
    _, tape = program.vjp(inputs_BF, weights_W)
    d_inputs, d_weights = program.pullback(tape, gradient_BO)
    close(d_inputs, np.einsum("bo,bof->bf", gradient_BO, case.by_inputs_BOF))
    close(d_weights, np.einsum("bo,bow->w", gradient_BO, case.by_weights_BOW))
