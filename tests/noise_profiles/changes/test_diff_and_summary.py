"""Comparing profiles, and telling them in a few numbers."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from statistics import median

import pytest

from qmoe_qiskit.noise_profiles import Change, NoiseProfile


def test_equal_profiles_do_not_differ(lagos: NoiseProfile) -> None:
    none = lagos.diff(lagos)
    assert not none
    assert "no difference" in str(none)


def test_every_changed_number_is_listed(lagos: NoiseProfile) -> None:
    qubits = list(lagos.qubits)
    qubits[2] = replace(qubits[2], t1=None, t2=1e-5, p_meas1_prep0=0.25)
    gates = [replace(gate, error=0.5) if gate.name == "sx" else gate for gate in lagos.gates]
    other = replace(lagos, qubits=tuple(qubits), gates=tuple(gates), family="Falcon")
    diff = lagos.diff(other)
    assert Counter(change.item for change in diff.changes) == {
        "T1": 1,
        "T2": 1,
        "P(1|0)": 1,
        "sx error": 7,
    }
    found = {(change.item, change.qubits): change for change in diff.changes}
    assert found["T1", (2,)].after is None
    assert found["T1", (2,)].relative is None
    change = found["T2", (2,)]
    assert change.before == lagos.qubits[2].t2
    assert change.relative == pytest.approx(1e-5 / lagos.qubits[2].t2 - 1)
    assert diff.facts == {"family": ("Falcon r5.11H", "Falcon")}
    text = str(diff)
    assert "family: Falcon r5.11H -> Falcon" in text
    assert "sx error: 7 changed, median change" in text
    assert str(Change(item="T2", qubits=(2,), before=2e-5, after=1e-5)) == (
        "T2 2: 2e-05 -> 1e-05 (-50.0%)"
    )
    assert json.loads(json.dumps(diff.to_dict()))["changes"][0].keys() == {
        "item",
        "qubits",
        "before",
        "after",
        "relative",
    }


def test_parts_are_compared_by_their_numbers_on_the_device(torino: NoiseProfile) -> None:
    first, second = torino.subset([3, 4, 5]), torino.subset([5, 4])
    diff = first.diff(second)
    assert diff.changes == ()
    assert "qubit 3" in diff.removed
    assert "cz 3-4" in diff.removed
    assert diff.added == ()
    assert second.diff(first).added == diff.removed
    assert "only in the first: " in str(diff)


def test_summary(torino: NoiseProfile, kingston: NoiseProfile) -> None:
    summary = torino.summary()
    assert json.loads(json.dumps(summary)) == summary
    assert summary["device"] == "ibm_torino"
    assert summary["content_hash"] == torino.content_hash
    assert (summary["n_qubits"], summary["n_operational"]) == (133, 133)
    assert summary["qubits"]["t1"]["median"] == median(q.t1 for q in torino.qubits if q.t1)
    assert summary["gates"]["cz"]["count"] == 278
    assert summary["n_couplers"] == 278 / 2
    assert summary["gates"]["rx"]["copied"] == summary["gates"]["rx"]["count"] == 133
    assert summary["gates"]["reset"]["error"] is None
    assert summary["repairs"] == {"T2 changed": 5, "cz dropped": 22, "rzz dropped": 1}
    assert kingston.summary()["n_operational"] == 151
    assert kingston.summary()["repairs"]["T1 missing"] == 1
    assert sum(kingston.summary()["repairs"].values()) == len(kingston.repairs)
