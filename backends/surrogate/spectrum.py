"""The frequencies that a router's outputs can contain in each of its inputs.

A rotation by an angle of slope c in an input multiplies by 1, cos(c x) or sin(c x), so that slopes
add up: the outputs are trigonometric polynomials (M. Schuld, R. Sweke, J. J. Meyer, Physical Review
A 103, 032430 (2021)). Noise that does not depend on the inputs adds no frequency.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce

from qiskit.circuit import Parameter, ParameterExpression

from qmoe_qiskit.backends.gradients.rotations import rotation_angles
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.circuits.angles import affine_terms, symbolic
from qmoe_qiskit.errors import InputError

# Slopes are multiples of a common unit if their ratios are fractions with at most this denominator.
_MAX_DENOMINATOR = 64
_RATIO_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Spectrum:
    """Frequencies 0, u, 2u, ..., L u in every input.

    Attributes:
        degrees_F: L of every input; 0 if no angle depends on it.
        units_F: u of every input: the greatest common divisor of the slopes of its angles.
    """

    degrees_F: tuple[int, ...]
    units_F: tuple[float, ...]

    @classmethod
    def of(cls, router: RouterCircuit) -> Spectrum:
        """Return the spectrum of a router.

        Raises:
            InputError: If an angle is not a sum of inputs times numbers and a function of the
                weights, or the slopes of an input have no common unit.

        >>> from qmoe_qiskit import angle_router
        >>> Spectrum.of(angle_router(2, 1, reuploads=3))
        Spectrum(degrees_F=(3, 3), units_F=(1.0, 1.0))
        """
        inputs = set(router.inputs)
        slopes: dict[Parameter, list[float]] = {p: [] for p in router.inputs}
        for angle in rotation_angles(router):
            for parameter, slope in _slopes(angle, inputs).items():
                if slope:
                    slopes[parameter].append(abs(slope))
        found = [_degree(p.name, slopes[p]) for p in router.inputs]
        return cls(tuple(degree for degree, _ in found), tuple(unit for _, unit in found))

    @property
    def n_points(self) -> int:
        """The fewest points that determine the outputs: the product of 2 L + 1 over the inputs."""
        return math.prod(2 * degree + 1 for degree in self.degrees_F)


def _slopes(angle: ParameterExpression, inputs: set[Parameter]) -> dict[Parameter, float]:
    """Return the slope of an angle by each input that it depends on.

    Raises:
        InputError: If a slope is not constant.
    """
    used = inputs & set(angle.parameters)
    if not used:
        return {}
    if affine := affine_terms(angle):
        return {p: slope for p, slope in affine[0].items() if p in inputs}
    expression, symbols = symbolic(angle)
    slopes = {}
    for parameter in used & set(symbols):
        slope = expression.diff(symbols[parameter]).simplify()
        if slope.free_symbols:
            raise InputError(
                f"the circuit has the angle {angle}, whose slope in input {parameter.name!r} is "
                f"{slope}: a surrogate needs angles that are sums of inputs times numbers and of "
                "weights, as those of angle_router"
            )
        slopes[parameter] = float(slope)
    return slopes


def _degree(name: str, slopes: list[float]) -> tuple[int, float]:
    """Return L and u for the absolute slopes of one input's angles."""
    if not slopes:
        return 0, 1.0
    ratios = []
    for slope in slopes:
        ratio = Fraction(slope / slopes[0]).limit_denominator(_MAX_DENOMINATOR)
        if abs(slope / slopes[0] - ratio) > _RATIO_TOLERANCE * slope / slopes[0]:
            raise InputError(
                f"angles have the slopes {slopes[0]:.6g} and {slope:.6g} in input {name!r}, whose "
                f"ratio is no fraction with a denominator up to {_MAX_DENOMINATOR}: the outputs "
                "have no period, and a surrogate cannot represent them"
            )
        ratios.append(ratio)
    step = reduce(_common_divisor, ratios)
    return int(sum(ratios) / step), slopes[0] * float(step)


def _common_divisor(a: Fraction, b: Fraction) -> Fraction:
    return Fraction(
        math.gcd(a.numerator * b.denominator, b.numerator * a.denominator),
        a.denominator * b.denominator,
    )
