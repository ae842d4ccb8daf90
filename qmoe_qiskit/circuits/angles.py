"""Angles as sums of parameters times numbers, or as other real functions of parameters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from qiskit.circuit import Instruction, Parameter, ParameterExpression

from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    import sympy


def has_parameters(operation: Instruction) -> bool:
    """Whether an operation has an angle that is still free."""
    return any(
        isinstance(p, ParameterExpression) and p.parameters
        for p in getattr(operation, "params", ())
    )


def as_number(angle: Any) -> Any:  # noqa: ANN401 - any parameter of an instruction
    """Return the number that an expression is if its parameters cancel, else what was given."""
    if not isinstance(angle, ParameterExpression) or isinstance(angle, Parameter):
        return angle
    if affine := affine_terms(angle):
        slopes, constant = affine
        if not any(slopes.values()):
            return constant
    return angle


def affine_terms(angle: ParameterExpression) -> tuple[dict[Parameter, float], float] | None:
    """Return the coefficient of every parameter, and the constant; None if it is not affine.

    Raises:
        InputError: If the expression is not real.
    """
    if isinstance(angle, Parameter):
        return {angle: 1.0}, 0.0
    slopes: dict[Parameter, float] = {}
    for parameter in angle.parameters:
        try:
            slope = angle.gradient(parameter)
        except RuntimeError:  # the sign of a sum has none, for Qiskit
            return None
        if isinstance(slope, ParameterExpression) and slope.parameters:
            return None
        slopes[parameter] = _real_number(slope, angle)
    try:
        constant = _real_number(angle.bind(dict.fromkeys(angle.parameters, 0.0)), angle)
    except ZeroDivisionError:  # a * a / a
        return None
    return (slopes, constant) if _is_sum(angle, slopes, constant) else None


def _is_sum(angle: ParameterExpression, slopes: dict[Parameter, float], constant: float) -> bool:
    """Whether an angle is this sum at two points: some gradients of Qiskit are wrong.

    To Qiskit 2.6, exp(a) + exp(-a) is 0, and therefore also the slope of exp(a) - exp(-a).
    """
    for step in (0.618, -0.414):
        point = {p: step * (1 + k / (k + 3)) for k, p in enumerate(slopes)}
        terms = [constant, *(slope * point[p] for p, slope in slopes.items())]
        difference = complex(angle.bind(point).numeric()) - math.fsum(terms)
        if not abs(difference) <= 1e-9 * max(map(abs, terms)):
            return False
    return True


def symbolic(angle: ParameterExpression) -> tuple[sympy.Expr, dict[Parameter, sympy.Symbol]]:
    """Return an angle as a SymPy expression of real symbols, and the symbol of each parameter.

    Raises:
        InputError: If the expression is not real.
    """
    import sympy

    try:
        expression = sympy.sympify(angle.sympify())
    except (AttributeError, TypeError, ValueError) as error:  # Qiskit fails at 2**a
        raise InputError(
            f"angle {angle} cannot be written in SymPy: write a power of a number by exp and log, "
            "such as (a * math.log(2)).exp() for 2**a"
        ) from error
    named = {p.name: p for p in angle.parameters}
    symbols = {named[s.name]: sympy.Symbol(s.name, real=True) for s in expression.free_symbols}
    real = expression.xreplace({s: symbols[named[s.name]] for s in expression.free_symbols})
    if real.has(sympy.I):
        raise _not_real(angle)
    return real, symbols


def _real_number(value: ParameterExpression | complex, angle: ParameterExpression) -> float:
    if isinstance(value, ParameterExpression):
        value = value.numeric()
    number = complex(value)
    if number.imag != 0:
        raise _not_real(angle)
    return number.real + 0.0  # never -0.0


def _not_real(angle: ParameterExpression) -> InputError:
    return InputError(f"angle {angle} is not real: rotation angles are real numbers")
