"""Depolarizing noise without a device: the paper's two channels per qubit, or one per gate."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Instruction, Parameter, ParameterExpression
from qiskit_aer.noise import QuantumError, depolarizing_error

from qmoe_qiskit.backends.aer_reference import unfolded
from qmoe_qiskit.backends.handed_out import WithoutDevice
from qmoe_qiskit.backends.noisy.circuit import NoisyCircuit, in_bases
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.simulation.lowering import Channel
from qmoe_qiskit.simulation.representation import transfer_matrix

# p (X + Y + Z) / 3 at p = 3/4 is the fully mixed state.
MAX_PROBABILITY = 0.75


@dataclass(frozen=True, kw_only=True)
class Depolarizing:
    """Depolarizing noise on an ideal device.

    A channel applies X, Y or Z with probability p / 3 each (as PennyLane's DepolarizingChannel, the
    one of the paper's notebooks; Aer's depolarizing_error counts the identity in: 4 p / 3 there).

    Attributes:
        probability: The probability p of an error per channel, from 0 to `MAX_PROBABILITY`.
        every_gate: Whether a channel follows every gate, on each of its qubits. Otherwise channels
            are at the paper's positions: on every qubit after each upload of the features, and at
            the end. An upload may be more than one gate per qubit: constant gates between its
            rotations belong to it, gates with weights and barriers end it.

    Raises:
        InputError: If the probability is not between 0 and 3/4.
    """

    probability: float
    every_gate: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= MAX_PROBABILITY:
            raise InputError(
                f"depolarizing probability must lie between 0 and {MAX_PROBABILITY}, got "
                f"{self.probability}"
            )

    def add_to(
        self,
        router: RouterCircuit,
        *,
        noise_factors: Sequence[int],
        seed: int | None,  # noqa: ARG002 - nothing is routed
    ) -> list[NoisyCircuit]:
        """See `NoiseSource.add_to`; InputError if gates are to be folded."""
        if tuple(noise_factors) != (1,):
            raise InputError(
                "depolarizing noise without a device is not amplified by executing gates several "
                "times: zero-noise extrapolation is for devices, such as 'noisy:ibm_torino'"
            )
        placed = WithoutDevice(router=router)
        return [
            NoisyCircuit(
                router=rotated,
                circuit=self._with_channels(
                    router, unfolded(rotated.standard_circuit, "density_matrix")
                ),
                channels=_own_channel,
                noise_model=None,
                measured=placed.physical_qubits,
                assignment=(np.eye(2),) * router.n_qubits,
                placed=placed,
            )
            for _, rotated in in_bases(router)
        ]

    def _with_channels(self, router: RouterCircuit, circuit: QuantumCircuit) -> QuantumCircuit:
        """Insert the channels as Aer instructions; the router says which angles are inputs."""
        channel = depolarizing_error(4 * self.probability / 3, 1).to_instruction()
        inputs = set(router.inputs)
        noisy = QuantumCircuit(circuit.num_qubits, global_phase=circuit.global_phase)
        touched: set[int] = set()  # qubits whose gates uploaded a feature since the last channels
        for step, uploading in zip(circuit.data, _uploading(circuit, inputs), strict=True):
            wires = [circuit.find_bit(q).index for q in step.qubits]
            if step.operation.name in {"barrier", "delay", "id"}:
                continue
            uploads = not inputs.isdisjoint(_parameters(step.operation))
            if not self.every_gate and touched and not uploading:
                _append(noisy, channel, range(circuit.num_qubits))
                touched.clear()
            noisy.append(step.operation, wires)
            if self.every_gate:
                _append(noisy, channel, wires)
            elif uploads:
                touched.update(wires)
        if not self.every_gate:
            if touched:
                _append(noisy, channel, range(circuit.num_qubits))
            _append(noisy, channel, range(circuit.num_qubits))
        return noisy


def _uploading(circuit: QuantumCircuit, inputs: set[Parameter]) -> list[bool]:
    """Return for each instruction whether it is part of an upload or between two of its parts."""
    uploading, follows = [], False
    for step in reversed(circuit.data):
        parameters = _parameters(step.operation)
        if step.operation.name == "barrier" or parameters:
            follows = not inputs.isdisjoint(parameters)
        uploading.append(follows)
    return uploading[::-1]


def _parameters(operation: Instruction) -> set[Parameter]:
    return {p for a in operation.params if isinstance(a, ParameterExpression) for p in a.parameters}


def _append(circuit: QuantumCircuit, channel: Instruction, qubits: Iterable[int]) -> None:
    for qubit in qubits:
        circuit.append(channel, [qubit])


def _own_channel(operation: Any, qubits: tuple[int, ...]) -> list[Channel]:  # noqa: ANN401
    """Return the channel that an Aer error instruction in the circuit itself stands for."""
    if operation.name != "quantum_channel":
        return []
    error: QuantumError = operation._quantum_error  # noqa: SLF001
    return [Channel(matrix=transfer_matrix(error), qubits=qubits)]
