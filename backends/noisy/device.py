"""A router under the noise of a device: placed on its qubits, folded where that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qmoe_qiskit.backends.mitigation.folding import folded
from qmoe_qiskit.backends.mitigation.readout import assignment_matrices
from qmoe_qiskit.backends.noisy.channels import NoiseChannels
from qmoe_qiskit.backends.noisy.circuit import NoisyCircuit
from qmoe_qiskit.backends.noisy.exact import MAX_EXACT_QUBITS
from qmoe_qiskit.backends.transpile.device import (
    fit_to_device,
    over_device,
    without_measurements,
)
from qmoe_qiskit.circuits import RouterCircuit

if TYPE_CHECKING:
    from qmoe_qiskit.noise_profiles import NoiseProfile


def on_device(
    router: RouterCircuit,
    profile: NoiseProfile,
    *,
    qubits: Sequence[int] | None = None,
    seed: int | None = None,
    noise_factors: Sequence[int] = (1,),
) -> list[NoisyCircuit]:
    """Return a router with a device's noise, once per noise factor.

    Args:
        router: The router.
        profile: The calibration of the device.
        qubits: The device qubits to use; None for those with the smallest expected error.
        seed: The seed of Qiskit's routing.
        noise_factors: How many times each two-qubit gate is executed, per returned circuit.

    Raises:
        InputError: If the device cannot run the circuit.
    """
    # The same circuit is evaluated exactly and sampled.
    most = MAX_EXACT_QUBITS if router.n_qubits <= MAX_EXACT_QUBITS else None
    placed = fit_to_device(router, profile, qubits=qubits, most_qubits=most, seed=seed)
    active = profile.subset(placed.active)
    model = active.to_noise_model()
    channels = NoiseChannels(model)
    circuits = []
    for factor in noise_factors:
        circuit = placed.compact
        if factor != 1:
            circuit = folded(circuit, factor, active.to_target())
        circuits.append(
            NoisyCircuit(
                router=router,
                circuit=without_measurements(circuit),
                channels=channels,
                noise_model=model,
                measured=placed.measured,
                assignment=assignment_matrices(active, placed.measured),
                full=over_device(circuit, placed.active, len(profile.qubits)),
                physical_qubits=placed.physical_qubits,
            )
        )
    return circuits
