"""Later calibrations: repeatable, physical, and as different as real ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qmoe_qiskit.errors import DriftWarning, InputError
from qmoe_qiskit.noise_profiles import NoiseProfile, load_profile
from qmoe_qiskit.noise_profiles.changes import drifting

LAGOS = load_profile("ibm_lagos")
LONG = 1000.0  # hours: the memory is gone


def log_ratios(before: NoiseProfile, after: NoiseProfile, name: str) -> NDArray[np.float64]:
    pairs = [
        (getattr(a, name), getattr(b, name))
        for a, b in zip(before.qubits, after.qubits, strict=True)
    ]
    return np.array([math.log(b / a) for a, b in pairs if a and b])


def test_the_same_state_gives_the_same_profile(lagos: NoiseProfile, seed: int) -> None:
    first, again = lagos.drift(seed), lagos.drift(np.random.default_rng(seed))
    assert first == again
    assert first.dumps() == again.dumps()
    generator = np.random.default_rng(seed)
    assert lagos.drift(generator) == first
    assert lagos.drift(generator) != first
    assert lagos.drift(seed + 1) != first


def test_the_date_moves_and_it_is_written_down(lagos: NoiseProfile, seed: int) -> None:
    later = lagos.drift(seed, hours=36)
    assert (later.captured_at - lagos.captured_at).total_seconds() == 36 * 3600
    assert later.history == ("drifted: hours 36.0, strength 1.0",)
    still = lagos.drift(seed, hours=36, strength=0)
    assert (still.qubits, still.gates) == (lagos.qubits, lagos.gates)
    assert still.captured_at == later.captured_at
    now = lagos.drift(seed, hours=0)
    assert (now.qubits, now.gates, now.captured_at) == (
        lagos.qubits,
        lagos.gates,
        lagos.captured_at,
    )


def test_what_is_measured_together_drifts_together(torino: NoiseProfile, seed: int) -> None:
    later = torino.drift(seed)
    for gate in later.gates:
        if gate.name == "cz":
            back = later.gate("cz", gate.qubits[::-1])
            assert back is not None
            assert gate.error == pytest.approx(back.error, rel=1e-12)
        if gate.name in ("x", "id", "rx"):
            model = later.gate("sx", gate.qubits)
            assert model is not None
            assert gate.error == model.error
    assert later.couplings == torino.couplings
    assert [q.frequency for q in later.qubits] == [q.frequency for q in torino.qubits]


def test_sizes_are_those_stated(torino: NoiseProfile, seed: int) -> None:
    generator = np.random.default_rng(seed)
    # Without the bound T2 <= 2 T1 and the saturation of readout, which cut the spread.
    free = torino.scale(readout=1e-3)
    qubits = [q for q in free.qubits if q.t1 and q.t2 and q.t2 < 0.2 * q.t1]
    numbers = [q.qubit for q in qubits]
    assert numbers
    later = [free.drift(generator, hours=LONG) for _ in range(80)]

    def ratios(name: str) -> NDArray[np.float64]:
        all_of_them = [log_ratios(free, one, name) for one in later]
        return np.concatenate([of_one[numbers] for of_one in all_of_them])

    t1, t2 = ratios("t1"), ratios("t2")
    # Estimates of a standard deviation and a correlation from n normal values err by
    # 1/sqrt(2 n) of it and at most 1/sqrt(n): at five times that, one run in a million fails.
    n = len(t1)
    assert np.std(t1) == pytest.approx(drifting.T1_SPREAD, rel=5 / math.sqrt(2 * n))
    assert np.std(t2) == pytest.approx(drifting.T2_SPREAD, rel=5 / math.sqrt(2 * n))
    correlation = np.corrcoef(t1, t2)[0, 1]
    assert correlation == pytest.approx(drifting.T1_T2_CORRELATION, abs=5 / math.sqrt(n))
    assert np.mean(t1) == pytest.approx(0, abs=5 * drifting.T1_SPREAD / math.sqrt(n))
    wrong = np.concatenate([log_ratios(free, one, "p_meas1_prep0") for one in later[:5]])
    assert np.std(wrong) == pytest.approx(
        drifting.P_MEAS1_PREP0_SPREAD, rel=5 / math.sqrt(2 * len(wrong))
    )


def test_the_spread_grows_with_time(torino: NoiseProfile, seed: int) -> None:
    spreads = [
        float(np.std(log_ratios(torino, torino.drift(seed, hours=hours), "t1")))
        for hours in (1, 24, LONG)
    ]
    # The same numbers are drawn, so the ratios are exact.
    assert spreads[0] / spreads[2] == pytest.approx(math.sqrt(1 - math.exp(-1 / 24)), rel=1e-9)
    assert spreads[1] / spreads[2] == pytest.approx(math.sqrt(1 - math.exp(-1)), rel=1e-9)


def test_a_stream_spreads_as_one_drift_does(torino: NoiseProfile, seed: int) -> None:
    """Whatever the time between two calibrations, and however many lie between them."""
    everything = list(torino.stream(seed, days=30))
    assert [(day.captured_at - torino.captured_at).days for day in everything] == [*range(1, 31)]
    for first, last in ((None, 0), (None, 1), (None, 29), (0, 1), (10, 13), (3, 28)):
        before = torino if first is None else everything[first]
        ratios = log_ratios(before, everything[last], "t1")
        days = last - (-1 if first is None else first)
        expected = drifting.T1_SPREAD * math.sqrt(1 - math.exp(-days))
        assert np.std(ratios) == pytest.approx(expected, rel=5 / math.sqrt(2 * len(ratios)))
        assert np.mean(ratios) == pytest.approx(0, abs=5 * expected / math.sqrt(len(ratios)))


def test_a_stream_repeats_and_takes_any_step(lagos: NoiseProfile, seed: int) -> None:
    days = list(lagos.stream(seed, days=2))
    assert days == list(lagos.stream(np.random.default_rng(seed), days=2.5))
    assert days != list(lagos.stream(seed + 1, days=2))
    assert days[1].history == ("drifted: hours 48.0, strength 1.0",)
    hourly = list(lagos.stream(seed, days=0.5, every_hours=1))
    assert [(one.captured_at - lagos.captured_at).seconds for one in hourly] == [
        3600 * hour for hour in range(1, 13)
    ]
    still = next(lagos.stream(seed, days=1, strength=0))
    # Relaxation and gate errors are computed back and forth.
    assert log_ratios(lagos, still, "t1") == pytest.approx(0, abs=1e-12)
    assert not list(lagos.stream(seed, days=0))


def test_a_drift_of_a_drift_is_warned_of(lagos: NoiseProfile, seed: int) -> None:
    later = lagos.drift(seed)
    with pytest.warns(DriftWarning, match="drift of a drift changes too much"):
        later.drift(seed)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"days": -1}, "days of drift is -1"),
        ({"days": math.inf}, "days of drift is inf"),
        ({"days": 1, "every_hours": 0}, "every_hours of a stream is 0"),
        ({"days": 1, "strength": math.nan}, "strength of drift is nan"),
    ],
)
def test_impossible_streams(lagos: NoiseProfile, settings: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        lagos.stream(0, **settings)


@given(seed=st.integers(0, 2**32), hours=st.floats(0, 1e5), strength=st.floats(0, 1e300))
@settings(max_examples=settings().max_examples // 2)
def test_any_strength_stays_physical(seed: int, hours: float, strength: float) -> None:
    later = LAGOS.drift(seed, hours=hours, strength=strength)
    for before, after in zip(LAGOS.gates, later.gates, strict=True):
        dimension = 2 ** len(after.qubits)
        if after.error is not None:
            assert 0 <= after.error <= max(before.error or 0.0, dimension / (dimension + 1))
    for qubit in later.qubits:
        assert qubit.t1 is not None
        assert qubit.t2 is not None
        assert qubit.t2 <= 2 * qubit.t1
    assert NoiseProfile.loads(later.dumps()) == later


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_impossible_settings(lagos: NoiseProfile, value: float) -> None:
    with pytest.raises(InputError, match=f"hours of drift is {value!r}"):
        lagos.drift(0, hours=value)
    with pytest.raises(InputError, match=f"strength of drift is {value!r}"):
        lagos.drift(0, strength=value)
    with pytest.raises(InputError, match="too many for a date"):
        lagos.drift(0, hours=1e12)
