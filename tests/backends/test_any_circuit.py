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


def slopes_of(router: RouterCircuit, x_F: FloatArray, w_W: FloatArray, step: float) -> FloatArray:
    """Return the derivatives by both inputs and both weights, (O, 4), by the five-point rule."""
    rises = []
    for direction in step * np.eye(4):
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
    for seed in range(many if whole else few):
        rng = np.random.default_rng(seed)
        router = random_router(rng)
        inputs_F, weights_W = rng.uniform(-1, 1, 2), rng.uniform(-1, 1, 2)
        compiled = open_backend(spec, seed=0).compile(router)
        values = compiled.expectations(inputs_F[None], weights_W).values[0]
        expected = state_values(router, inputs_F, weights_W)
        np.testing.assert_allclose(values, expected, atol=1e-9, err_msg=f"seed {seed}")

        slopes = np.concatenate(compiled.jacobian(inputs_F[None], weights_W), axis=-1)[0]
        reference = slopes_of(router, inputs_F, weights_W, STEP)
        coarse = slopes_of(router, inputs_F, weights_W, 2 * STEP)
        tolerance = float(np.abs(reference - coarse).max()) + ROUNDING * max(
            1.0, float(np.abs(reference).max())
        )
        np.testing.assert_allclose(slopes, reference, atol=tolerance, err_msg=f"seed {seed}")
