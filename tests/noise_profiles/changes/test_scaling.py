"""What scaling a profile means, and that its result stays physical."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.quantum_info import SuperOp, average_gate_fidelity
from qiskit_aer import AerSimulator
from qiskit_aer.noise import depolarizing_error, thermal_relaxation_error

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles import GateCalibration, NoiseProfile, QubitCalibration, load_profile
from qmoe_qiskit.noise_profiles.thermal import depolarizing_probability, relaxation_fidelity

LAGOS = load_profile("ibm_lagos")
# Relaxation times and gate durations as they occur, and far beyond.
TIMES = st.floats(1e-12, 1e3)
PROBABILITIES = st.floats(0, 1)
FACTORS = st.one_of(st.floats(0, 10), st.floats(0, 1e300))


@st.composite
def profiles(draw: st.DrawFn) -> NoiseProfile:
    """Any two coupled qubits that a profile can describe."""
    qubits = []
    for qubit in range(2):
        t1 = draw(st.none() | TIMES)
        t2 = draw(st.none() | TIMES)
        if t1 is not None and t2 is not None:
            t2 = min(t2, 2 * t1)
        qubits.append(
            QubitCalibration(
                qubit=qubit,
                t1=t1,
                t2=t2,
                p_meas1_prep0=draw(PROBABILITIES),
                p_meas0_prep1=draw(PROBABILITIES),
                readout_length=1e-6,
            )
        )
    gates = [
        GateCalibration(
            name=name, qubits=place, error=draw(PROBABILITIES), duration=draw(st.just(0) | TIMES)
        )
        for name, place in (("sx", (0,)), ("sx", (1,)), ("cz", (0, 1)))
    ]
    return replace(
        LAGOS,
        qubits=tuple(qubits),
        gates=tuple(gates),
        physical_qubits=(0, 1),
        basis_gates=("cz", "sx"),
    )


def errors(profile: NoiseProfile) -> list[float]:
    return [gate.error for gate in profile.gates if gate.error is not None]


def rates(profile: NoiseProfile) -> list[float]:
    times = [t for qubit in profile.qubits for t in (qubit.t1, qubit.t2)]
    return [0.0 if time is None else 1 / time for time in times]


def wrong_outcomes(profile: NoiseProfile) -> list[float]:
    return [p for q in profile.qubits for p in (q.p_meas1_prep0, q.p_meas0_prep1) if p is not None]


def test_zero_is_ideal(lagos: NoiseProfile) -> None:
    ideal = lagos.scale(0)
    assert ideal.to_noise_model().is_ideal()
    assert set(errors(ideal) + rates(ideal) + wrong_outcomes(ideal)) == {0.0}
    circuit = QuantumCircuit(2)
    circuit.sx([0, 0, 1])
    circuit.cx(0, 1)
    circuit.delay(1, 0, unit="s")
    circuit.sx(1)
    circuit.measure_all()
    simulator = AerSimulator(noise_model=ideal.to_noise_model(), seed_simulator=1)
    assert simulator.run(circuit, shots=100).result().get_counts() == {"01": 100}


def test_one_is_as_measured(lagos: NoiseProfile) -> None:
    for same in (lagos.scale(1), lagos.scale(1.0, gates=1), lagos.scale(readout=1)):
        assert same == lagos
        assert same.content_hash == lagos.content_hash


def test_mechanisms_are_scaled_alone(torino: NoiseProfile) -> None:
    gates, relaxation, readout = (
        torino.scale(gates=2),
        torino.scale(relaxation=2),
        torino.scale(readout=2),
    )
    assert rates(gates) == rates(readout) == rates(torino)
    assert rates(relaxation) == [2 * rate for rate in rates(torino)]
    assert wrong_outcomes(gates) == wrong_outcomes(relaxation) == wrong_outcomes(torino)
    assert wrong_outcomes(readout) == [min(2 * p, max(p, 0.5)) for p in wrong_outcomes(torino)]
    assert readout.gates == torino.gates
    for gate, doubled, relaxed in zip(torino.gates, gates.gates, relaxation.gates, strict=True):
        old, new = ([p.qubits[q] for q in gate.qubits] for p in (torino, relaxation))
        probability = depolarizing_probability(gate, old)
        # Relaxation is of the size of the error: the probability is a difference of the two.
        close = pytest.approx(probability, rel=1e-9, abs=1e-13)
        assert depolarizing_probability(relaxed, new) == close
        assert depolarizing_probability(doubled, old) / 2 == close
    both = torino.scale(2)
    assert rates(both) == rates(relaxation)
    assert wrong_outcomes(both) == wrong_outcomes(readout)
    assert torino.scale(3, gates=2, relaxation=2, readout=2).gates == both.gates


def test_twice_the_gate_noise_is_twice_the_depolarization_in_aer(lagos: NoiseProfile) -> None:
    """Against channels made of Aer's own parts."""
    pairs = [lagos.subset(pair) for pair in lagos.couplings]
    gates = [pair.gate("cx", (0, 1)) for pair in pairs]
    pair, gate = next(
        (pair, gate)
        for pair, gate in zip(pairs, gates, strict=True)
        if gate and depolarizing_probability(gate, pair.qubits) > 0
    )
    (a, b), measured = pair.qubits, gate.error
    assert measured is not None
    relaxation = [thermal_relaxation_error(q.t1, q.t2, gate.duration) for q in (a, b)]
    idle = relaxation[0].expand(relaxation[1])
    fidelity = average_gate_fidelity(SuperOp(idle))
    assert relaxation_fidelity((a, b), gate.duration) == pytest.approx(fidelity, abs=1e-14)
    probability = 4 * (fidelity - 1 + measured) / (4 * fidelity - 1)
    for factor in (0.5, 2.0, 10.0):
        expected = depolarizing_error(factor * probability, 2).compose(idle)
        model = pair.scale(gates=factor).to_noise_model()
        found = model._local_quantum_errors["cx"][(0, 1)]
        assert np.abs(SuperOp(found).data - SuperOp(expected).data).max() < 1e-12


@given(profile=profiles(), gates=FACTORS, relaxation=FACTORS, readout=FACTORS)
@settings(max_examples=settings().max_examples * 3 // 5)
def test_any_factor_gives_a_physical_model(
    profile: NoiseProfile, gates: float, relaxation: float, readout: float
) -> None:
    scaled = profile.scale(gates=gates, relaxation=relaxation, readout=readout)
    for before, after in zip(profile.gates, scaled.gates, strict=True):
        dimension = 2 ** len(after.qubits)
        assert before.error is not None
        assert after.error is not None
        assert 0 <= after.error <= max(before.error, dimension / (dimension + 1))
    for before_q, after_q in zip(profile.qubits, scaled.qubits, strict=True):
        if after_q.t1 is not None and after_q.t2 is not None:
            assert 0 < after_q.t2 <= 2 * after_q.t1 < math.inf
        assert before_q.p_meas1_prep0 is not None
        assert after_q.p_meas1_prep0 is not None
        assert 0 <= after_q.p_meas1_prep0 <= max(before_q.p_meas1_prep0, 0.5)
    assert NoiseProfile.loads(scaled.dumps()) == scaled
    for places in scaled.to_noise_model()._local_quantum_errors.values():
        for error in places.values():
            assert SuperOp(error).is_cptp(atol=1e-7)


@given(profile=profiles(), factors=st.tuples(FACTORS, FACTORS), gates_too=st.booleans())
def test_noise_grows_with_the_factor(
    profile: NoiseProfile, factors: tuple[float, float], gates_too: bool
) -> None:
    # Beyond complete depolarization a channel comes back towards the identity.
    gates = tuple(
        replace(gate, error=min(gate.error or 0.0, 1 - 2.0 ** -len(gate.qubits)))
        for gate in profile.gates
    )
    profile = replace(profile, gates=gates)
    less, more = (
        profile.scale(factor, gates=None if gates_too else 1.0) for factor in sorted(factors)
    )
    for before, after in zip(errors(less), errors(more), strict=True):
        assert before <= after * (1 + 1e-6) + 1e-12
    assert all(before <= after for before, after in zip(rates(less), rates(more), strict=True))
    assert all(
        before <= after
        for before, after in zip(wrong_outcomes(less), wrong_outcomes(more), strict=True)
    )


def test_a_gate_at_the_limit_of_relaxation_stays_there(torino: NoiseProfile) -> None:
    limited = [
        gate
        for gate in torino.gates
        if gate.error
        and depolarizing_probability(gate, [torino.qubits[q] for q in gate.qubits]) == 0
    ]
    assert limited, "torino has gates that were measured better than their relaxation allows"
    for factor in (0.1, 0.999, 1.001, 10):
        scaled = torino.scale(factor)
        for gate in limited:
            new = scaled.gate(gate.name, gate.qubits)
            assert new is not None
            assert depolarizing_probability(new, [scaled.qubits[q] for q in new.qubits]) < 1e-15


def test_it_is_written_down(lagos: NoiseProfile) -> None:
    twice = lagos.scale(2).scale(gates=0.5)
    assert twice.history == (
        "scaled: gates 2.0, relaxation 2.0, readout 2.0",
        "scaled: gates 0.5, relaxation 1.0, readout 1.0",
    )
    assert twice.content_hash != lagos.content_hash


@pytest.mark.parametrize("factor", [-1, -1e-9, math.nan, math.inf])
def test_impossible_factors(lagos: NoiseProfile, factor: float) -> None:
    for name in ("gates", "relaxation", "readout", "factor"):
        with pytest.raises(InputError, match=f"{name} of scale is {factor!r}"):
            lagos.scale(**{name: factor})
    with pytest.raises(InputError, match="needs a factor"):
        lagos.scale()


def test_a_gate_that_outlasts_its_qubit_can_be_modelled(lagos: NoiseProfile) -> None:
    """Relaxation leaves nothing to depolarize; Aer by itself would divide by zero."""
    qubit = replace(lagos.qubits[0], t1=1e-6, t2=2e-6)
    gate = GateCalibration(name="sx", qubits=(0,), error=1.0, duration=1.0)
    profile = replace(lagos, qubits=(qubit,), gates=(gate,), physical_qubits=(0,))
    for one in (profile, profile.scale(gates=2), profile.scale(0.5), profile.scale(readout=0)):
        error = one.to_noise_model()._local_quantum_errors["sx"][(0,)]
        expected = thermal_relaxation_error(one.qubits[0].t1, one.qubits[0].t2, 1.0)
        assert np.abs(SuperOp(error).data - SuperOp(expected).data).max() < 1e-12
