"""The ledger of one process: round trips, queries, and the order of events."""

from __future__ import annotations

import gc
import sqlite3
from contextlib import suppress
from dataclasses import fields, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hardware.ledger.job_rows import all_jobs

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.hardware.ledger.records import JobRecord, LedgerConflict, WorkRecord, WorkSummary
from qmoe_qiskit.hardware.ledger.store import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Plan = Callable[..., tuple[WorkRecord, list[JobRecord]]]

VALUES = np.array([[0.25, -0.0], [np.nan, 1.0]])
ERRORS = np.array([[0.01, np.inf], [5e-324, 0.5]])


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


def done(ledger: Ledger, tag: str, at: datetime, **changes: Any) -> None:
    ledger.finished(tag, "done", values_PO=VALUES, std_errors_PO=ERRORS, at=at, **changes)


def test_a_work_comes_back_as_it_was_recorded(ledger: Ledger, plan: Plan) -> None:
    work, jobs = plan()
    assert ledger.record(work, jobs)
    with Ledger(ledger.path) as again:  # another connection sees it: it is in the file
        found = again.work(work.key)
        assert found is not None
        for field in fields(WorkRecord):
            np.testing.assert_array_equal(getattr(found, field.name), getattr(work, field.name))
        assert again.jobs(work.key) == jobs == all_jobs(again)
        assert again.job(jobs[1].tag) == jobs[1]
        with pytest.raises(LedgerConflict):
            again.job("qmoe-other")
        assert again.work("0" * 64) is None


def test_a_work_is_recorded_once(ledger: Ledger, plan: Plan, noon: datetime) -> None:
    work, jobs = plan()
    assert ledger.record(work, jobs)
    ledger.sending(jobs[0].tag, noon)
    before = all_jobs(ledger)
    assert not ledger.record(replace(work, title="another"), jobs)
    assert all_jobs(ledger) == before
    assert ledger.works()[0].title == work.title


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "sending"},
        {"attempts": 1},
        {"start": 1},
        {"stop": 3},
        {"stop": 2},
        {"index": 0},
        {"key": "1" * 64},
        {"tag": "qmoe-0-0"},
    ],
)
def test_jobs_that_do_not_fit_their_work_are_not_recorded(
    ledger: Ledger, plan: Plan, changes: dict[str, Any]
) -> None:
    work, (first, second) = plan()
    with pytest.raises(LedgerConflict):
        ledger.record(work, [first, replace(second, **changes)])
    assert ledger.works() == []
    assert all_jobs(ledger) == []


def test_a_tag_belongs_to_one_work(ledger: Ledger, plan: Plan) -> None:
    work, jobs = plan(0)
    other, others = plan(1)
    ledger.record(work, jobs)
    with pytest.raises(LedgerConflict, match="tag"):
        ledger.record(other, [replace(others[0], tag=jobs[0].tag), others[1]])
    assert [work.key] == [summary.key for summary in ledger.works()]


@pytest.mark.parametrize("key", ["", "ab", "0F" * 32, "g" * 64])
def test_keys_are_hashes(ledger: Ledger, plan: Plan, key: str) -> None:
    with pytest.raises(LedgerConflict):
        ledger.record(*plan(key=key))


def test_a_job_from_sending_to_done(ledger: Ledger, plan: Plan, noon: datetime) -> None:
    work, jobs = plan()
    ledger.record(work, jobs)
    tag = jobs[0].tag
    later = [noon + timedelta(seconds=seconds) for seconds in range(4)]
    ledger.sending(tag, later[0])
    ledger.sending(tag, later[1])  # the response to the first attempt was lost
    ledger.submitted(tag, "job-1", later[2], session_id="batch-1")
    done(
        ledger, tag, later[3], charged_seconds=2.0, calibration='{"T1": 1}', details='{"usage": 2}'
    )
    job = ledger.job(tag)
    calibration_hash = job.calibration_hash
    assert job == replace(
        jobs[0],
        state="done",
        attempts=2,
        job_id="job-1",
        sent_at=later[1],
        submitted_at=later[2],
        finished_at=later[3],
        charged_seconds=2.0,
        session_id="batch-1",
        calibration_hash=calibration_hash,
        details='{"usage": 2}',
    )
    assert ledger.created_since(noon) == later[:2]
    assert ledger.created_since(later[1]) == later[1:2]
    assert calibration_hash is not None
    assert ledger.calibration(calibration_hash) == '{"T1": 1}'
    values_PO, std_errors_PO = ledger.results(tag)
    assert values_PO.tobytes() == VALUES.tobytes()  # including the sign of zero, and NaN
    assert std_errors_PO.tobytes() == ERRORS.tobytes()
    with pytest.raises(LedgerConflict, match="no results"):
        ledger.results(jobs[1].tag)


def test_finishing_again_fills_in_what_was_unknown_and_changes_nothing(
    ledger: Ledger, plan: Plan, noon: datetime
) -> None:
    ledger.record(*plan())
    ledger.sending("qmoe-0-0", noon)
    ledger.submitted("qmoe-0-0", "job-1", noon)
    done(ledger, "qmoe-0-0", noon)
    assert ledger.charged(plan()[0].key) == 1.25  # its estimate
    done(ledger, "qmoe-0-0", noon + timedelta(days=1), charged_seconds=3.0, calibration="{}")
    done(ledger, "qmoe-0-0", noon + timedelta(days=2), charged_seconds=9.0, calibration_hash="x")
    ledger.submitted("qmoe-0-0", "job-1", noon)
    job = ledger.job("qmoe-0-0")
    assert (job.state, job.charged_seconds, job.finished_at) == ("done", 3.0, noon)
    assert job.calibration_hash != "x"
    for values_PO in (VALUES + 1, VALUES[:1]):
        with pytest.raises(LedgerConflict):
            ledger.finished(
                "qmoe-0-0",
                "done",
                values_PO=values_PO,
                std_errors_PO=ERRORS[: len(values_PO)],
                at=noon,
            )
    with pytest.raises(LedgerConflict, match="has ended as 'done'"):
        ledger.finished("qmoe-0-0", "failed", error="late", at=noon)
    assert ledger.results("qmoe-0-0")[0].tobytes() == VALUES.tobytes()
    assert ledger.job("qmoe-0-0") == job


@pytest.mark.parametrize(
    ("state", "arrays"),
    [
        ("done", {}),
        ("done", {"values_PO": VALUES}),
        ("done", {"values_PO": VALUES[0], "std_errors_PO": ERRORS[0]}),
        ("done", {"values_PO": VALUES, "std_errors_PO": ERRORS[:, :1]}),
        ("done", {"values_PO": VALUES[:1], "std_errors_PO": ERRORS[:1]}),
        ("failed", {"values_PO": VALUES, "std_errors_PO": ERRORS}),
        ("submitted", {}),
    ],
)
def test_results_come_with_done_and_fit_the_points(
    ledger: Ledger, plan: Plan, noon: datetime, state: str, arrays: dict[str, Any]
) -> None:
    ledger.record(*plan())
    ledger.sending("qmoe-0-0", noon)
    ledger.submitted("qmoe-0-0", "job-1", noon)
    before = all_jobs(ledger)
    with pytest.raises(LedgerConflict):
        ledger.finished("qmoe-0-0", state, **arrays, at=noon)
    assert all_jobs(ledger) == before


def test_an_id_belongs_to_one_job(ledger: Ledger, plan: Plan, noon: datetime) -> None:
    ledger.record(*plan())
    ledger.submitted("qmoe-0-0", "job-1", noon)
    with pytest.raises(LedgerConflict):
        ledger.submitted("qmoe-0-1", "job-1", noon)
    with pytest.raises(LedgerConflict):
        ledger.submitted("qmoe-0-0", "job-2", noon)
    with pytest.raises(LedgerConflict, match="no job 'qmoe-9'"):
        ledger.sending("qmoe-9", noon)


def test_charges_count_what_ran(ledger: Ledger, plan: Plan, noon: datetime) -> None:
    work, jobs = plan(n_jobs=4)
    ledger.record(work, jobs)
    assert ledger.charged(work.key) == 0.0
    ledger.finished(jobs[0].tag, "cancelled", at=noon)  # never sent, so it costs nothing
    assert ledger.charged(work.key) == 0.0
    ledger.sending(jobs[1].tag, noon)
    ledger.finished(jobs[1].tag, "failed", error="refused", charged_seconds=0.0, at=noon)
    assert ledger.charged(work.key) == 0.0
    ledger.submitted(jobs[2].tag, "job-2", noon)
    ledger.finished(jobs[2].tag, "failed", error="calibration", at=noon)
    assert ledger.charged(work.key) == 1.25
    ledger.submitted(jobs[3].tag, "job-3", noon)
    assert ledger.charged(work.key) == 1.25
    done(ledger, jobs[3].tag, noon, charged_seconds=7.0)
    assert ledger.charged(work.key) == 8.25


def test_pending_jobs_of_all_devices(ledger: Ledger, plan: Plan, noon: datetime) -> None:
    ledger.record(*plan(0))
    ledger.record(*plan(1, device="ibm_torino"))
    ledger.sending("qmoe-0-0", noon)
    ledger.submitted("qmoe-1-1", "job-1", noon)
    assert [job.tag for job in ledger.pending()] == ["qmoe-0-0", "qmoe-1-1"]


def test_works_are_listed_newest_first(ledger: Ledger, plan: Plan) -> None:
    for number in (2, 0, 1):
        ledger.record(*plan(number))
    works = ledger.works()
    assert [work.title for work in works] == [f"runs/näme {number}" for number in (2, 1, 0)]
    whole = plan(2)[0]
    assert works[0] == WorkSummary(
        **{field.name: getattr(whole, field.name) for field in fields(WorkSummary)}
    )


def test_finding_a_work(ledger: Ledger, plan: Plan, noon: datetime) -> None:
    keys = ["abcd" + digit * 60 for digit in "12"]
    for number, key in enumerate(keys):
        ledger.record(*plan(number, key=key))
    ledger.submitted("qmoe-1-0", "d0job", noon)
    for name in (keys[1][:5], keys[1], keys[1][:9].upper(), "qmoe-1-1", "d0job"):
        assert ledger.find(name).key == keys[1]
    with pytest.raises(InputError, match=f"{keys[0]}, {keys[1]}"):
        ledger.find("abcd")
    for name in ("abc", "", "abcf", "____", "%", "d0jo", "abcd1'--"):
        with pytest.raises(InputError, match="no work or job"):
            ledger.find(name)


def test_a_calibration_is_stored_once(ledger: Ledger, plan: Plan, noon: datetime) -> None:
    ledger.record(*plan())
    for index in range(2):
        ledger.submitted(f"qmoe-0-{index}", f"job-{index}", noon)
        done(ledger, f"qmoe-0-{index}", noon, calibration='{"T1": 1}', calibration_hash="c0ffee")
    assert {job.calibration_hash for job in all_jobs(ledger)} == {"c0ffee"}
    assert ledger.calibration("c0ffee") == '{"T1": 1}'


def test_an_unknown_calibration(ledger: Ledger) -> None:
    with pytest.raises(InputError, match="no calibration 'x'"):
        ledger.calibration("x")


def test_times_are_utc(ledger: Ledger, plan: Plan, noon: datetime) -> None:
    ledger.record(*plan())
    east = noon.astimezone(timezone(timedelta(hours=9)))
    ledger.sending("qmoe-0-0", east)
    assert ledger.created_since(noon) == [noon]
    assert ledger.created_since(east + timedelta(microseconds=1)) == []
    with pytest.raises(LedgerConflict, match="time zone"):
        ledger.sending("qmoe-0-0", noon.replace(tzinfo=None))
    assert ledger.created_since(noon) == [noon]


def test_after_an_error_the_ledger_goes_on(ledger: Ledger, plan: Plan, noon: datetime) -> None:
    ledger.record(*plan())
    with suppress(LedgerConflict):
        done(ledger, "qmoe-0-0", noon)
    ledger.sending("qmoe-0-0", noon)
    ledger.close()
    ledger.close()


def test_forgotten_ledger_closes_its_file(tmp_path: Path) -> None:
    """A backend of a device has a ledger, and nobody closes backends: Python 3.13 warns of that."""
    book = Ledger(tmp_path / "ledger.sqlite")
    connection = book._connection
    del book
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")
