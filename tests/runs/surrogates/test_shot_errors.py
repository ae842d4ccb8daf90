"""What shots mean for a surrogate's values: redrawn, against repeated multinomial measurements."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.quantum_info import Statevector

from qmoe_qiskit.backends import Expectations, FourierSurrogate
from qmoe_qiskit.backends.surrogate import SurrogatePlan
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.circuits.angle import basis_projectors
from qmoe_qiskit.runs.shot_correlations import shot_correlations

SHOTS, N_DRAWS = 400, 4000


def test_the_outputs_of_a_shot_are_redrawn_together(rng: np.random.Generator) -> None:
    """The weight of an expert, P(0) / (P(0) + P(1)), scatters as it does in measurements."""
    router = angle_router(2, 2).with_observables(basis_projectors(2, 2))
    weights_W = rng.uniform(-3, 3, router.n_weights)
    plan = SurrogatePlan.make(router, checks=0)
    exact_PS = np.array(
        [
            Statevector(
                router.circuit.assign_parameters(
                    dict(zip((*router.inputs, *router.weights), (*x_F, *weights_W), strict=True))
                )
            ).probabilities()
            for x_F in plan.inputs_BF
        ]
    )
    measured_RPO = rng.multinomial(SHOTS, exact_PS, size=(N_DRAWS, len(exact_PS)))[:, :, :2] / SHOTS
    values_PO = exact_PS[:, :2]
    errors_PO = np.sqrt(values_PO * (1 - values_PO) / SHOTS)
    surrogate = FourierSurrogate.from_values(
        plan, Expectations(values=values_PO, std_errors=errors_PO, shots=SHOTS), weights_W
    )
    inputs_BF = plan.grid.random_points(4, rng)
    correlations_POO = shot_correlations(router, plan.inputs_BF, weights_W)
    redrawn_RPO = np.array(
        [surrogate.redrawn(rng, correlations_POO).values_PO for _ in range(N_DRAWS)]
    )

    def slopes(values_BO: np.ndarray) -> np.ndarray:
        """Return the derivative of the weight of expert 0 by both outputs."""
        total_B = values_BO.sum(axis=1)
        return np.stack([values_BO[:, 1], -values_BO[:, 0]], axis=1) / total_B[:, None] ** 2

    mixing_BP = plan.grid.weights(inputs_BF)
    slopes_BO = slopes(mixing_BP @ values_PO)
    of_measured, of_redrawn = (
        np.einsum("bp,rpo,bo->rb", mixing_BP, values_RPO, slopes_BO).std(axis=0)
        for values_RPO in (measured_RPO, redrawn_RPO)
    )
    # A standard deviation of 4000 draws is known to 1.1 %; the two differ by 5 times that at most.
    assert of_redrawn == pytest.approx(of_measured, rel=5 * np.sqrt(1 / N_DRAWS))
