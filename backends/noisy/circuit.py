"""A router circuit with its noise: what the noisy backend evaluates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from qiskit import QuantumCircuit

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
