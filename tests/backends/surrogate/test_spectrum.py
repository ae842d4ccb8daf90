"""The frequencies of a circuit, against the Fourier transform of its simulated outputs."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import real_amplitudes, zz_feature_map

from qmoe_qiskit import RouterCircuit, angle_router
from qmoe_qiskit.backends.surrogate import Grid, Spectrum
from qmoe_qiskit.errors import InputError

X, W = ParameterVector("x", 2), ParameterVector("w", 3)


def router_of(circuit: QuantumCircuit) -> RouterCircuit:
    return RouterCircuit.from_circuit(circuit, inputs=X, weights=W)


def circuit_with(*angles: object) -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    for k, angle in enumerate(angles):
        circuit.h(k % 2)
        circuit.ry(angle, k % 2)
        circuit.rx(0.3, k % 2)
    circuit.cx(0, 1)
    return circuit


@pytest.mark.parametrize(
    ("angles", "degrees", "units"),
    [
        ([X[0]], (1, 0), (1, 1)),
        ([X[0], X[1], -X[0]], (2, 1), (1, 1)),
        ([2 * X[0], X[1] / 2], (1, 1), (2, 0.5)),
        ([2 * X[0], 3 * X[0], X[1]], (5, 1), (1, 1)),
        ([X[0] / 2, X[0] / 3], (5, 0), (1 / 6, 1)),
        ([X[0] + 2 * X[1] + W[0] + 0.3], (1, 1), (1, 2)),
        ([X[0] + W[0] * W[1], X[1] + W[2].sin()], (1, 1), (1, 1)),
        ([X[0] * np.pi, X[0] * np.pi * 2], (3, 0), (np.pi, 1)),
        ([X[0] - X[0] + X[1]], (0, 1), (1, 1)),
    ],
)
def test_degrees_and_units(
    angles: list[object], degrees: tuple[int, ...], units: tuple[float, ...]
) -> None:
    spectrum = Spectrum.of(router_of(circuit_with(*angles)))
    assert spectrum.degrees_F == degrees
    np.testing.assert_allclose(spectrum.units_F, units, rtol=1e-12)


def test_controlled_rotation_has_half_frequencies() -> None:
    """A CRX has the frequencies 0, 1/2 and 1 (D. Wierichs et al., Quantum 6, 677 (2022))."""
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.crx(X[0], 0, 1)
    assert Spectrum.of(router_of(circuit)) == Spectrum((2, 0), (0.5, 1.0))


@pytest.mark.parametrize("reuploads", [1, 2, 3])
def test_degree_of_the_built_in_router(reuploads: int) -> None:
    router = angle_router(3, 1, reuploads=reuploads)
    assert Spectrum.of(router).degrees_F == (router.degree,) * 3


@pytest.mark.parametrize(
    ("angle", "reason"),
    [
        (X[0] * X[1], "slope in input"),
        (X[0] * X[0], "slope in input"),
        (X[0].sin(), "slope in input"),
        (W[0] * X[0], "slope in input"),
        ((W[0] + X[0]) * 2 * W[1], "slope in input"),
    ],
    ids=str,
)
def test_refused_angles(angle: object, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        Spectrum.of(router_of(circuit_with(angle)))


def test_refused_frequencies_without_a_period() -> None:
    with pytest.raises(InputError, match="no period"):
        Spectrum.of(router_of(circuit_with(X[0], np.sqrt(2) * X[0])))


def test_zz_feature_map_is_refused() -> None:
    features, ansatz = zz_feature_map(2), real_amplitudes(2)
    router = RouterCircuit.from_circuit(
        features.compose(ansatz), inputs=features.parameters, weights=ansatz.parameters
    )
    with pytest.raises(InputError, match="slope in input 'x"):
        Spectrum.of(router)


class TestGrid:
    def test_points_in_total_are_spread_evenly(self) -> None:
        spectrum = Spectrum((1, 1), (1.0, 1.0))
        assert Grid.choose(spectrum, None, max_points=99).counts_F == (3, 3)
        assert Grid.choose(spectrum, 9, max_points=99).counts_F == (3, 3)
        assert Grid.choose(spectrum, 12, max_points=99).counts_F == (4, 3)
        assert Grid.choose(spectrum, 36, max_points=99).counts_F == (6, 6)
        assert Grid.choose(spectrum, [3, 7], max_points=99).counts_F == (3, 7)
        assert Grid.choose(Spectrum((0, 2), (1.0, 1.0)), 17, max_points=99).counts_F == (1, 17)

    @pytest.mark.parametrize(
        ("points", "reason"),
        [
            (8, "points 8 are too few: .* at least 9"),
            ([2, 9], r"points\[0\] is 2: .* at least 3"),
            ([3], "points are 1 numbers"),
            (0, "points must be a whole number"),
            (1.5, "points must be a whole number"),
            (100, "points 100 are more than max_points, 99"),
            ([30, 30], r"takes 900 \(30 x 30\) points, .* more than max_points"),
        ],
        ids=str,
    )
    def test_refused(self, points: int, reason: str) -> None:
        with pytest.raises(InputError, match=reason):
            Grid.choose(Spectrum((1, 1), (1.0, 1.0)), points, max_points=99)

    def test_too_many_say_what_they_cost(self) -> None:
        spectrum = Spectrum((1,) * 12, (1.0,) * 12)
        with pytest.raises(InputError, match=r"takes 531441 \(.*\) points, .* are 2.1e9 exec"):
            Grid.choose(spectrum, None, max_points=4096)
        huge = Spectrum((1,) * 9000, (1.0,) * 9000)
        with pytest.raises(InputError, match=r"takes 1.2e4294 .* are 5e4297"):
            Grid.choose(huge, None, max_points=4096)

    def test_points_repeat_with_the_period(self) -> None:
        grid = Grid.choose(Spectrum((2, 1), (0.5, 3.0)), None, max_points=99)
        assert grid.points_PF.shape == (15, 2)
        np.testing.assert_allclose(
            grid.points_PF.max(axis=0), [4 * np.pi * 4 / 5, 2 * np.pi * 2 / 9]
        )

    def test_an_input_that_no_angle_uses_takes_one_point(self) -> None:
        assert Grid.choose(Spectrum((1, 0), (1.0, 1.0)), None, max_points=9).counts_F == (3, 1)


def test_parameter_of_any_name() -> None:
    theta = Parameter("θ")
    circuit = QuantumCircuit(1)
    circuit.ry(theta, 0)
    router = RouterCircuit.from_circuit(circuit, inputs=theta, weights=())
    assert Spectrum.of(router) == Spectrum((1,), (1.0,))
