"""The variance of gradients, against theory and against the derivatives of single rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe import decay_per_qubit, gradient_variance
from qmoe_qiskit.moe.barren_plateaus import _slopes

QUBITS = (2, 4, 6, 8)


def decay(circuit: str, n_layers: int, **settings: Any) -> float:
    """The decay of the largest variance of a weight, in powers of 2 per qubit."""
    found = [gradient_variance(circuit, n, n_layers, 100, 1, **settings) for n in QUBITS]
    slope = decay_per_qubit(QUBITS, [one.largest for one in found])
    assert slope is not None
    return slope


@pytest.mark.parametrize("observable", ["local", "global"])
def test_deep_circuits_have_a_barren_plateau(observable: str) -> None:
    """McClean et al. (2018): 2-designs have variances of order 2^-n, a slope of -1."""
    # 100 draws give a variance to within 1.41 / sqrt(100) of itself, log2 to 0.2 or 0.3 for
    # the tails of a derivative; four points from 2 to 8 qubits a slope to 0.07.
    assert decay("angle", 12, observable=observable) == pytest.approx(-1, abs=0.2)


def test_shallow_local_circuits_have_none() -> None:
    """Cerezo et al. (2021): the observable's light cone does not grow with the register."""
    assert abs(decay("hardware-efficient", 2, observable="local")) < 0.15
    assert decay("hardware-efficient", 2, observable="global") < -0.5


def test_identity_blocks_help_a_deep_circuit() -> None:
    """Grant et al. (2019): the circuit is the identity at the start, whatever its depth."""
    assert decay("angle", 12, observable="local", initialization="identity-block") > -0.3


@pytest.mark.parametrize("circuit", ["zz", "amplitude"])
def test_every_family_has_a_variance_per_weight(circuit: str) -> None:
    found = gradient_variance(circuit, 3, 2, 20)
    assert found.variances_W.shape == (18,)
    assert 0 < found.mean < found.largest
    again = gradient_variance(circuit, 3, 2, 20)
    np.testing.assert_array_equal(found.variances_W, again.variances_W)


def test_rows_with_weights_of_their_own_have_the_derivatives_of_single_rows(
    rng: np.random.Generator,
) -> None:
    router = angle_router(3, 2, input_scaling=True).with_observables("ZZZ")
    inputs_BF, weights_BW = rng.normal(size=(4, 3)), rng.normal(size=(4, router.n_weights))
    compiled = open_backend("statevector").compile(router)
    expected_BW = [
        compiled.jacobian(x_F[None], w_W)[1][0, 0]
        for x_F, w_W in zip(inputs_BF, weights_BW, strict=True)
    ]
    np.testing.assert_allclose(_slopes(router, inputs_BF, weights_BW), expected_BW, atol=1e-12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_qubits": 21}, "at most 20 qubits"),
        ({"n_qubits": 0}, "n_qubits must be"),
        ({"n_draws": 1}, "takes at least 2"),
        ({"seed": -1}, "seed must be a whole number of at least 0, got -1"),
        ({"observable": "ZZ"}, "unknown observable 'ZZ': known are global, local"),
        ({"initialization": "identity-block"}, "must be even"),
        ({"circuit": "tree"}, "unknown circuit 'tree'"),
    ],
)
def test_bad_input(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        gradient_variance(**{"circuit": "angle", "n_qubits": 2, "n_layers": 1, **settings})
