"""A router whose outputs are interpolated between a few measured points, exactly."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from qmoe_qiskit.backends.gradients.parameter_shift import array_converters
from qmoe_qiskit.backends.handed_out import HandsOut
from qmoe_qiskit.backends.protocols import (
    ArrayLike,
    CompiledRouter,
    Expectations,
    InSlots,
    Pullback,
    check_batch,
)
from qmoe_qiskit.backends.surrogate.files import (
    StoredSurrogate,
    read_surrogate,
    write_surrogate,
)
from qmoe_qiskit.backends.surrogate.plan import MAX_POINTS, SurrogatePlan
from qmoe_qiskit.backends.surrogate.record import MeasurementRecord
from qmoe_qiskit.errors import InputError, SurrogateError, SurrogateWarning
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

    from qmoe_qiskit.backends.surrogate.check import SurrogateCheck
    from qmoe_qiskit.backends.surrogate.grid import Grid
    from qmoe_qiskit.circuits import RouterCircuit
    from qmoe_qiskit.noise_profiles import NoiseProfile


class FourierSurrogate(HandsOut):
    """The outputs of a router at fixed weights, as trigonometric polynomials of its inputs.

    Under any noise that does not depend on the inputs the outputs of an angle-embedded router are
    trigonometric polynomials, of degree L_f in input f (M. Schuld, R. Sweke, J. J. Meyer, Physical
    Review A 103, 032430 (2021)). Values at prod_f (2 L_f + 1) points determine them everywhere: the
    circuit runs there once, and any further input costs no execution. Errors from shots are carried
    through exactly.

    It is a `CompiledRouter` whose weights cannot change. Derivatives by the inputs are exact;
    those by the weights are unknown, and NaN.

    Use `measure` or `load`.

    Attributes:
        router: The circuit.
        weights_W: The weights with which it was measured, in radians.
        grid: The points at which it was measured.
        values_PO: The measured values.
        std_errors_PO: Their standard errors; zero for exact values.
        shots: Shots per point; None for exact values.
        check: The result of the check; None without check points, or without standard errors.
        record: Where the values were measured.
        measured_on: The compiled router that measured them; None for a surrogate from a file.

    >>> from qmoe_qiskit import angle_router, open_backend
    >>> compiled = open_backend("noisy:ibm_torino").compile(angle_router(2, 1))
    >>> weights_W = np.linspace(-2, 2, 6)
    >>> surrogate = FourierSurrogate.measure(compiled, weights_W)
    >>> inputs_BF = np.random.default_rng(0).uniform(-9, 9, size=(100, 2))
    >>> exact = compiled.expectations(inputs_BF, weights_W)
    >>> bool(np.allclose(surrogate.expectations(inputs_BF).values, exact.values, atol=1e-9))
    True
    """

    # Derivatives by the weights are unknown: torch is told before it trains on NaN.
    has_weight_gradients = False

    def __init__(
        self,
        *,
        router: RouterCircuit,
        weights_W: FloatArray,
        grid: Grid,
        values_PO: FloatArray,
        std_errors_PO: FloatArray,
        shots: int | None,
        check: SurrogateCheck | None,
        record: MeasurementRecord,
        measured_on: CompiledRouter | None = None,
    ) -> None:
        self.router, self.weights_W, self.grid = router, weights_W, grid
        self.values_PO, self.std_errors_PO, self.shots = values_PO, std_errors_PO, shots
        self.check, self.record, self.measured_on = check, record, measured_on
        self.backend_name = f"surrogate of {record.backend}"

    @classmethod
    def measure(
        cls,
        compiled: CompiledRouter,
        weights_W: FloatArray,
        *,
        points: int | Sequence[int] | None = None,
        checks: int | None = None,
        check_level: float = 0.01,
        on_failed_check: Literal["raise", "warn"] = "raise",
        max_points: int = MAX_POINTS,
        seed: int = 0,
    ) -> FourierSurrogate:
        """Measure a circuit at all points and check points, in one call of its `expectations`.

        A router in slots measures each point in every slot, with its shots divided among them: the
        surrogate is that of the mean over slots.

        Args:
            compiled: The circuit on any backend.
            weights_W: Its weights, in radians.
            points: Number of points: in total, as many of them as fit, or per input. More points
                lower the error from shots in proportion to their root. None for the fewest.
            checks: Number of random points that are measured only to check the surrogate; 0 for no
                check, None for an eighth of the points, at least 2 and at most 16.
            check_level: Rate at which a check may fail by chance.
            on_failed_check: "raise" a SurrogateError, or "warn" with a SurrogateWarning.
            max_points: The largest accepted number of points, those of the check included.
            seed: Seed of the check points.

        Raises:
            InputError: If an argument is not accepted, or the circuit has no such surrogate: an
                angle is no sum of inputs times numbers, or it takes too many points.
            SurrogateError: If the check fails; its attribute `surrogate` has what was measured.
        """
        plan = SurrogatePlan.make(
            compiled.router,
            points=points,
            checks=checks,
            check_level=check_level,
            on_failed_check=on_failed_check,
            max_points=max_points,
            seed=seed,
        )
        return cls.from_plan(plan, compiled, weights_W)

    @classmethod
    def from_plan(
        cls,
        plan: SurrogatePlan,
        compiled: CompiledRouter,
        weights_W: FloatArray,
        *,
        profile: NoiseProfile | None = None,
    ) -> FourierSurrogate:
        """Measure all points of a plan in one evaluation; on a device, it is one unit of work.

        Args:
            plan: The points.
            compiled: The circuit on any backend.
            weights_W: Its weights, in radians.
            profile: The calibration of the device, for the record; None for that of `compiled`.

        Raises:
            InputError: If the weights do not fit the circuit, or it is another circuit.
            SurrogateError: If the check fails.
        """
        if compiled.router.content_hash != plan.router.content_hash:
            raise InputError("the plan is for another circuit: make it from compiled.router")
        inputs_BF, w_W = check_batch(plan.router, plan.inputs_BF, weights_W)
        if isinstance(compiled, InSlots):
            compiled = compiled.averaged()
        measured = compiled.expectations(inputs_BF, w_W)
        return cls.from_values(plan, measured, w_W, compiled, profile=profile)

    @classmethod
    def from_values(
        cls,
        plan: SurrogatePlan,
        measured: Expectations,
        weights_W: FloatArray,
        compiled: CompiledRouter | None = None,
        *,
        profile: NoiseProfile | None = None,
    ) -> FourierSurrogate:
        """Make the surrogate from the values at `plan.inputs_BF`, however they were measured.

        Args:
            plan: The points.
            measured: The values, in the order of the points.
            weights_W: The weights with which they were measured, in radians.
            compiled: What they were measured on, for the record.
            profile: The calibration of the device, for the record; None for that of `compiled`.

        Raises:
            InputError: If the values do not fit the plan.
            SurrogateError: If the check fails.
        """
        plan.require_fit(measured)
        _, w_W = check_batch(plan.router, plan.inputs_BF, weights_W)
        n_points = plan.grid.n_points
        surrogate = cls(
            router=plan.router,
            weights_W=w_W.copy(),
            grid=plan.grid,
            values_PO=measured.values[:n_points].copy(),
            std_errors_PO=measured.std_errors[:n_points].copy(),
            shots=measured.shots,
            check=plan.check(measured),
            record=MeasurementRecord.of(compiled, len(measured.values), measured.shots, profile),
            measured_on=compiled,
        )
        if surrogate.check is None or surrogate.check.passed:
            return surrogate
        message = (
            f"the check of the surrogate {surrogate.check}: the values do not follow from the "
            "circuit's frequencies and shot noise, as under drift, noise that depends on the "
            "inputs, or points in slots of unequal noise; measure again, or evaluate the circuit "
            "directly"
        )
        if plan.on_failed_check == "raise":
            raise SurrogateError(message, surrogate)
        warnings.warn(message, SurrogateWarning, stacklevel=2)
        return surrogate

    @classmethod
    def load(
        cls, path: str | Path, router: RouterCircuit, weights_W: FloatArray | None = None
    ) -> FourierSurrogate:
        """Read what `save` wrote, for the circuit that was measured.

        Args:
            path: Path of the file.
            router: The circuit.
            weights_W: The weights with which it must have been measured; None for any.

        Raises:
            RunError: If the file is missing, damaged, of a newer schema, or of another circuit or
                other weights.
        """
        stored = read_surrogate(path, router, weights_W)
        return cls(
            router=router,
            weights_W=stored.weights_W,
            grid=stored.grid,
            values_PO=stored.values_PO,
            std_errors_PO=stored.std_errors_PO,
            shots=stored.record.shots,
            check=stored.check,
            record=stored.record,
        )

    def save(self, path: str | Path) -> None:
        """Write the surrogate to a file, atomically; an existing file is replaced.

        Raises:
            InputError: If the file would be too large to be read again.
            RunError: If the file cannot be written.
        """
        stored = StoredSurrogate(
            grid=self.grid,
            values_PO=self.values_PO,
            std_errors_PO=self.std_errors_PO,
            weights_W=self.weights_W,
            check=self.check,
            record=self.record,
        )
        write_surrogate(stored, self.router, path)

    def redrawn(self, rng: np.random.Generator, correlations_POO: FloatArray) -> FourierSurrogate:
        """Return a surrogate whose values are drawn around these with their standard errors.

        The draws are normal, and independent for each point.

        Args:
            rng: The source of the draws.
            correlations_POO: Correlations of the errors of a point's values, which come from the
                same shots; (P, O, O).
        """
        squares_PO, axes_POO = np.linalg.eigh(correlations_POO)
        spreads_PO = np.sqrt(np.maximum(squares_PO, 0.0))  # rounding can make 0 negative
        drawn_PO = spreads_PO * rng.normal(size=self.values_PO.shape)
        errors_PO = self.std_errors_PO * (axes_POO @ drawn_PO[:, :, None])[:, :, 0]
        new = copy.copy(self)
        new.values_PO = self.values_PO + errors_PO
        return new

    @property
    def points(self) -> int:
        """Number of points of the grid, P."""
        return self.grid.n_points

    @property
    def executions(self) -> int | None:
        """Number of executions, those of the check included; None for exact values."""
        return self.record.executions

    @property
    def physical_qubits(self) -> tuple[int, ...]:
        """The device qubits on which it was measured."""
        return self.record.physical_qubits

    @property
    def expected_error(self) -> float | None:
        """See `CompiledRouter.expected_error`: that of what was measured."""
        return self.record.expected_error

    def device_circuit(self, *, measured: bool = False, scheduled: bool = False) -> QuantumCircuit:
        """Return the circuit that was measured, see `CompiledRouter.device_circuit`.

        Raises:
            InputError: If the surrogate was read from a file, which does not hold the circuit.
        """
        if self.measured_on is None:
            raise InputError(
                "a surrogate from a file has no device circuit: compile its router on "
                f"{self.record.backend!r}"
            )
        return self.measured_on.device_circuit(measured=measured, scheduled=scheduled)

    def expectations(
        self, inputs_BF: FloatArray, weights_W: FloatArray | None = None
    ) -> Expectations:
        """Evaluate a batch, see `CompiledRouter.expectations`.

        Args:
            inputs_BF: The inputs, in radians.
            weights_W: The weights of the measurement; None means these.

        Raises:
            InputError: If a shape does not fit, a value is not finite, or the weights are others.
        """
        x_BF, _ = self._checked(inputs_BF, weights_W)
        if self.shots is None:
            errors_BO = np.zeros((len(x_BF), self.router.n_outputs))
        else:
            errors_BO = np.sqrt(self.grid.variances(x_BF, self.std_errors_PO**2))
        values_BO = self.grid.interpolate(x_BF, self.values_PO)
        return Expectations(values=values_BO, std_errors=errors_BO, shots=self.shots)

    def jacobian(
        self, inputs_BF: FloatArray, weights_W: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Differentiate by inputs, (B, O, F); the derivatives by weights, (B, O, W), are NaN.

        Raises:
            InputError: As `expectations` does.
        """
        x_BF, w_W = self._checked(inputs_BF, weights_W)
        unknown_BOW = np.full((len(x_BF), self.router.n_outputs, len(w_W)), np.nan)
        return self.grid.slopes(x_BF, self.values_PO), unknown_BOW

    def vjp(self, inputs_BF: ArrayLike, weights_W: ArrayLike) -> tuple[ArrayLike, Pullback]:
        """See `CompiledRouter.vjp`; the gradient by the weights is NaN.

        Raises:
            InputError: If the weights are not those of the measurement.
        """
        to_numpy, back = array_converters(inputs_BF)
        x_BF = to_numpy(inputs_BF).copy()
        self.check_weights(to_numpy(weights_W))

        def pullback(
            gradient_BO: ArrayLike, *, need_inputs: bool = True
        ) -> tuple[ArrayLike | None, ArrayLike]:
            by_weights = back(np.full(len(self.weights_W), np.nan))
            if not need_inputs:
                return None, by_weights
            slopes_BOF = self.grid.slopes(x_BF, self.values_PO)
            return back(np.einsum("bo,bof->bf", to_numpy(gradient_BO), slopes_BOF)), by_weights

        return back(self.grid.interpolate(x_BF, self.values_PO)), pullback

    def _checked(
        self, inputs_BF: FloatArray, weights_W: FloatArray | None
    ) -> tuple[FloatArray, FloatArray]:
        given_W = self.weights_W if weights_W is None else weights_W
        x_BF, w_W = check_batch(self.router, inputs_BF, given_W)
        self.check_weights(w_W)
        return x_BF, w_W

    def check_weights(self, weights_W: FloatArray) -> None:
        """Raise InputError if these are not the weights of the measurement."""
        if not np.array_equal(weights_W, self.weights_W):
            raise InputError(
                "the surrogate was measured with other weights of the circuit, and knows nothing "
                "of these: measure it again"
            )

    def __repr__(self) -> str:
        error = "exact" if self.shots is None else f"{self.shots} shots each"
        return f"<FourierSurrogate of {self.record.backend!r}: {self.points} points, {error}>"
