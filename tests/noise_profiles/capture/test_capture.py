"""Capturing a profile from whatever Qiskit can describe, and what is repaired on the way."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from qiskit.circuit import Delay, Gate, IfElseOp, Measure, Parameter, Reset
from qiskit.circuit.library import CRXGate, CZGate, RXGate, RZGate, SXGate, XGate, iSwapGate
from qiskit.providers import QubitProperties
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import CouplingMap, InstructionProperties, Target
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from qmoe_qiskit.errors import InputError, ProfileError
from qmoe_qiskit.hardware.devices.fake import FakeDevice
from qmoe_qiskit.noise_profiles import NoiseProfile, capture, load_profile

WHEN = datetime(2025, 3, 1, 12, tzinfo=UTC)


def device(
    *,
    qubits: list[QubitProperties] | None = None,
    sx: tuple[float | None, ...] = (1e-4, 1e-4, 1e-4),
    cz: tuple[float | None, ...] = (1e-3, 1e-3),
    measure: tuple[InstructionProperties | None, ...] | None = None,
) -> Target:
    """A line of three qubits with control flow, a gate of its own and what a test asks for."""
    good = QubitProperties(t1=1e-4, t2=8e-5, frequency=5e9)
    target = Target("line", num_qubits=3, dt=1e-9, qubit_properties=qubits or [good] * 3)
    target.add_instruction(
        SXGate(), {(q,): InstructionProperties(3e-8, error) for q, error in enumerate(sx)}
    )
    target.add_instruction(
        CZGate(), {(q, q + 1): InstructionProperties(6e-8, error) for q, error in enumerate(cz)}
    )
    target.add_instruction(RZGate(Parameter("angle")), {(q,): None for q in range(3)})
    target.add_instruction(RXGate(math.pi / 2), {(0,): None}, name="rx")
    target.add_instruction(Gate("own", 1, []), {(0,): None})
    target.add_instruction(XGate())  # everywhere
    target.add_instruction(Reset())
    target.add_instruction(IfElseOp, name="if_else")
    target.add_instruction(Delay(Parameter("t")), {(q,): None for q in range(3)})
    plain = (InstructionProperties(1e-6, 0.01),) * 3
    target.add_instruction(Measure(), {(q,): p for q, p in enumerate(measure or plain)})
    return target


def repairs(profile: NoiseProfile) -> set[tuple[str, str, tuple[int, ...]]]:
    return {(repair.action, repair.item, repair.qubits) for repair in profile.repairs}


def test_a_fake_that_was_changed_is_captured_as_it_is() -> None:
    """Its name stands for what is stored."""
    stored, changed = capture("fake_manila"), FakeManilaV2()
    assert capture(changed) == stored
    changed.target.update_instruction_properties("sx", (0,), InstructionProperties(3e-8, 0.1))
    (sx,) = (gate for gate in capture(changed).gates if (gate.name, gate.qubits) == ("sx", (0,)))
    assert sx.error == 0.1
    assert FakeDevice(changed).profile().gates == capture(changed).gates != stored.gates
    assert FakeDevice("fake_manila").profile().gates == capture("fake_manila").gates == stored.gates


def test_a_target() -> None:
    profile = capture(device(), at=WHEN)
    assert (profile.device, profile.family, profile.captured_at) == ("line", None, WHEN)
    assert profile.source == "Qiskit target 'line'"
    assert profile.basis_gates == ("cz", "rz", "sx", "x")
    assert profile.couplings == ((0, 1), (1, 2))
    assert profile.gate("x", [2]) is not None
    assert profile.gate("reset", [1]) is not None
    assert profile.qubits[0].frequency == 5e9
    assert repairs(profile) == {
        ("dropped", "own", ()),
        ("dropped", "rx", ()),  # of one angle only: its name does not say which
        *(
            ("missing", f"{name} {what}", (q,))
            for name in ("rz", "x")
            for what in ("error", "duration")
            for q in range(3)
        ),
        *(("assumed", "readout", (q,)) for q in range(3)),
    }
    assert NoiseProfile.loads(profile.dumps()) == profile
    assert capture(profile.to_target(), at=WHEN).qubits == profile.qubits
    assert capture(device(), name="mine", at=WHEN).device == "mine"


def test_times_are_repaired() -> None:
    qubits = [
        QubitProperties(t1=1e-4, t2=3e-4),
        QubitProperties(t1=-1.0, t2=math.nan),
        QubitProperties(),
    ]
    profile = capture(device(qubits=qubits), at=WHEN)
    assert [(q.t1, q.t2) for q in profile.qubits] == [(1e-4, 2e-4), (None, None), (None, None)]
    assert repairs(profile) >= {
        ("changed", "T2", (0,)),
        ("dropped", "T1", (1,)),
        ("dropped", "T2", (1,)),
        ("missing", "T1", (2,)),
        ("missing", "T2", (2,)),
    }
    (changed,) = (repair for repair in profile.repairs if repair.action == "changed")
    assert changed.found == 3e-4
    (not_a_number,) = (r for r in profile.repairs if (r.item, r.qubits) == ("T2", (1,)))
    assert not_a_number.found is None  # JSON has no NaN
    profile.to_noise_model()
    assert NoiseProfile.loads(profile.dumps()) == profile


def test_dead_and_unmeasured_gates() -> None:
    profile = capture(device(sx=(None, 1e-4, 1e-4), cz=(1.0, -1e-9)), at=WHEN)
    assert profile.couplings == ((1, 2),)
    gate = profile.gate("cz", (1, 2))
    assert gate is not None
    assert gate.error == 0
    assert repairs(profile) >= {
        ("dropped", "cz", (0, 1)),
        ("changed", "cz error", (1, 2)),
        ("missing", "sx error", (0,)),
    }
    unmeasured = profile.gate("sx", (0,))
    assert unmeasured is not None
    assert unmeasured.error is None


def test_a_qubit_with_a_dead_gate_is_not_operational() -> None:
    profile = capture(device(sx=(1e-4, 1e-4, 1.0)), at=WHEN)
    assert [qubit.operational for qubit in profile.qubits] == [True, True, False]
    assert profile.couplings == ((0, 1),)
    assert not any(2 in gate.qubits for gate in profile.gates)
    assert repairs(profile) >= {("dropped", "qubit", (2,)), ("dropped", "cz", (1, 2))}
    target = profile.to_target()
    assert not any((2,) in target[name] for name in target.operation_names)
    again = capture(target, at=WHEN)
    assert [qubit.operational for qubit in again.qubits] == [True, True, False]


def test_readout_errors() -> None:
    asymmetric = InstructionProperties(1e-6, 0.02)
    asymmetric.prob_meas1_prep0, asymmetric.prob_meas0_prep1 = 0.01, 0.03
    wrong = InstructionProperties(1e-6, 0.02)
    wrong.prob_meas1_prep0, wrong.prob_meas0_prep1 = -0.1, 1.1
    profile = capture(device(measure=(asymmetric, wrong, InstructionProperties(-1.0))), at=WHEN)
    read = [(q.p_meas1_prep0, q.p_meas0_prep1, q.readout_length) for q in profile.qubits]
    assert read == [(0.01, 0.03, 1e-6), (0.0, 1.0, 1e-6), (None, None, None)]
    assert profile.qubits[2].readout_error is None
    assert repairs(profile) >= {
        ("changed", "readout", (1,)),
        ("missing", "readout", (2,)),
        ("dropped", "readout duration", (2,)),
    }
    model = profile.to_noise_model()
    assert set(model._local_readout_errors) == {(0,), (1,)}


def test_missing_durations() -> None:
    """What has none is counted as 0, and said: no readout length, no duration of a gate."""
    fine, none = InstructionProperties(1e-6, 0.01), InstructionProperties(None, 0.01)
    profile = capture(device(measure=(fine, none, none)), at=WHEN)
    assert [qubit.readout_length for qubit in profile.qubits] == [1e-6, None, None]
    found = [r for r in profile.repairs if r.item == "readout duration"]
    assert [(r.action, r.qubits, r.reason) for r in found] == [
        ("missing", (1,), "counted as 0"),
        ("missing", (2,), "counted as 0"),
    ]
    assert profile.summary()["repairs"]["readout duration missing"] == 2


def test_implausible_times_are_kept_and_said() -> None:
    """The times of fake_toronto are long by a factor, the dt of fake_poughkeepsie is in ns."""
    profile = capture("fake_toronto")
    found = {repair.item for repair in profile.repairs if "implausible" in repair.reason}
    assert found == {"cx duration", "id duration", "sx duration", "x duration", "readout duration"}
    longest = max(gate.duration or 0 for gate in profile.gates if gate.name == "cx")
    assert longest > 1e-5
    (dt,) = (r for r in capture("fake_poughkeepsie").repairs if r.item == "dt")
    assert dt.found == pytest.approx(3.6e-18, rel=0.02)
    assert "devices have 1e-11 to 1e-08 s; kept as it is" in dt.reason


@pytest.mark.parametrize("fake", ["fake_manila", "fake_sherbrooke", "fake_boston"])
def test_nothing_is_implausible_of_most(fake: str) -> None:
    assert not [r for r in capture(fake).repairs if "implausible" in r.reason]


def test_gates_that_aer_cannot_simulate() -> None:
    target = device()
    swaps = {(q, q + 1): InstructionProperties(6e-8, 1e-5) for q in range(2)}
    target.add_instruction(iSwapGate(), swaps)
    target.add_instruction(CRXGate(Parameter("angle")), swaps)
    profile = capture(target, at=WHEN)
    assert profile.basis_gates == ("cz", "rz", "sx", "x")
    assert not {gate.name for gate in profile.gates} & {"iswap", "crx"}
    assert repairs(profile) >= {("dropped", "iswap", ()), ("dropped", "crx", ())}


def test_any_backend() -> None:
    backend = GenericBackendV2(4, seed=7)
    before = datetime.now(UTC)
    profile = capture(backend)
    assert before <= profile.captured_at <= datetime.now(UTC)
    ours, reference = profile.to_noise_model(), NoiseModel.from_backend(backend)
    assert ours._local_quantum_errors == reference._local_quantum_errors
    assert ours._local_readout_errors == reference._local_readout_errors


def test_times_without_zone_are_local_and_others_are_converted() -> None:
    east = timezone(timedelta(hours=5))
    assert capture(device(), at=WHEN.astimezone(east)).captured_at == WHEN
    assert capture(device(), at=WHEN.astimezone(east)).captured_at.tzinfo is UTC
    local = WHEN.astimezone().replace(tzinfo=None)
    assert capture(device(), at=local).captured_at == WHEN


def test_a_fake_by_name_or_object() -> None:
    assert capture("fake_manila") == capture(FakeManilaV2()) == load_profile("ibmq_manila")
    with pytest.raises(InputError, match=r"unknown fake backend .*did you mean 'fake_torino'\?"):
        capture("fake_turino")
    with pytest.raises(InputError, match="fake_manila is one calibration, of its own date"):
        capture("fake_manila", at=WHEN)


def test_fractional_gates(torino: NoiseProfile) -> None:
    """IBM reports the error of sx as that of rx."""
    rx = [gate for gate in torino.gates if gate.name == "rx"]
    assert len(rx) == torino.n_qubits
    assert all(gate.copied for gate in rx)
    for gate in rx:
        model = torino.gate("sx", gate.qubits)
        assert model is not None
        assert gate.error == model.error
    assert not any(gate.copied for gate in torino.gates if gate.name != "rx")
    assert "rx" not in torino.basis_gates
    assert "rx" not in torino.to_target().operation_names
    offered = capture("fake_fractional")
    assert {"rx", "rzz"} <= set(offered.basis_gates)
    assert {"rx", "rzz"} <= set(offered.to_target().operation_names)


def test_a_target_without_any_calibration() -> None:
    target = Target.from_configuration(
        ["cz", "sx", "rz"], num_qubits=2, coupling_map=CouplingMap([[0, 1]])
    )
    profile = capture(target, at=WHEN)
    assert profile.couplings == ((0, 1),)
    assert profile.to_noise_model().is_ideal()
    assert {repair.action for repair in profile.repairs} == {"missing"}


def test_what_cannot_be_captured() -> None:
    for simulator in (AerSimulator(), AerSimulator().target):
        with pytest.raises(ProfileError, match="of the target acts on any"):
            capture(simulator)
    with pytest.raises(ProfileError, match="no fixed qubits"):
        capture(Target(num_qubits=None))
    with pytest.raises(InputError, match=r"from a Qiskit backend or target, .* got int"):
        capture(3)  # type: ignore[arg-type]


def test_gates_that_qiskit_does_not_know(lagos: NoiseProfile) -> None:
    text = lagos.dumps().replace('"cx"', '"cq"')
    text = "\n".join(line for line in text.splitlines() if "content_hash" not in line)
    profile = NoiseProfile.loads(text)
    for use in (profile.to_target, profile.to_noise_model):
        with pytest.raises(ProfileError, match=r"gates\.cq on 2 qubits is not one of Qiskit's"):
            use()
