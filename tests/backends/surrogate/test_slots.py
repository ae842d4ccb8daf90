"""Surrogates of routers in slots: the mean over slots is one trigonometric polynomial."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qmoe_qiskit.backends import FourierSurrogate, open_backend
from qmoe_qiskit.backends.slots.noisy import PackedNoisyRouter
from qmoe_qiskit.backends.slots.runtime import PackedRouter
from qmoe_qiskit.backends.surrogate import SurrogatePlan
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.errors import SurrogateError

DEVICE = "noisy:ibm_torino"
N_SLOTS = 6


@pytest.fixture(scope="module")
def packed() -> PackedNoisyRouter:
    compiled = open_backend(DEVICE, slots=N_SLOTS, seed=3).compile(angle_router(2, 2))
    assert isinstance(compiled, PackedNoisyRouter)
    return compiled


@pytest.fixture(scope="module")
def alone(packed: PackedNoisyRouter) -> list[Any]:
    return [
        open_backend(DEVICE, seed=3, qubits=slot.circuit.active).compile(packed.router)
        for slot in packed.slots
    ]


def test_exact_surrogate_is_the_mean_over_slots(
    packed: PackedNoisyRouter, alone: list[Any], rng: np.random.Generator
) -> None:
    weights_W = rng.uniform(-3, 3, packed.router.n_weights)
    surrogate = FourierSurrogate.measure(packed, weights_W)
    assert surrogate.check is not None
    assert surrogate.check.passed
    assert surrogate.check.largest_residual < 1e-9
    assert (surrogate.points, surrogate.record.slots) == (9, N_SLOTS)
    inputs_BF = rng.uniform(-9, 9, (200, 2))
    each = [one.expectations(inputs_BF, weights_W).values for one in alone]
    np.testing.assert_allclose(
        surrogate.expectations(inputs_BF).values, np.mean(each, axis=0), atol=1e-9
    )
    assert np.ptp(each, axis=0).max() > 0.02  # the slots do differ


def test_points_in_one_slot_each_are_no_surrogate(
    packed: PackedNoisyRouter, rng: np.random.Generator
) -> None:
    """Without the mean, the check sees that the values belong to several polynomials."""
    weights_W = rng.uniform(-3, 3, packed.router.n_weights)
    plan = SurrogatePlan.make(packed.router)
    one_each = packed.expectations(plan.inputs_BF, weights_W)
    with pytest.raises(SurrogateError, match="slots of unequal noise"):
        FourierSurrogate.from_values(plan, one_each, weights_W, packed)


def test_shots_are_divided_among_slots(
    packed: PackedNoisyRouter, alone: list[Any], rng: np.random.Generator
) -> None:
    weights_W = rng.uniform(-3, 3, packed.router.n_weights)
    compiled = open_backend(DEVICE, slots=N_SLOTS, seed=3, shots=4000).compile(packed.router)
    surrogate = FourierSurrogate.measure(compiled, weights_W)
    in_slot = 667  # 4000 / 6, rounded up
    assert surrogate.shots == N_SLOTS * in_slot
    assert surrogate.executions == 11 * in_slot
    assert surrogate.check is not None
    inputs_BF = rng.uniform(-9, 9, (50, 2))
    exact = np.mean([one.expectations(inputs_BF, weights_W).values for one in alone], axis=0)
    found = surrogate.expectations(inputs_BF)
    # All values follow from 18 independent numbers: none differs by 6 standard errors.
    assert (np.abs(found.values - exact) < 6 * found.std_errors).all()
    # The shots of one place give errors of the same size.
    single = open_backend(DEVICE, seed=3, shots=4000).compile(packed.router)
    errors = FourierSurrogate.measure(single, weights_W).std_errors_PO.mean()
    assert surrogate.std_errors_PO.mean() == pytest.approx(errors, rel=0.2)


def test_on_a_fake(rng: np.random.Generator) -> None:
    backend = open_backend(
        "runtime:fake_lagos", slots=2, shots=4001, seed=1, options={"resilience_level": 0}
    )
    packed = backend.compile(angle_router(2, 1))
    assert isinstance(packed, PackedRouter)
    weights_W = rng.uniform(-3, 3, packed.router.n_weights)
    surrogate = FourierSurrogate.measure(packed, weights_W)
    assert (surrogate.shots, surrogate.executions) == (4002, 11 * 2001)
    assert surrogate.record.physical_qubits == packed.physical_qubits
    noisy = open_backend("noisy:fake_lagos", slots=2, seed=1).compile(packed.router)
    exact = FourierSurrogate.measure(noisy, weights_W)
    distances = (surrogate.values_PO - exact.values_PO) / np.maximum(surrogate.std_errors_PO, 0.003)
    assert np.abs(distances).max() < 6
    work = packed.averaged().work(surrogate.grid.points_PF, weights_W)
    assert (work.shots, work.points_PG.shape) == (2001, (9, 2 * 8))
    for angles_PG in np.split(work.points_PG, 2, axis=1):  # each slot has all points, in its order
        assert {row.tobytes() for row in angles_PG} == {
            row.tobytes() for row in packed._points("values", surrogate.grid.points_PF, weights_W)
        }
    assert work.key != packed.work(surrogate.grid.points_PF, weights_W).key


def test_derivatives_of_the_mean(
    packed: PackedNoisyRouter, alone: list[Any], rng: np.random.Generator
) -> None:
    inputs_BF, weights_W = rng.uniform(-3, 3, (3, 2)), rng.uniform(-3, 3, packed.router.n_weights)
    mean = packed.averaged()
    assert isinstance(mean, PackedNoisyRouter)
    assert mean.averaged() is mean
    each = [one.jacobian(inputs_BF, weights_W)[1] for one in alone]
    found = mean.jacobian(inputs_BF, weights_W)[1]
    np.testing.assert_allclose(found, np.mean(each, axis=0), atol=1e-9)
    values, _ = mean.vjp(inputs_BF, weights_W)
    np.testing.assert_allclose(values, mean.expectations(inputs_BF, weights_W).values, atol=1e-12)
