"""Angles that are no sums: functions of inputs and weights, with derivatives, for whole batches.

Shapes: as in `qmoe_qiskit.simulation`, and Z functions that depend on the inputs, V that do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from qmoe_qiskit.errors import InputError, UndefinedAngleError
from qmoe_qiskit.simulation.arrays import Array, library_of
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    import sympy
    from qiskit.circuit import Parameter

# SymPy's names of functions, as NumPy and torch spell them.
_FUNCTIONS = {
    "Abs": "abs", "acos": "arccos", "asin": "arcsin", "atan": "arctan", "cos": "cos", "exp": "exp",
    "log": "log", "sign": "sign", "sin": "sin", "tan": "tan",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A step of a calculation: a function of the results of earlier steps.

    Attributes:
        name: "number", "parameter", "add", "multiply", "power", or NumPy's name of a function.
        arguments: The steps of the arguments; of a parameter, its column.
        value: The number, of "number" only.
    """

    name: str
    arguments: tuple[int, ...] = ()
    value: float = 0.0


class Calculation:
    """Expressions as a list of operations; equal parts are calculated once.

    Args:
        columns: The column of every parameter in the argument of `run`, by its SymPy name.
    """

    def __init__(self, columns: dict[str, int]) -> None:
        self._columns = columns
        self._step_of: dict[sympy.Expr, int] = {}
        self.operations: list[Operation] = []

    def add(self, expression: sympy.Expr) -> int:
        """Append what an expression takes, and return the step of its value.

        Raises:
            InputError: If a function in it is not known.
        """
        if expression in self._step_of:
            return self._step_of[expression]
        operation = self._operation(expression)
        self.operations.append(operation)
        self._step_of[expression] = len(self.operations) - 1
        return self._step_of[expression]

    def _operation(self, expression: sympy.Expr) -> Operation:
        if expression.is_Symbol:
            return Operation(name="parameter", arguments=(self._columns[expression.name],))
        if expression.is_number:
            return Operation(name="number", value=float(expression))
        name = type(expression).__name__
        if name == "DiracDelta":  # the derivative of a sign, as torch has it
            return Operation(name="number")
        kind = {"Add": "add", "Mul": "multiply", "Pow": "power", **_FUNCTIONS}.get(name)
        if kind is None:
            raise InputError(
                f"the function {name} in an angle cannot be evaluated: use sums, products, powers, "
                f"{', '.join(sorted(_FUNCTIONS.values()))}"
            )
        return Operation(name=kind, arguments=tuple(map(self.add, expression.args)))

    def run(self, inputs_BF: Array, weights_W: Array) -> list[Any]:
        """Return the result of every step: numbers, scalars, or arrays of shape (B,)."""
        xp = library_of(inputs_BF)
        columns = [*inputs_BF.T, *weights_W]
        results: list[Any] = []
        for operation in self.operations:
            if operation.name == "number":
                result: Any = operation.value
            elif operation.name == "parameter":
                result = columns[operation.arguments[0]]
            else:
                arguments = [results[k] for k in operation.arguments]
                result = arguments[0]
                if operation.name == "add":
                    for other in arguments[1:]:
                        result = result + other
                elif operation.name == "multiply":
                    for other in arguments[1:]:
                        result = result * other
                elif operation.name == "power":
                    result = result ** arguments[1]
                else:
                    result = getattr(xp, operation.name)(result)
            results.append(result)
        return results


class AngleFunctions:
    """Functions of inputs and weights that the angles of a circuit are affine in, besides those.

    `extend` appends their values to inputs and weights: those that depend on an input to the
    inputs, the others to the weights. `pullback` and `chain` carry derivatives back, `curve`
    second ones.

    Args:
        by_sample: The functions that depend on an input, Z, with the symbol of each parameter.
        shared: The functions that depend on weights alone, V.
        inputs: The parameters that are inputs, F.
        weights: The parameters that are weights, W.

    Raises:
        InputError: If a function cannot be evaluated.
    """

    def __init__(
        self,
        by_sample: Sequence[sympy.Expr],
        shared: Sequence[sympy.Expr],
        inputs: Sequence[Parameter],
        weights: Sequence[Parameter],
    ) -> None:
        self._n_inputs, self._n_weights = len(inputs), len(weights)
        self._functions = [*by_sample, *shared]
        self._columns = columns = {p.name: k for k, p in enumerate([*inputs, *weights])}
        self._names = [str(expression) for expression in [*by_sample, *shared]]
        self._values = Calculation(columns)
        self._slopes = Calculation(columns)
        self._by_sample = [self._values.add(expression) for expression in by_sample]
        self._shared = [self._values.add(expression) for expression in shared]
        # Per derivative that is not zero: its function, its parameter's column, and its step.
        self._by_sample_slopes = self._differentiate(by_sample, columns)
        self._shared_slopes = self._differentiate(shared, columns)
        self.sample_uses_weights = any(k >= len(inputs) for _, k, _ in self._by_sample_slopes)

    def _differentiate(
        self, functions: Sequence[sympy.Expr], columns: dict[str, int]
    ) -> list[tuple[int, int, int]]:
        return [
            (number, columns[symbol.name], self._slopes.add(function.diff(symbol)))
            for number, function in enumerate(functions)
            for symbol in sorted(function.free_symbols, key=lambda symbol: columns[symbol.name])
        ]

    def extend(self, inputs_BF: Array, weights_W: Array) -> tuple[Array, Array]:
        """Return inputs and functions of them, (B, F + Z), and weights and functions, (W + V,).

        Raises:
            UndefinedAngleError: If a function has no finite value, such as the logarithm of 0.
        """
        results = self._run(self._values, inputs_BF, weights_W)
        by_sample_B = [results[k] for k in self._by_sample]
        shared = [results[k] for k in self._shared]
        extended_BX = _with_columns(inputs_BF, by_sample_B)
        extended_Y = _with_columns(weights_W[None], shared)[0]
        for array, start, name in (
            (extended_BX, self._n_inputs, 0),
            (extended_Y[None], self._n_weights, len(self._by_sample)),
        ):
            self._check_finite(array[:, start:], name)
        return extended_BX, extended_Y

    def _check_finite(self, values: Array, first_name: int) -> None:
        finite = library_of(values).isfinite(values)
        if not bool(finite.all()):
            row, column = (int(k) for k in np.argwhere(~np.asarray(finite.tolist()))[0])
            raise UndefinedAngleError(
                f"angle {self._names[first_name + column]} is {float(values[row, column])} for row "
                f"{row} of the batch: angles must be finite; scale the inputs"
            )

    def pullback(
        self, inputs_BF: Array, weights_W: Array, by_inputs_BX: Array | None, by_weights_Y: Array
    ) -> tuple[Array | None, Array]:
        """Carry gradients by extended inputs and weights back to inputs, (B, F), and weights, (W,).

        `by_inputs_BX` may be None where it is not needed; then the inputs' gradient is None. If the
        gradient by the extended weights is one of each sample, (B, W + V), the result is (B, W).
        """
        results = self._run(self._slopes, inputs_BF, weights_W)
        n_inputs, n_weights = self._n_inputs, self._n_weights
        by_weights_W = _copied(by_weights_Y[..., :n_weights])
        is_summed = by_weights_W.ndim == 1
        for number, column, step in self._shared_slopes:
            change = by_weights_Y[..., n_weights + number] * results[step]
            by_weights_W[..., column - n_inputs] += change
        if by_inputs_BX is None:
            return None, by_weights_W
        by_inputs_BF = _copied(by_inputs_BX[:, :n_inputs])
        for number, column, step in self._by_sample_slopes:
            change_B = by_inputs_BX[:, n_inputs + number] * results[step]
            if column < n_inputs:
                by_inputs_BF[:, column] += change_B
            else:
                by_weights_W[..., column - n_inputs] += change_B.sum() if is_summed else change_B
        return by_inputs_BF, by_weights_W

    def chain(
        self, inputs_BF: Array, weights_W: Array, by_inputs_BOX: Array, by_weights_BOY: Array
    ) -> tuple[Array, Array]:
        """Turn derivatives by extended inputs and weights into (B, O, F) and (B, O, W)."""
        results = self._run(self._slopes, inputs_BF, weights_W)
        n_inputs, n_weights = self._n_inputs, self._n_weights
        by_inputs_BOF = _copied(by_inputs_BOX[..., :n_inputs])
        by_weights_BOW = _copied(by_weights_BOY[..., :n_weights])
        for number, column, step in self._shared_slopes:
            change_BO = by_weights_BOY[..., n_weights + number] * results[step]
            by_weights_BOW[..., column - n_inputs] += change_BO
        for number, column, step in self._by_sample_slopes:
            slope = results[step]
            slope_B1 = slope[:, None] if getattr(slope, "ndim", 0) else slope
            change_BO = by_inputs_BOX[..., n_inputs + number] * slope_B1
            if column < n_inputs:
                by_inputs_BOF[..., column] += change_BO
            else:
                by_weights_BOW[..., column - n_inputs] += change_BO
        return by_inputs_BOF, by_weights_BOW

    def curve(
        self,
        inputs_BF: FloatArray,
        weights_W: FloatArray,
        by_inputs_BOX: FloatArray,
        by_weights_BOY: FloatArray,
    ) -> FloatArray:
        """Return what the functions' curvature adds to second derivatives: (B, O, P, P), P = F + W.

        The slopes are derivatives by extended inputs and weights, as in `chain`.
        """
        calculation, entries = self._curvatures
        results = self._run(calculation, inputs_BF, weights_W)
        by_function_BOK = np.concatenate(
            [by_inputs_BOX[..., self._n_inputs :], by_weights_BOY[..., self._n_weights :]], axis=2
        )
        n_parameters = self._n_inputs + self._n_weights
        curve_BOPP = np.zeros((*by_inputs_BOX.shape[:2], n_parameters, n_parameters))
        for number, row, column, step in entries:
            bend_B1 = np.broadcast_to(results[step], len(inputs_BF))[:, None]
            curve_BOPP[..., row, column] += by_function_BOK[..., number] * bend_B1
        return curve_BOPP

    @cached_property
    def _curvatures(self) -> tuple[Calculation, list[tuple[int, int, int, int]]]:
        """Per second derivative that is not zero: its function, two columns, and its step."""
        calculation = Calculation(self._columns)
        entries = [
            (number, self._columns[one.name], self._columns[other.name], calculation.add(bend))
            for number, function in enumerate(self._functions)
            for one in function.free_symbols
            for other in function.free_symbols
            if (bend := function.diff(one, other)) != 0
        ]
        return calculation, entries

    @staticmethod
    def _run(calculation: Calculation, inputs_BF: Array, weights_W: Array) -> list[Any]:
        with np.errstate(all="ignore"):  # what is not finite is refused by its value
            return calculation.run(inputs_BF, weights_W)


def _with_columns(array_BF: Array, columns: Sequence[Any]) -> Array:
    """Return a matrix with further columns, each an array (B,), a scalar or a number."""
    xp = library_of(array_BF)
    if xp is np:
        extended = np.empty((array_BF.shape[0], array_BF.shape[1] + len(columns)))
    else:
        extended = array_BF.new_empty((array_BF.shape[0], array_BF.shape[1] + len(columns)))
    extended[:, : array_BF.shape[1]] = array_BF
    for k, column in enumerate(columns, start=array_BF.shape[1]):
        extended[:, k] = column
    return extended


def _copied(array: Array) -> Array:
    return array.copy() if isinstance(array, np.ndarray) else array.clone()
