"""Angles as sums of parameters times numbers."""

from qiskit.circuit import Instruction, Parameter, ParameterExpression

from qmoe_qiskit.errors import InputError


def has_parameters(operation: Instruction) -> bool:
    """Whether an operation has an angle that is still free."""
    return any(isinstance(p, ParameterExpression) and p.parameters for p in operation.params)


def affine_terms(angle: ParameterExpression) -> tuple[dict[Parameter, float], float]:
    """Return the coefficient of every parameter, and the constant, of an affine expression.

    Raises:
        InputError: If the expression is not affine or not real.
    """
    slopes = {
        parameter: _real_number(angle.gradient(parameter), angle) for parameter in angle.parameters
    }
    return slopes, _real_number(angle.bind(dict.fromkeys(angle.parameters, 0.0)), angle)


def _real_number(value: ParameterExpression | complex, angle: ParameterExpression) -> float:
    if isinstance(value, ParameterExpression):
        if value.parameters:
            raise InputError(
                f"angle {angle} is not affine in the circuit's parameters: only sums of parameters "
                "times numbers can be evaluated exactly"
            )
        value = value.numeric()
    number = complex(value)
    if number.imag != 0:
        raise InputError(f"angle {angle} is not real: rotation angles are real numbers")
    return number.real
