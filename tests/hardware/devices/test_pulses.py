"""Early devices: u1, u2 and u3 as the pulses that IBM's estimator takes."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import U1Gate, U2Gate, U3Gate
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Operator
from qiskit_ibm_runtime.utils.validations import validate_isa_circuits

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.hardware.devices.pulses import U_GATES, has_u_gates, pulses_of, with_pulses
from qmoe_qiskit.noise_profiles import capture, load_profile


def test_the_pulses_are_the_gates(rng: np.random.Generator) -> None:
    angles = [Parameter(name) for name in "abcdef"]
    circuit = QuantumCircuit(2)
    circuit.append(U3Gate(*angles[:3]), [0])
    circuit.append(U2Gate(angles[3], 0.3), [1])
    circuit.cx(0, 1)
    circuit.append(U1Gate(2 * angles[4]), [1])
    circuit.append(U3Gate(0.1, angles[5], -0.2), [0])
    pulses = pulses_of(circuit)
    assert set(pulses.count_ops()) == {"rz", "sx", "cx"}
    assert pulses.count_ops()["sx"] == 5
    values = dict(zip(angles, rng.uniform(-7, 7, 6), strict=True))
    assert Operator(pulses.assign_parameters(values)).equiv(circuit.assign_parameters(values))


def test_the_pulses_are_calibrated_as_the_gates() -> None:
    profile = capture("fake_boeblingen")
    pulses = with_pulses(profile)
    for name, pulse in (("u1", "rz"), ("u2", "sx"), ("u3", "x")):
        before, after = profile.gate(name, (3,)), pulses.gate(pulse, (3,))
        assert before is not None
        assert after is not None
        assert (after.error, after.duration) == (before.error, before.duration)
    # IBM has the error of u3 from that of u2: it is two of these pulses.
    u2, u3 = (profile.gate(name, (3,)) for name in ("u2", "u3"))
    assert u2 is not None
    assert u3 is not None
    assert u3.error == pytest.approx(1 - (1 - (u2.error or 0)) ** 2, rel=1e-2)
    assert u3.duration == pytest.approx(2 * (u2.duration or 0))


def test_which_devices_have_them() -> None:
    assert has_u_gates(capture("fake_boeblingen"))
    assert not has_u_gates(with_pulses(capture("fake_boeblingen")))
    assert not has_u_gates(load_profile("ibm_lagos"))


def test_the_circuit_keeps_the_gates_of_the_device() -> None:
    backend = open_backend("runtime:fake_boeblingen", shots=16, seed=1)
    compiled = backend.compile(angle_router(2, 1))
    assert U_GATES.intersection(compiled.isa_circuit.count_ops())
    validate_isa_circuits([compiled.isa_circuit], backend.device.backend.target)  # type: ignore[attr-defined]


def test_other_gates_need_the_sampler() -> None:
    device = GenericBackendV2(3, basis_gates=["u", "cx"], seed=1)
    router = angle_router(2, 1)
    refused = open_backend(device, shots=16, seed=1, options={"resilience_level": 0})
    with pytest.raises(InputError, match=r"estimator turns qubits by rz, and .* the gates cx, u: "):
        refused.compile(router)
    sampled = open_backend(device, shots=16, seed=1, options={"primitive": "sampler"})
    x_BF, w_W = np.zeros((1, 2)), np.ones(router.n_weights)
    assert np.abs(sampled.compile(router).expectations(x_BF, w_W).values).max() <= 1
