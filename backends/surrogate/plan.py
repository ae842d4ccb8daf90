"""What is measured for a surrogate: the points of the grid, and random points that check it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from qmoe_qiskit.backends.protocols import Expectations
from qmoe_qiskit.backends.surrogate.check import SurrogateCheck, check_residuals
from qmoe_qiskit.backends.surrogate.grid import Grid
from qmoe_qiskit.backends.surrogate.spectrum import Spectrum
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError, quoted
from qmoe_qiskit.typing import FloatArray

MAX_POINTS = 4096
_MOST_DEFAULT_CHECKS = 16


@dataclass(frozen=True, kw_only=True, eq=False)
class SurrogatePlan:
    """The measurement of a surrogate before it is made.

    Attributes:
        router: The circuit.
        grid: The points that determine the outputs.
        checks_CF: The points of the check, in radians.
        check_level: The rate of false alarms of the check.
        on_failed_check: "raise" a SurrogateError, or "warn" with a SurrogateWarning.
    """

    router: RouterCircuit
    grid: Grid
    checks_CF: FloatArray
    check_level: float = 0.01
    on_failed_check: Literal["raise", "warn"] = "raise"

    @classmethod
    def make(
        cls,
        router: RouterCircuit,
        *,
        points: int | Sequence[int] | None = None,
        checks: int | None = None,
        check_level: float = 0.01,
        on_failed_check: Literal["raise", "warn"] = "raise",
        max_points: int = MAX_POINTS,
        seed: int = 0,
    ) -> SurrogatePlan:
        """Plan a measurement; arguments are those of `FourierSurrogate.measure`.

        Raises:
            InputError: If an argument is not accepted, or the circuit has no such surrogate.
        """
        if on_failed_check not in {"raise", "warn"}:
            raise InputError(f"on_failed_check must be 'raise' or 'warn', got {on_failed_check!r}")
        if not 0 < check_level < 1:
            raise InputError(f"check_level must be a number between 0 and 1, got {check_level!r}")
        grid = Grid.choose(Spectrum.of(router), points, max_points=max_points)
        count = _default_checks(grid) if checks is None else checks
        if isinstance(count, bool) or not hasattr(count, "__index__") or count < 0:
            raise InputError(f"checks must be a whole number of at least 0, got {checks!r}")
        if grid.n_points + count > max_points:
            raise InputError(
                f"{grid.n_points} points and {quoted(count)} checks are more than max_points, "
                f"{max_points}: take fewer checks, or raise it"
            )
        if not hasattr(seed, "__index__") or seed < 0:
            raise InputError(f"seed must be a whole number of at least 0, got {seed!r}")
        checks_CF = grid.random_points(count, np.random.default_rng(seed))
        return cls(
            router=router,
            grid=grid,
            checks_CF=checks_CF,
            check_level=check_level,
            on_failed_check=on_failed_check,
        )

    @property
    def inputs_BF(self) -> FloatArray:
        """All points to measure, in radians: those of the grid, then those of the check."""
        return np.concatenate([self.grid.points_PF, self.checks_CF])

    def require_fit(self, measured: Expectations) -> None:
        """Raise InputError if these are not values at `inputs_BF`, or some are not finite."""
        shape = (self.grid.n_points + len(self.checks_CF), self.router.n_outputs)
        shapes = measured.values.shape, measured.std_errors.shape
        if shapes != (shape, shape):
            raise InputError(
                f"the measured values must have shape {shape}, got {shapes[0]} and {shapes[1]}"
            )
        n_lost = int((~np.isfinite(measured.values)).sum())
        if n_lost:
            raise InputError(
                f"{n_lost} of {measured.values.size} measured values are not finite: a surrogate "
                "needs all of them"
            )

    def check(self, measured: Expectations) -> SurrogateCheck | None:
        """Compare values at the check points with those that follow from the grid.

        Returns:
            The result; None without check points, or without a standard error for each value.
        """
        values, errors, shots = measured.values, measured.std_errors, measured.shots
        n_points = self.grid.n_points
        if not len(self.checks_CF) or np.isnan(errors).any():
            return None
        weights_CP = self.grid.weights(self.checks_CF)
        return check_residuals(
            values[n_points:] - weights_CP @ values[:n_points],
            errors[n_points:],
            weights_CP,
            errors[:n_points],
            scales_O=np.array([np.abs(o.coeffs).sum() for o in self.router.observables]),
            shots=shots,
            level=self.check_level,
        )


def _default_checks(grid: Grid) -> int:
    return min(max(2, grid.n_points // 8), _MOST_DEFAULT_CHECKS)
