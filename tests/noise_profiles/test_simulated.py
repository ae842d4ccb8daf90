"""What a simulation takes of a calibration that lacks something has the same noise."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import SuperOp
from qiskit_aer import AerError, AerSimulator

from qmoe_qiskit.errors import ProfileError
from qmoe_qiskit.noise_profiles import NoiseProfile
from qmoe_qiskit.noise_profiles.simulated import simulated, unknown_to_aer


def test_what_is_missing_is_no_time_and_no_noise(lagos: NoiseProfile) -> None:
    part = lagos.subset([0, 1])
    lacking = replace(
        part,
        dt=None,
        qubits=tuple(replace(qubit, readout_length=None) for qubit in part.qubits),
        gates=tuple(
            replace(g, duration=None if g.name == "sx" else g.duration) for g in part.gates
        ),
    )
    filled = simulated(lacking)
    target = filled.to_target()
    for name in set(target.operation_names) - {"delay", "reset"}:
        assert all(properties.duration is not None for properties in target[name].values())
    assert {target["sx"][(q,)].duration for q in (0, 1)} == {0.0}
    assert target["cx"][(0, 1)].duration == part.to_target()["cx"][(0, 1)].duration
    assert target.dt == 1e-15
    ours, aers = (p.to_noise_model()._local_quantum_errors for p in (filled, lacking))
    assert ours.keys() == aers.keys()
    for name, places in aers.items():
        for place, error in places.items():
            np.testing.assert_allclose(
                SuperOp(ours[name][place]).data, SuperOp(error).data, rtol=0, atol=1e-12
            )


def test_nothing_to_fill(lagos: NoiseProfile) -> None:
    assert simulated(lagos) == lagos


@pytest.mark.parametrize("name", ["iswap", "crx", "dcx", "ch"])
def test_gates_that_aer_does_not_know(name: str, lagos: NoiseProfile) -> None:
    """Aer itself refuses them by their names."""
    assert name in unknown_to_aer()
    circuit = QuantumCircuit(2)
    getattr(circuit, name)(*([0.1] if name == "crx" else []), 0, 1)
    circuit.save_density_matrix()
    with contextlib.suppress(AerError):  # "unknown instruction"
        assert not AerSimulator(method="density_matrix").run(circuit).result().success
    cx = [gate for gate in lagos.gates if gate.name == "cx"]
    both = replace(
        lagos,
        basis_gates=(*lagos.basis_gates, name),
        gates=(*lagos.gates, *(replace(gate, name=name) for gate in cx)),
    )
    assert simulated(both).basis_gates == lagos.basis_gates


@pytest.mark.parametrize("name", ["mine", "sxdg"])
def test_gates_that_qiskit_does_not_know(name: str, lagos: NoiseProfile) -> None:
    """A name that is none of Qiskit's, or one of a gate on another number of qubits."""
    rows = [replace(gate, name=name) for gate in lagos.gates if gate.name == "cx"]
    basis = (*lagos.basis_gates, name)
    both = replace(lagos, basis_gates=basis, gates=(*lagos.gates, *rows))
    assert simulated(both).basis_gates == lagos.basis_gates
    with pytest.raises(ProfileError, match=f"gates.{name} on 2 qubits is not one of"):
        both.to_target()


def test_gates_that_aer_knows(lagos: NoiseProfile) -> None:
    known = {"cx", "cz", "ecr", "rzz", "rx", "sx", "x", "id", "u1", "u2", "u3", "swap"}
    assert unknown_to_aer().isdisjoint(known.union(lagos.basis_gates))
