"""Packed noisy routers: each slot against the backend on its qubits, all of them against Aer."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from qiskit.quantum_info import Statevector

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.backends.slots.noisy import PackedNoisyRouter
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.noise_profiles import load_profile
from qmoe_qiskit.typing import FloatArray

DEVICE = "noisy:ibm_lagos"


@pytest.fixture(scope="module")
def packed() -> PackedNoisyRouter:
    compiled = open_backend(DEVICE, slots=2, seed=3).compile(angle_router(2, 2))
    assert isinstance(compiled, PackedNoisyRouter)
    return compiled


@pytest.fixture(scope="module")
def alone(packed: PackedNoisyRouter) -> list[Any]:
    return [
        open_backend(DEVICE, seed=3, qubits=slot.circuit.active).compile(packed.router)
        for slot in packed.slots
    ]


def sample(rng: np.random.Generator, n: int, router: Any) -> tuple[FloatArray, FloatArray]:
    return rng.uniform(-3, 3, (n, router.n_inputs)), rng.uniform(-3, 3, router.n_weights)


def test_values_are_those_of_one_slot_or_the_other(
    packed: PackedNoisyRouter, alone: list[Any], rng: np.random.Generator
) -> None:
    inputs, weights = sample(rng, 9, packed.router)
    found = packed.expectations(inputs, weights)
    assert found.shots is None
    assert (found.std_errors == 0).all()
    each = np.array([one.expectations(inputs, weights).values for one in alone])
    both = [*each, each.mean(axis=0)]
    rows_KB = packed._drawn(9).points_RK.T
    for b in range(9):
        slots = [k for k, rows in enumerate(rows_KB) if b in rows]
        wanted = both[2] if len(slots) == 2 else both[slots[0]]
        assert found.values[b] == pytest.approx(wanted[b], abs=1e-12)
    # Nine samples on two slots: five rows, and one sample runs in both.
    assert sum(len(rows) for rows in rows_KB) == 10
    assert packed.n_slots == 2
    assert packed.expected_error == pytest.approx(np.mean([one.expected_error for one in alone]))


def test_a_single_sample_is_the_mean_over_slots(
    packed: PackedNoisyRouter, alone: list[Any], rng: np.random.Generator
) -> None:
    inputs, weights = sample(rng, 1, packed.router)
    mean = np.mean([one.expectations(inputs, weights).values for one in alone], axis=0)
    assert packed.expectations(inputs, weights).values == pytest.approx(mean, abs=1e-12)


def test_derivatives(packed: PackedNoisyRouter, rng: np.random.Generator) -> None:
    """Finite differences: which sample runs where does not depend on the numbers."""
    inputs, weights = sample(rng, 5, packed.router)
    d_inputs, d_weights = packed.jacobian(inputs, weights)
    step = 1e-5
    for w in (0, 7):
        change = step * np.eye(len(weights))[w]
        above, below = (packed.expectations(inputs, weights + s * change).values for s in (1, -1))
        assert d_weights[..., w] == pytest.approx((above - below) / (2 * step), abs=1e-8)
    change = np.array([step, 0.0])
    above, below = (packed.expectations(inputs + s * change, weights).values for s in (1, -1))
    assert d_inputs[..., 0] == pytest.approx((above - below) / (2 * step), abs=1e-8)

    gradient = rng.normal(size=(5, packed.router.n_outputs))
    for convert in (np.asarray, torch.from_numpy):
        values, back = packed.vjp(convert(inputs), convert(weights))
        assert np.asarray(values) == pytest.approx(
            packed.expectations(inputs, weights).values, abs=1e-12
        )
        by_inputs, by_weights = back(convert(gradient))
        assert np.asarray(by_inputs) == pytest.approx(
            np.einsum("bo,bof->bf", gradient, d_inputs), abs=1e-12
        )
        assert np.asarray(by_weights) == pytest.approx(
            np.einsum("bo,bow->w", gradient, d_weights), abs=1e-12
        )
        assert back(convert(gradient), need_inputs=False)[0] is None
        assert np.asarray(back(convert(gradient), per_sample=True)[1]) == pytest.approx(
            np.einsum("bo,bow->bw", gradient, d_weights), abs=1e-12
        )


@pytest.mark.parametrize(("device", "n_qubits", "count"), [("ibm_lagos", 2, 2), ("ibm_fez", 2, 3)])
def test_the_whole_circuit_by_aer(
    device: str,
    n_qubits: int,
    count: int,
    aer_values: Callable[..., tuple[FloatArray, float]],
    rng: np.random.Generator,
) -> None:
    """Aer's density matrix of all slots together, under the device's noise."""
    router = angle_router(n_qubits, 2)
    packed = open_backend(f"noisy:{device}", slots=count).compile(router)
    assert isinstance(packed, PackedNoisyRouter)
    all_slots = packed.placed.router
    assert (all_slots.n_inputs, all_slots.n_outputs) == (2 * count, 2 * count)
    inputs, weights = sample(rng, count, router)
    together = SimpleNamespace(
        router=all_slots,
        device_circuit=packed.device_circuit,
        physical_qubits=packed.physical_qubits,
    )
    values, missing = aer_values(load_profile(device), together, inputs.reshape(1, -1), weights)
    one_by_one = [
        compiled.expectations(inputs[k : k + 1], weights).values[0]
        for k, compiled in enumerate(packed._compiled)
    ]
    assert values[0] == pytest.approx(np.concatenate(one_by_one), abs=5e-9 + missing)


def test_routed_slots_have_a_layout(rng: np.random.Generator) -> None:
    """Three qubits in a ring need swaps: observables find them by Qiskit's layout."""
    router = angle_router(3, 1)
    packed = open_backend("noisy:ibm_fez", slots=2, spacing=0).compile(router)
    isa, copies = packed.isa_circuit, packed.placed.router  # type: ignore[attr-defined]
    inputs, weights = sample(rng, 2, router)
    exact = open_backend("statevector").compile(router).expectations(inputs, weights).values
    active = sorted(q for s in packed.slots for q in s.circuit.active)  # type: ignore[attr-defined]
    numbers = dict(zip([*copies.inputs, *copies.weights], [*inputs.ravel(), *weights], strict=True))
    bound = isa.assign_parameters({p: numbers[p] for p in isa.parameters})
    from qiskit import QuantumCircuit

    compact = QuantumCircuit(len(active), global_phase=bound.global_phase)
    for step in bound.data:
        if step.operation.name != "barrier":
            compact.append(
                step.operation, [active.index(bound.find_bit(q).index) for q in step.qubits]
            )
    state = Statevector(compact)
    for o, observable in enumerate(copies.observables):
        laid_out = observable.apply_layout(isa.layout)
        (label,) = laid_out.paulis.to_labels()
        assert {156 - 1 - k for k, letter in enumerate(label) if letter != "I"} <= set(active)
        here = "".join(label[156 - 1 - q] for q in reversed(active))
        value = state.expectation_value(type(observable)(here, laid_out.coeffs)).real
        assert value == pytest.approx(exact.ravel()[o], abs=1e-9)


def test_shots(rng: np.random.Generator) -> None:
    router = angle_router(2, 1)
    shots, n = 400, 40
    inputs, weights = sample(rng, n, router)
    exact = open_backend(DEVICE, slots=2, seed=3).compile(router).expectations(inputs, weights)
    first, again, other = (
        open_backend(DEVICE, slots=2, shots=shots, seed=s)
        .compile(router)
        .expectations(inputs, weights)
        for s in (3, 3, 4)
    )
    assert (first.values == again.values).all()
    assert (first.values != other.values).any()
    assert first.shots == shots
    # 80 numbers of which none lies 5 standard errors away, but for 1 test in 20 000.
    assert (np.abs(first.values - exact.values) < 5 * np.maximum(first.std_errors, 0.02)).all()


def test_mitigation(rng: np.random.Generator) -> None:
    """Each slot's readout errors are undone by its own calibration."""
    router = angle_router(2, 1)
    inputs, weights = sample(rng, 1, router)
    packed = open_backend(DEVICE, slots=2, mitigation="readout").compile(router)
    alone = [
        open_backend(DEVICE, mitigation="readout", qubits=slot.circuit.active).compile(router)
        for slot in packed.slots  # type: ignore[attr-defined]
    ]
    mean = np.mean([one.expectations(inputs, weights).values for one in alone], axis=0)
    assert packed.expectations(inputs, weights).values == pytest.approx(mean, abs=1e-12)
