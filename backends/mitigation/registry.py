"""The mitigations of the noisy backend, by name; add one by registering it here.

Shapes: O observables, D measured bit strings (2 to the number of router qubits), K noise factors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from qmoe_qiskit.registry import Entry, Registry

if TYPE_CHECKING:
    from qmoe_qiskit.typing import FloatArray


class Mitigation(Protocol):
    """How a noisy backend undoes errors.

    It evaluates the circuit once per noise factor, each time through the corrected observables, and
    adds up the values, each multiplied by the weight of its factor.
    """

    @property
    def noise_factors(self) -> tuple[int, ...]:
        """How many times each two-qubit gate is executed, per evaluated circuit: odd numbers."""
        ...

    def correct(self, observables_OD: FloatArray, matrices: Sequence[FloatArray]) -> FloatArray:
        """Return the observables over measured bit strings that are averaged instead, (O, D).

        Args:
            observables_OD: The router's observables.
            matrices: Per router qubit, A with A[measured, true] = P(measured | true), (2, 2).

        Raises:
            InputError: If these readout errors cannot be corrected.
        """
        ...

    def weights(self) -> FloatArray:
        """Return the weight of each factor's values, (K,)."""
        ...


@dataclass(frozen=True, kw_only=True)
class MitigationEntry(Entry):
    """A mitigation by its name.

    Attributes:
        label: What tables and figures call it.
        method: What the noisy backend does.
    """

    label: str
    method: Mitigation


class _Unmitigated:
    """Values as they are measured."""

    noise_factors = (1,)

    def correct(
        self,
        observables_OD: FloatArray,
        matrices: Sequence[FloatArray],  # noqa: ARG002
    ) -> FloatArray:
        return observables_OD

    def weights(self) -> FloatArray:
        import numpy as np

        return np.ones(1)


class _ReadoutCorrection(_Unmitigated):
    """The mean over measured strings becomes the mean of the true observables over true states."""

    def correct(self, observables_OD: FloatArray, matrices: Sequence[FloatArray]) -> FloatArray:
        from qmoe_qiskit.backends.mitigation.readout import (
            apply_readout_error,
            invert_readout_error,
        )

        return apply_readout_error(observables_OD, invert_readout_error(matrices))


class _ZeroNoiseExtrapolation(_Unmitigated):
    """A straight line through the values at three noise factors, at zero noise.

    Errors that folding does not amplify, those of readout for one, stay.
    """

    noise_factors = (1, 3, 5)

    def weights(self) -> FloatArray:
        from qmoe_qiskit.backends.mitigation.folding import extrapolation

        return extrapolation(self.noise_factors, degree=1)


MITIGATIONS = Registry(
    "mitigation",
    [
        MitigationEntry(
            name="none", label="no mitigation", help="values as measured", method=_Unmitigated()
        ),
        MitigationEntry(
            name="readout",
            label="readout correction",
            help="undo readout errors by the calibrated probabilities",
            method=_ReadoutCorrection(),
        ),
        MitigationEntry(
            name="zne",
            label="zero-noise extrapolation",
            help="extrapolate to zero noise from circuits whose two-qubit gates are executed 1, 3 "
            "and 5 times",
            method=_ZeroNoiseExtrapolation(),
        ),
    ],
)
