"""What is measured for a surrogate: the points of the grid, and random points that check it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from qmoe_qiskit.backends.protocols import CompiledRouter, Expectations, check_batch
from qmoe_qiskit.backends.surrogate.check import SurrogateCheck, check_residuals
from qmoe_qiskit.backends.surrogate.grid import Grid
from qmoe_qiskit.backends.surrogate.spectrum import Spectrum
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError, SurrogateError, SurrogateWarning, quoted
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qmoe_qiskit.backends.surrogate.fourier import FourierSurrogate
    from qmoe_qiskit.noise_profiles import NoiseProfile

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
        if not (isinstance(check_level, float) and 0 < check_level < 1):
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

    def run(
        self,
        compiled: CompiledRouter,
        weights_W: FloatArray,
        *,
        profile: NoiseProfile | None = None,
    ) -> FourierSurrogate:
        """Measure all points in one evaluation; on a device, it is one unit of work.

        Args:
            compiled: The circuit on any backend.
            weights_W: Its weights, in radians.
            profile: The calibration of the device, for the record.

        Raises:
            InputError: If the weights do not fit the circuit, or it is another circuit.
            SurrogateError: If the check fails.
        """
        if compiled.router.content_hash != self.router.content_hash:
            raise InputError("the plan is for another circuit: make it from compiled.router")
        inputs_BF, weights_W = check_batch(self.router, self.inputs_BF, weights_W)
        measured = compiled.expectations(inputs_BF, weights_W)
        return self.finish(measured, weights_W, compiled, profile=profile)

    def finish(
        self,
        measured: Expectations,
        weights_W: FloatArray,
        compiled: CompiledRouter | None = None,
        *,
        profile: NoiseProfile | None = None,
    ) -> FourierSurrogate:
        """Make the surrogate from the values at `inputs_BF`, however they were measured.

        Args:
            measured: The values at `inputs_BF`, in that order.
            weights_W: The weights with which they were measured.
            compiled: What they were measured on, for the record.
            profile: The calibration of the device, for the record; None for that of `compiled`.

        Raises:
            InputError: If the values do not fit.
            SurrogateError: If the check fails.
        """
        from qmoe_qiskit.backends.surrogate.fourier import FourierSurrogate
        from qmoe_qiskit.backends.surrogate.record import MeasurementRecord

        n_points, n_outputs = self.grid.n_points, self.router.n_outputs
        shape = (n_points + len(self.checks_CF), n_outputs)
        values, errors = np.array(measured.values), np.array(measured.std_errors)
        if values.shape != shape or errors.shape != shape:
            raise InputError(
                f"the measured values must have shape {shape}, got {values.shape} and "
                f"{errors.shape}"
            )
        if not np.isfinite(values).all():
            raise InputError(
                f"{int((~np.isfinite(values)).sum())} of {values.size} measured values are not "
                "finite: a surrogate needs all of them"
            )
        surrogate = FourierSurrogate(
            router=self.router,
            weights_W=np.array(weights_W, dtype=np.float64),
            grid=self.grid,
            values_PO=values[:n_points],
            std_errors_PO=errors[:n_points],
            shots=measured.shots,
            check=self._check(values, errors, measured.shots),
            record=MeasurementRecord.of(compiled, shape[0], measured.shots, profile),
            measured_on=compiled,
        )
        if surrogate.check is not None and not surrogate.check.passed:
            self._failed(surrogate)
        return surrogate

    def _check(
        self, values: FloatArray, errors: FloatArray, shots: int | None
    ) -> SurrogateCheck | None:
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

    def _failed(self, surrogate: FourierSurrogate) -> None:
        message = (
            f"the check of the surrogate {surrogate.check}: the values do not follow from the "
            "circuit's frequencies and shot noise, as under drift or noise that depends on the "
            "inputs; measure again, or evaluate the circuit directly"
        )
        if self.on_failed_check == "warn":
            warnings.warn(message, SurrogateWarning, stacklevel=4)
        else:
            raise SurrogateError(message, surrogate)


def _default_checks(grid: Grid) -> int:
    return min(max(2, grid.n_points // 8), _MOST_DEFAULT_CHECKS)
