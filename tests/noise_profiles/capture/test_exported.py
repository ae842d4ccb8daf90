"""Calibrations as IBM exports them: written here from a fake's properties, read back as captured.

The oracle is `capture` of the fake itself, which reads IBM's target.
"""

from __future__ import annotations

import copy
import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from qiskit_ibm_runtime.fake_provider import (
    FakeBoeblingenV2,
    FakeFez,
    FakeKingston,
    FakeManilaV2,
    FakeSherbrooke,
)

from qmoe_qiskit.errors import InputError, ProfileError
from qmoe_qiskit.noise_profiles import GateCalibration, NoiseProfile, capture

if TYPE_CHECKING:
    from pathlib import Path

    from qiskit_ibm_runtime.fake_provider.fake_backend import FakeBackendV2

FAKES = [FakeManilaV2, FakeSherbrooke, FakeKingston]
WHEN = datetime(2025, 3, 1, 12, tzinfo=UTC)
ONE_QUBIT = {"id": "ID", "rz": "Z-axis rotation (rz)", "sx": "√x (sx)", "x": "Pauli-X", "rx": "RX"}
TWO_QUBIT = {"cx": "CNOT", "ecr": "ECR", "cz": "CZ", "rzz": "RZZ"}
QUBIT = {
    "T1 (us)": "T1",
    "T2 (us)": "T2",
    "Frequency (GHz)": "frequency",
    "Anharmonicity (GHz)": "anharmonicity",
    "Readout assignment error ": "readout_error",
    "Prob meas0 prep1 ": "prob_meas0_prep1",
    "Prob meas1 prep0 ": "prob_meas1_prep0",
    "Readout length (ns)": "readout_length",
}


def without_resets(profile: NoiseProfile) -> tuple[GateCalibration, ...]:
    return tuple(gate for gate in profile.gates if gate.name != "reset")


def table(fake: FakeBackendV2, *, modern: bool) -> str:
    """The table of a device: `modern` with the length of one-qubit gates and measure_2."""
    properties = fake.properties()
    gates: dict[str, dict[tuple[int, ...], dict[str, Any]]] = {}
    for gate in properties.gates:
        values = {value.name: value.value for value in gate.parameters}
        gates.setdefault(gate.gate, {})[tuple(gate.qubits)] = values
    one = {name: title for name, title in ONE_QUBIT.items() if name in gates}
    two = {name: title for name, title in TWO_QUBIT.items() if name in gates}
    headings = ["Qubit", *QUBIT, *(f"{title} error " for title in one.values())]
    headings += ["Single-qubit gate length (ns)", "MEASURE_2 error"] if modern else []
    headings += [*(f"{title} error " for title in two.values()), "Gate time (ns)"]
    headings += ["Operational"] if modern else []
    rows = [headings]
    for q, listed in enumerate(properties.qubits):
        known = {value.name: value.value for value in listed}
        row = [str(q), *(str(known.get(name, "")) for name in QUBIT.values())]
        row += [str(gates[name][q,]["gate_error"]) for name in one]
        row += [str(gates["sx"][q,]["gate_length"]), "0.01"] if modern else []
        pairs = {name: {p: v for p, v in gates[name].items() if p[0] == q} for name in two}
        for name in two:
            row.append(";".join(f"{a}_{b}:{v['gate_error']}" for (a, b), v in pairs[name].items()))
        lengths = {p: v["gate_length"] for name in two for p, v in pairs[name].items()}
        row.append(";".join(f"{a}_{b}:{length}" for (a, b), length in lengths.items()))
        row += ["No" if known.get("operational") == 0 else "Yes"] if modern else []
        rows.append(row)
    return "\n".join(",".join(f'"{cell}"' for cell in row) for row in rows)


@pytest.mark.parametrize(
    "kind",
    [
        FakeManilaV2,
        FakeKingston,
        FakeBoeblingenV2,
        pytest.param(FakeSherbrooke, marks=pytest.mark.trial),
    ],
)
def test_properties_as_json_and_as_an_object(kind: type[FakeBackendV2], tmp_path: Path) -> None:
    properties = kind().properties()
    file = tmp_path / "properties.json"
    file.write_text(json.dumps(properties.to_dict(), default=str))
    whole = capture(kind())
    for source in (file, str(file), properties):
        profile = capture(source)
        assert profile.qubits == whole.qubits
        assert without_resets(profile) == without_resets(whole)
        for name in ("device", "captured_at", "basis_gates", "couplings"):
            assert getattr(profile, name) == getattr(whole, name)
        assert {repair.item for repair in profile.repairs} >= {"dt"}
        assert NoiseProfile.loads(profile.dumps()) == profile
    assert capture(file, name="mine").device == "mine"
    assert "from a file of its properties" in capture(file).source


def test_unchanged_noise(tmp_path: Path) -> None:
    file = tmp_path / "properties.json"
    file.write_text(json.dumps(FakeManilaV2().properties().to_dict(), default=str))
    part = [0, 1, 2]
    ours = capture(file).subset(part).to_noise_model()
    reference = capture("fake_manila").subset(part).to_noise_model()
    assert ours._local_readout_errors == reference._local_readout_errors
    assert ours._local_quantum_errors == reference._local_quantum_errors


@pytest.mark.parametrize("kind", FAKES)
@pytest.mark.parametrize("modern", [True, False])
def test_a_table(kind: type[FakeBackendV2], *, modern: bool, tmp_path: Path) -> None:
    fake = kind()
    whole = capture(fake)
    file = tmp_path / f"{whole.device}_calibrations_2025-03-01T12_00_00Z.csv"
    file.write_text(table(fake, modern=modern))
    profile = capture(file)
    assert (profile.device, profile.captured_at) == (whole.device, WHEN)
    assert profile.basis_gates == whole.basis_gates
    assert profile.couplings == whole.couplings
    broken = any(not qubit.operational for qubit in whole.qubits)
    if modern or not broken:
        assert profile.qubits == whole.qubits
        lengths = {gate.duration for gate in whole.gates if gate.name in {"sx", "x", "rx"}}
        if modern and len(lengths) == 1:
            assert without_resets(profile) == without_resets(whole)
    if not modern:
        assert profile.gate("sx", (0,)) == replace(whole.gate("sx", (0,)), duration=None)  # type: ignore[type-var]
        a, b = whole.couplings[0]
        (name,) = {gate.name for gate in whole.gates} & {"cx", "ecr", "cz"}
        assert profile.gate(name, (a, b)) == whole.gate(name, (a, b))
        assert ("sx duration", "counted as 0") in {(r.item, r.reason) for r in profile.repairs}


def test_the_time_and_the_name_of_a_table(tmp_path: Path) -> None:
    text = table(FakeManilaV2(), modern=True)
    file = tmp_path / "mine.csv"
    file.write_text(text)
    os.utime(file, (WHEN.timestamp(), WHEN.timestamp()))
    assert (capture(file).device, capture(file).captured_at) == ("mine", WHEN)
    later = WHEN.replace(year=2026)
    assert capture(file, at=later).captured_at == later
    named = tmp_path / "ibmq_manila_calibrations_2025-03-01T12_00_00Z.csv"
    named.write_text(text)
    with pytest.raises(InputError, match="is one calibration, of its own date"):
        capture(named, at=WHEN)


def test_pairs_by_the_neighbour_alone_and_cells_that_are_unknown(tmp_path: Path) -> None:
    file = tmp_path / "pair.csv"
    file.write_text(
        "Qubit,T1 (µs),T2 (us),Readout assignment error,√x (sx) error,CZ error,Gate length (ns)\n"
        '0,100,null,0.01,0.0002,"1:0.003",1:68\n'
        "1,,50,0.02,nan,0:0.003;,0:68\n"
    )
    profile = capture(file)
    assert profile.basis_gates == ("cz", "rz", "sx")
    assert profile.couplings == ((0, 1), (1, 0))
    assert [(q.t1, q.t2, q.readout_error) for q in profile.qubits] == [
        (pytest.approx(1e-4), None, 0.01),
        (None, pytest.approx(5e-5), 0.02),
    ]
    cz = profile.gate("cz", (0, 1))
    assert cz is not None
    assert (cz.error, cz.duration) == (0.003, pytest.approx(68e-9))
    rz = profile.gate("rz", (1,))
    assert rz is not None
    assert (rz.error, rz.duration) == (0.0, 0.0)
    assert profile.gate("sx", (1,)) is None  # not reported, so not offered


HEAD = "Qubit,T1 (us),T2 (us),CZ error\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a table of calibrations as IBM"),
        ("a,b\n1,2\n", "is not a table of calibrations as IBM"),
        (HEAD, "qubits is empty|no fixed qubits"),
        (HEAD + "0,1,1,\n0,1,1,\n", "column Qubit must hold each number from 0 to 1 once"),
        (HEAD + "0,1,1\n", "row 2 has 3 cells, and the first 4"),
        (HEAD + "x,1,1,\n", "'x' in column Qubit is no number of a qubit"),
        (HEAD + "0,fast,1,\n", "'fast' in column 't1' is no number"),
        (HEAD + "0,1,1,0-1=2\n", "'0-1=2' in column 'cz error' is not of the form 0_1:0.0075"),
        (HEAD + "0,1,1,0_7:0.1\n", "gate 'cz' acts on qubit 7, and it has the qubits 0 to 0"),
        (HEAD + "0,1,1,0_0:0.1\n", r"gate 'cz' acts on qubits \[0, 0\]"),
        (HEAD + '0,1,1,"', "is no table in UTF-8 with commas"),
    ],
)
def test_what_is_no_table(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(text)
    with pytest.raises(ProfileError, match=message):
        capture(file)


def spoilt(**changes: Any) -> str:
    document = copy.deepcopy(FakeManilaV2().properties().to_dict()) | changes
    return json.dumps(document, default=str)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not the properties of an IBM device"),
        ("[1, 2]", "is not the properties of an IBM device"),
        ("{}", "backend_name: Field required"),
        (spoilt(qubits=3), "qubits: Input should be a valid"),
        (spoilt(qubits=[]), "acts on qubit 0|no fixed qubits"),
        (spoilt(last_update_date="never"), "last_update_date: Input should be a valid datetime"),
        (
            spoilt(qubits=[[{"date": "", "name": "T1", "unit": "league", "value": 1}]], gates=[]),
            "Could not understand units: league",
        ),
        (
            spoilt(gates=[{"gate": "cx", "qubits": [0, 9], "parameters": []}]),
            "gate 'cx' acts on qubit 9, and it has the qubits 0 to 4",
        ),
        (
            spoilt(
                gates=[
                    {"gate": "cx", "qubits": qubits, "parameters": []} for qubits in ([0], [0, 1])
                ]
            ),
            "gate 'cx' acts on 1 and 2 qubits",
        ),
    ],
)
def test_what_are_no_properties(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text)
    with pytest.raises(ProfileError, match=message):
        capture(file)


def test_files_that_are_not_there_or_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="cannot be read"):
        capture(tmp_path / "nothing.json")
    other = tmp_path / "calibration.xlsx"
    other.write_text("")
    with pytest.raises(InputError, match=r"must be a \.json file of properties or a \.csv file"):
        capture(other)


def test_fractional_gates_are_not_offered() -> None:
    profile = capture(FakeFez().properties())
    assert {"rx", "rzz"}.isdisjoint(profile.basis_gates)
    assert profile.gate("rx", (0,)) is not None
