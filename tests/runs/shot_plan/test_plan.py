"""Plans of shots: the fewest, reproducible, monotone, and what they would cost is what is sent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
from qmoe_qiskit.backends.slots.request import SlotRequest
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.hardware.devices.fake import FakeDevice
from qmoe_qiskit.hardware.options import runtime_options
from qmoe_qiskit.runs import read_run
from qmoe_qiskit.runs.on_hardware.prepare import Prepared, prepare_run
from qmoe_qiskit.runs.shot_plan.places import Place
from qmoe_qiskit.runs.shot_plan.plan import ShotPlan, plan_shots
from qmoe_qiskit.runs.shot_plan.ways import WAYS, Ways

if TYPE_CHECKING:
    from pathlib import Path


def prepared(path: Path, **options: Any) -> Prepared:
    backend = RuntimeBackend(
        name="runtime:fake_manila",
        device=FakeDevice("fake_manila", seed=0),
        options=runtime_options(options),
        shots=1,
        seed=0,
    )
    return prepare_run(read_run(path), backend)


@pytest.fixture(scope="module")
def work(finished: Path) -> Prepared:
    return prepared(finished, resilience_level=0)


def plan(work: Prepared, tolerance: float = 0.05, **settings: Any) -> ShotPlan:
    given = {"slots": SlotRequest(), "decision": "routing", **settings}
    return plan_shots(work, tolerance, **given)


@pytest.fixture(scope="module")
def planned(work: Prepared) -> ShotPlan:
    return plan(work)


def test_what_is_planned_is_what_is_sent(work: Prepared, planned: ShotPlan) -> None:
    costs = [way.estimate.seconds for way in planned.possible if way.estimate is not None]
    assert costs == sorted(costs)
    assert {way.name for way in planned.ways} == set(WAYS)
    assert {way.name for way in planned.possible} >= {"direct", "surrogate"}
    ways = Ways(work, SlotRequest())
    for way in planned.possible:
        assert way.shots is not None
        assert way.flips is not None
        assert way.estimate is not None
        assert way.flips.low <= way.flips.expected <= planned.tolerance
        works = ways.candidate(way.name).works(way.shots)
        executed = [FakeDevice("fake_manila", seed=1).execute(one).executions for one in works]
        assert sum(executed) == way.estimate.executions


def test_equal_plans_and_fewer_shots_for_more_tolerance(
    work: Prepared, planned: ShotPlan, *, whole: bool
) -> None:
    assert plan(work) == planned
    strict = [plan(work, 0.02)] if whole else []
    plans = [*strict, planned, plan(work, 0.2)]
    for name in ("direct", "surrogate"):
        shots = [
            next(way.shots or 10**9 for way in each.ways if way.name == name) for each in plans
        ]
        assert shots == sorted(shots, reverse=True)
        assert shots[0] > shots[-1]


def test_slots_of_unequal_noise_set_a_floor(
    work: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where slots disagree by themselves, no number of shots is proposed."""
    (basis,) = Ways(work, SlotRequest()).solo.bases
    flipped_PS = basis.probabilities_PS[:, ::-1]  # every qubit
    bad = Place(bases=(replace(basis, probabilities_PS=flipped_PS),))
    monkeypatch.setattr(Ways, "_slot_places", (bad, bad))
    refused = next(way for way in plan(work).ways if way.name == "packed")
    assert refused.reason is not None
    assert "infinitely many shots" in refused.reason
    assert (refused.shots, refused.estimate) == (None, None)


@pytest.mark.parametrize(
    ("options", "settings", "said"),
    [
        ({}, {"tolerance": 0.0}, "between 0 and 1"),
        ({}, {"tolerance": 1.0}, "between 0 and 1"),
        ({}, {"tolerance": float("nan")}, "between 0 and 1"),
        ({}, {"decision": "label"}, "'class' or 'routing'"),
        ({"precision": 0.1}, {}, "precision 0.1 sets the shots"),
        ({"resilience_level": 2}, {}, "cannot be planned under TREX, gate twirling and ZNE"),
    ],
)
def test_refused(finished: Path, options: Any, settings: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        plan(prepared(finished, **options), **settings)
