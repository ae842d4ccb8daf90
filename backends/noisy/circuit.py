"""What a noisy backend evaluates: a circuit, the channels beside it, and its readout errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from qiskit import QuantumCircuit

from qmoe_qiskit.backends.mitigation.readout import apply_readout_error, invert_readout_error
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.simulation import diagonals
from qmoe_qiskit.simulation.lowering import Noise
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qiskit_aer.noise import NoiseModel


@dataclass(frozen=True, kw_only=True)
class NoisyCircuit:
    """A router with its noise, on the qubits that matter.

    Attributes:
        router: The router.
        circuit: Over the active qubits, without measurements.
        channels: The channels behind each instruction of `circuit`.
        noise_model: The same noise for Aer, readout errors included; None where the channels
            stand in `circuit` itself.
        measured: Per router qubit, the qubit of `circuit` that holds it at the end.
        assignment: Per router qubit, A[measured, true], (2, 2).
        full: The circuit over the whole device, as submitted.
        physical_qubits: The device qubit that holds each router qubit.
    """

    router: RouterCircuit
    circuit: QuantumCircuit
    channels: Noise
    noise_model: NoiseModel | None
    measured: tuple[int, ...]
    assignment: tuple[FloatArray, ...]
    full: QuantumCircuit
    physical_qubits: tuple[int, ...]

    def observables_of_strings(self, *, mitigated: bool) -> FloatArray:
        """Return the observables over measured bit strings, (O, 2^n), router qubits.

        With mitigation they are corrected by the inverse assignment matrices: their mean over
        measured strings is the mean of the true observables over true states.
        """
        diagonals_OD = diagonals(self.router.observables)
        return (
            apply_readout_error(diagonals_OD, invert_readout_error(self.assignment))
            if mitigated
            else diagonals_OD
        )

    def observables_of_states(self, *, mitigated: bool) -> FloatArray:
        """Return the observables over true basis states of `circuit`, (O, 2^m)."""
        of_states = apply_readout_error(
            self.observables_of_strings(mitigated=mitigated), self.assignment
        )
        return spread(of_states, self.measured, self.circuit.num_qubits)


def spread(diagonals_OD: FloatArray, measured: Sequence[int], n_qubits: int) -> FloatArray:
    """Extend observables on some qubits of a register by identities to all of them."""
    states = np.arange(2**n_qubits)
    local = np.zeros_like(states)
    for k, qubit in enumerate(measured):
        local |= ((states >> qubit) & 1) << k
    return diagonals_OD[:, local]
