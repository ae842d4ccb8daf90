"""Fake devices: what they execute, on which qubits, and how often."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.hardware.devices import fake as local
from qmoe_qiskit.hardware.devices.fake import FakeDevice
from qmoe_qiskit.hardware.options import RuntimeOptions
from qmoe_qiskit.hardware.primitives import program_of
from qmoe_qiskit.hardware.work import WorkUnit

if TYPE_CHECKING:
    from typing import Any


def rotated(device: FakeDevice, qubits: tuple[int, ...], n_points: int, **options: Any) -> WorkUnit:
    """One rotation per qubit, each with its own angle; over the points it goes from 0 to pi."""
    angles = ParameterVector("angle", len(qubits))
    circuit = QuantumCircuit(device.backend.num_qubits)
    for angle, qubit in zip(angles, qubits, strict=True):
        circuit.sx(qubit)
        circuit.rz(angle, qubit)
        circuit.sx(qubit)
    n = len(qubits)
    return WorkUnit(
        key="",
        spec="runtime:" + device.name,
        device=device.name,
        title="",
        circuit=circuit,
        physical_qubits=qubits,
        observables=tuple(SparsePauliOp.from_sparse_list([("Z", [k], 1)], n) for k in range(n)),
        points_PG=np.linspace(0, 1, n_points)[:, None] * np.pi * np.ones(n),
        shots=1000,
        options=RuntimeOptions(**options),
    )


@pytest.mark.parametrize("primitive", ["estimator", "sampler"])
def test_qubits_keep_their_places_and_points_their_order(primitive: str) -> None:
    device = FakeDevice("fake_fez", seed=1)
    work = rotated(device, (150, 3, 77), 3, primitive=primitive)
    # Of three qubits only the first turns.
    work = replace(work, points_PG=work.points_PG * [1, 0, 0])
    outcome = device.execute(work)
    # SX RZ(a) SX is a rotation about X by pi at a = 0, and nothing at a = pi. Readout errors and
    # shots stay far below the distance.
    expected = [[-1, -1, -1], [0, -1, -1], [1, -1, -1]]
    np.testing.assert_allclose(outcome.values_PO, expected, atol=0.25)
    assert outcome.std_errors_PO.shape == (3, 3)
    assert (outcome.seconds, outcome.job_ids) == (0.0, ())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"resilience_level": 0},
        {"resilience_level": 2},
        {"twirling": {"num_randomizations": 3, "shots_per_randomization": 50}},
        {"primitive": "sampler"},
    ],
    ids=str,
)
def test_executions_are_those_of_the_program(options: dict[str, Any]) -> None:
    device = FakeDevice("fake_kolkata", seed=1)
    work = rotated(device, (4, 7), 2, **options)
    program = program_of(work, 0, 2, device.backend)
    expected = program.shots * sum(item.size() for item in program.items)
    assert device.execute(work).executions == expected


def test_many_points_run_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    device = FakeDevice("fake_manila", seed=1)
    work = rotated(device, (2,), 7, resilience_level=0)
    monkeypatch.setattr(local, "_MAX_SHOTS_A_RUN", 3 * work.shots)
    outcome = device.execute(work)
    assert outcome.executions == 7 * work.shots
    expected = -np.cos(work.points_PG)
    np.testing.assert_allclose(outcome.values_PO, expected, atol=0.3)


def test_what_cannot_be_simulated() -> None:
    with pytest.raises(InputError, match=r"unknown fake device 'fake_toronto2'.*'fake_toronto'"):
        FakeDevice("fake_toronto2")
    device = FakeDevice("fake_kolkata")
    whole = rotated(device, tuple(range(27)), 1, resilience_level=0)
    joined = replace(whole, observables=(SparsePauliOp("Z" * 27),))
    with pytest.raises(InputError, match="takes 27 qubits of fake_kolkata"):
        device.execute(joined)
    # Qubits that nothing joins are simulated one by one.
    values_1O = device.execute(replace(whole, shots=100)).values_PO
    np.testing.assert_allclose(values_1O, -np.ones((1, 27)), atol=0.9)
    zne = {"noise_factors": [1, 3], "extrapolator": "double_exponential"}
    work = rotated(device, (2,), 1, resilience={"zne_mitigation": True, "zne": zne})
    with pytest.raises(InputError, match="double_exponential requires at least 4"):
        device.execute(work)
