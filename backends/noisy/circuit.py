"""A router circuit with its noise: what the noisy backend evaluates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from qiskit import QuantumCircuit

from qmoe_qiskit.backends.handed_out import PlacedCircuit
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.circuits.observables import Basis, is_diagonal, measurement_bases
from qmoe_qiskit.simulation.lowering import ChannelsAfter
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qiskit_aer.noise import NoiseModel


@dataclass(frozen=True, kw_only=True)
class NoisyCircuit:
    """A router with its noise, on the qubits that matter.

    Attributes:
        router: The router; where observables need several bases, in one of them.
        circuit: The circuit over the active qubits, without measurements.
        channels: Takes each instruction of `circuit` to the channels that act after it.
        noise_model: The same noise for Aer, readout errors included; None where the channels are
            instructions of `circuit` itself.
        measured: Per router qubit, the qubit of `circuit` that holds it at the end.
        assignment: Per router qubit, A with A[measured, true] = P(measured | true), (2, 2).
        placed: The circuit without a change of basis where it runs, which is handed out.
    """

    router: RouterCircuit
    circuit: QuantumCircuit
    channels: ChannelsAfter
    noise_model: NoiseModel | None
    measured: tuple[int, ...]
    assignment: tuple[FloatArray, ...]
    placed: PlacedCircuit


def in_bases(router: RouterCircuit) -> list[tuple[Basis, RouterCircuit]]:
    """Return the bases that measure a router's observables, each with the router followed by it."""
    bases = measurement_bases(router.observables)
    if is_diagonal(router.observables):
        return [(bases[0], router)]
    return [(basis, router.in_basis(basis)) for basis in bases]


class NoiseSource(Protocol):
    """Noise that is not a device's calibration."""

    def add_to(
        self, router: RouterCircuit, *, noise_factors: Sequence[int], seed: int | None
    ) -> list[NoisyCircuit]:
        """Return the router with this noise, once per basis, see `in_bases`, and noise factor.

        All circuits of the first basis come before those of the second.

        Args:
            router: The router.
            noise_factors: How many times each two-qubit gate is executed, per circuit of a basis.
            seed: The seed of Qiskit's routing.

        Raises:
            InputError: If the router cannot run with this noise, or gates cannot be folded.
        """
        ...
