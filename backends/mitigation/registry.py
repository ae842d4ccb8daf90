"""The mitigations of the noisy backend, by name; add one by registering it here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qmoe_qiskit.registry import Entry, Registry

if TYPE_CHECKING:
    from qmoe_qiskit.typing import FloatArray


def _as_measured(observables_OD: FloatArray, _: Sequence[FloatArray]) -> FloatArray:
    return observables_OD


def _without_readout_error(
    observables_OD: FloatArray, matrices: Sequence[FloatArray]
) -> FloatArray:
    """The mean over measured strings becomes the mean of the true observables over true states."""
    from qmoe_qiskit.backends.mitigation.readout import invert_readout_error
    from qmoe_qiskit.backends.noisy.readout_error import apply_readout_error

    return apply_readout_error(observables_OD, invert_readout_error(matrices))


def _at_zero_noise(noise_factors: Sequence[int]) -> FloatArray:
    """Extrapolate by a straight line."""
    from qmoe_qiskit.backends.mitigation.folding import extrapolation

    return extrapolation(noise_factors, degree=1)


@dataclass(frozen=True, kw_only=True)
class Mitigation(Entry):
    """How a noisy backend undoes errors.

    It evaluates the circuit once per noise factor, each time through the corrected observables, and
    adds up the values, each multiplied by the weight of its factor.

    Attributes:
        noise_factors: How many times each two-qubit gate is executed, per circuit: odd numbers.
        correct: Takes the observables over measured bit strings, (O, D), and per router qubit A
            with A[measured, true] = P(measured | true), (2, 2), to the observables to average;
            raises InputError if these readout errors cannot be corrected.
        weights: Takes the noise factors to the weight of each factor's values, (K,).
    """

    noise_factors: tuple[int, ...] = (1,)
    correct: Callable[[FloatArray, Sequence[FloatArray]], FloatArray] = _as_measured
    weights: Callable[[Sequence[int]], FloatArray] = _at_zero_noise


MITIGATIONS = Registry(
    "mitigation",
    [
        Mitigation(name="none", help="values as measured"),
        Mitigation(
            name="readout",
            help="undo readout errors by the calibrated probabilities",
            correct=_without_readout_error,
        ),
        Mitigation(  # readout errors, which folding does not amplify, stay
            name="zne",
            help="extrapolate to zero noise from circuits whose two-qubit gates are executed 1, 3 "
            "and 5 times",
            noise_factors=(1, 3, 5),
        ),
    ],
)
