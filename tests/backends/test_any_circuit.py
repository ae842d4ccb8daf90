"""Random circuits of every kind of gate: values and gradients by qiskit.quantum_info."""

from __future__ import annotations

import numpy as np
import pytest
from circuits.any_circuit import random_router, state_values

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.typing import FloatArray

# Twice the step makes the five-point rule's error 16 times larger: the difference of the two bounds
# the error of the smaller step, up to rounding.
STEP, ROUNDING = 1e-3, 1e-9


def slopes_along(
    directions_D4: FloatArray, router: RouterCircuit, x_F: FloatArray, w_W: FloatArray, step: float
) -> FloatArray:
    """Return the derivatives along directions of inputs and weights, (O, D), by five points."""
    rises = []
    for direction in step * directions_D4:
        at = {
            k: state_values(router, x_F + k * direction[:2], w_W + k * direction[2:])
            for k in (-2, -1, 1, 2)
        }
        rises.append((at[-2] - 8 * at[-1] + 8 * at[1] - at[2]) / (12 * step))
    return np.stack(rises, axis=-1)


@pytest.mark.parametrize(
    ("spec", "few", "many"), [("statevector", 25, 1000), ("noisy:ideal", 6, 200)]
)
def test_any_circuit_has_the_right_values_and_gradients(
    spec: str, few: int, many: int, whole: bool
) -> None:
    """The sample takes derivatives along one direction, in which all inputs and weights change."""
    for seed in range(many if whole else few):
        rng = np.random.default_rng(seed)
        router = random_router(rng)
        inputs_F, weights_W = rng.uniform(-1, 1, 2), rng.uniform(-1, 1, 2)
        compiled = open_backend(spec, seed=0).compile(router)
        values = compiled.expectations(inputs_F[None], weights_W).values[0]
        expected = state_values(router, inputs_F, weights_W)
        np.testing.assert_allclose(values, expected, atol=1e-9, err_msg=f"seed {seed}")

        directions_D4 = np.eye(4)
        if not whole:
            directions_D4 = rng.choice([-1, 1], (1, 4)) * rng.uniform(0.3, 0.6, (1, 4))
        jacobian = np.concatenate(compiled.jacobian(inputs_F[None], weights_W), axis=-1)[0]
        slopes = jacobian @ directions_D4.T
        reference, coarse = (
            slopes_along(directions_D4, router, inputs_F, weights_W, step)
            for step in (STEP, 2 * STEP)
        )
        tolerance = float(np.abs(reference - coarse).max()) + ROUNDING * max(
            1.0, float(np.abs(reference).max())
        )
        np.testing.assert_allclose(slopes, reference, atol=tolerance, err_msg=f"seed {seed}")
