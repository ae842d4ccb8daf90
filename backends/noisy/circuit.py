"""A router circuit with its noise: what the noisy backend evaluates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from qiskit import QuantumCircuit

from qmoe_qiskit.backends.mitigation.readout import apply_readout_error
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.simulation.lowering import ChannelsAfter
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qiskit_aer.noise import NoiseModel


@dataclass(frozen=True, kw_only=True)
class NoisyCircuit:
    """A router with its noise, on the qubits that matter.

    Attributes:
        router: The router.
        circuit: The circuit over the active qubits, without measurements.
        channels: Takes each instruction of `circuit` to the channels that act after it.
        noise_model: The same noise for Aer, readout errors included; None where the channels are
            instructions of `circuit` itself.
        measured: Per router qubit, the qubit of `circuit` that holds it at the end.
        assignment: Per router qubit, A with A[measured, true] = P(measured | true), (2, 2).
        full: The circuit over the whole device, as submitted.
        physical_qubits: Per router qubit, the device qubit that holds it at the end.
    """

    router: RouterCircuit
    circuit: QuantumCircuit
    channels: ChannelsAfter
    noise_model: NoiseModel | None
    measured: tuple[int, ...]
    assignment: tuple[FloatArray, ...]
    full: QuantumCircuit
    physical_qubits: tuple[int, ...]

    def observables_of_states(self, observables_OD: FloatArray) -> FloatArray:
        """Take observables over measured bit strings to those over basis states of `circuit`.

        Args:
            observables_OD: The observables, (O, 2^n) for n router qubits.

        Returns:
            Observables over the true states before readout, (O, 2^m) for m qubits of `circuit`.
        """
        of_states_OD = apply_readout_error(observables_OD, self.assignment)
        return spread(of_states_OD, self.measured, self.circuit.num_qubits)


class NoiseSource(Protocol):
    """Noise that is not a device's calibration."""

    def add_to(
        self, router: RouterCircuit, *, noise_factors: Sequence[int], seed: int | None
    ) -> list[NoisyCircuit]:
        """Return the router with this noise, once per noise factor.

        Args:
            router: The router.
            noise_factors: How many times each two-qubit gate is executed, per returned circuit.
            seed: The seed of Qiskit's routing.

        Raises:
            InputError: If the router cannot run with this noise, or gates cannot be folded.
        """
        ...


def spread(diagonals_OD: FloatArray, measured: Sequence[int], n_qubits: int) -> FloatArray:
    """Extend observables on some qubits of a register by identities to all of them."""
    states = np.arange(2**n_qubits)
    local = np.zeros_like(states)
    for k, qubit in enumerate(measured):
        local |= ((states >> qubit) & 1) << k
    return diagonals_OD[:, local]
