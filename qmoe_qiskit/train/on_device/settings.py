"""How a model is trained on a device of IBM Quantum."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from qmoe_qiskit import limits
from qmoe_qiskit.backends.slots.request import slot_request
from qmoe_qiskit.errors import InputError, require_positive, unknown_name

if TYPE_CHECKING:
    from qmoe_qiskit.hardware.options import RuntimeOptions

Method = Literal["spsa", "parameter-shift", "refit"]
METHODS: tuple[str, ...] = get_args(Method)
# What may differ between an interrupted training and its continuation.
_MAY_CHANGE = ("budget_s", "max_steps")


@dataclass(frozen=True, kw_only=True)
class HardwareTraining:
    """A training in which every step measures a few points on a device, in one unit of work.

    Attributes:
        budget_s: QPU time in seconds that the training may take; None for no limit, on a fake.
        max_steps: Number of steps after which the training ends.
        method: "parameter-shift" takes the exact derivative by every weight, of a circuit in which
            each turns one rotation. "spsa" takes a few random directions per step, of any circuit.
            "refit" measures the circuit once, and trains the adapter and the experts alone.
        slots: How many points to evaluate at once, "auto" or a number, see `open_backend`; for an
            open backend None: it has its own.
        options: Settings of IBM's primitives, see `RuntimeOptions`; for an open backend None.
        points: Number of points of the surrogate, see `FourierSurrogate.measure`.
        classical_steps: Number of steps of the optimizer on the adapter and the experts after each
            measurement.
        resamplings: Number of random directions per step of SPSA, whose estimates are averaged.
        perturbation: Size of SPSA's first perturbation of every weight, in radians.
        first_move: Size of SPSA's first move of every weight, in radians; later moves decay, see J.
            C. Spall, IEEE Transactions on Aerospace and Electronic Systems 34, 817 (1998).
        blocking: Whether to go back to the best model when a move raises the loss by more than
            twice its standard error.
        circuit_rate: Learning rate of the optimizer on the circuit's weights with
            "parameter-shift"; None for 0.1, or 0.02 if the training goes on with a fitted model.

    Raises:
        InputError: If a value is not accepted.
    """

    budget_s: float | None = None
    max_steps: int = 200
    method: Method = "parameter-shift"
    slots: str | int | None = "auto"
    options: RuntimeOptions | Mapping[str, Any] | None = None
    points: int | None = None
    classical_steps: int = 20
    resamplings: int = 4
    perturbation: float = 0.2
    first_move: float = 0.4
    blocking: bool = False
    circuit_rate: float | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise unknown_name("method", self.method, METHODS)
        for name in ("max_steps", "classical_steps", "resamplings"):
            require_positive(name, getattr(self, name), at_most=limits.EPOCHS)
        if self.points is not None:
            require_positive("points", self.points)
        slot_request(self.slots)
        if not isinstance(self.blocking, bool):
            raise InputError(f"blocking must be True or False, got {self.blocking!r}")
        for name in ("budget_s", "perturbation", "first_move", "circuit_rate"):
            value = getattr(self, name)
            if value is None and name in {"budget_s", "circuit_rate"}:
                continue
            if (
                isinstance(value, bool)
                or not isinstance(value, int | float)
                or not 0 < value < math.inf
            ):
                raise InputError(f"{name} must be a number above 0, got {value!r}")

    @classmethod
    def of(cls, given: object) -> Self | None:
        """Return the settings that a classifier was given: an object, a dict, or None.

        Raises:
            InputError: If it is something else, or a value is not accepted.
        """
        if given is None or isinstance(given, cls):
            return given
        if not isinstance(given, Mapping):
            raise InputError(
                f"hardware_training must be a HardwareTraining, a dict or None, got {given!r}"
            )
        known = [field.name for field in fields(cls)]
        for name in given:
            if name not in known:
                raise unknown_name("setting of hardware_training", name, known)
        return cls(**given)

    def document(self) -> dict[str, Any]:
        """Return what decides the result, as JSON values."""
        from qmoe_qiskit.hardware.options import runtime_options

        found = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _MAY_CHANGE}
        if self.options is not None:
            found["options"] = runtime_options(self.options).model_dump(
                mode="json", exclude_defaults=True
            )
        return found
