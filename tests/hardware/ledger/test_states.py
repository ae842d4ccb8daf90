"""Any sequence of events: legal events take effect, the others change nothing."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from qmoe_qiskit.hardware.ledger.records import JobRecord, LedgerConflict
from qmoe_qiskit.hardware.ledger.store import Ledger
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from collections.abc import Callable

# Independent of the ledger's own table.
LEGAL = {
    ("planned", "sending"),
    ("planned", "submitted"),
    ("planned", "cancelled"),
    ("sending", "sending"),
    ("sending", "submitted"),
    ("sending", "failed"),
    ("sending", "cancelled"),
    ("submitted", "done"),
    ("submitted", "failed"),
    ("submitted", "cancelled"),
}
FINAL = {"done", "failed", "cancelled"}
NUMBERS = st.integers(0, 2)
CHARGES = st.sampled_from([None, 0.5, 2.0])


def results(seed: int) -> tuple[FloatArray, FloatArray]:
    values_PO, std_errors_PO = np.random.default_rng(seed).normal(size=(2, 2, 3))
    return values_PO, std_errors_PO


class Events(RuleBasedStateMachine):
    """Three jobs of one work, and a model of what the ledger must hold."""

    plan: Callable[..., Any]
    clock: datetime

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "ledger.sqlite"
        self.ledger = Ledger(self.path)
        work, jobs = type(self).plan(n_jobs=3)
        self.key: str = work.key
        self.ledger.record(work, jobs)
        self.jobs: list[JobRecord] = list(jobs)
        self.seeds: dict[int, int] = {}
        self.sent: list[datetime] = []

    def teardown(self) -> None:
        self.ledger.close()
        self.folder.cleanup()

    def tick(self) -> datetime:
        self.clock += timedelta(seconds=1)
        return self.clock

    def attempt(self, legal: bool, event: Callable[[], None]) -> bool:
        if legal:
            event()
        else:
            with pytest.raises(LedgerConflict):
                event()
        return legal

    @rule(number=NUMBERS)
    def sending(self, number: int) -> None:
        job, at = self.jobs[number], self.tick()
        legal = (job.state, "sending") in LEGAL
        if self.attempt(legal, lambda: self.ledger.sending(job.tag, at)):
            self.jobs[number] = replace(job, state="sending", attempts=job.attempts + 1, sent_at=at)
            self.sent.append(at)

    @rule(number=NUMBERS, variant=st.integers(0, 1), session=st.sampled_from([None, "batch"]))
    def submitted(self, number: int, variant: int, session: str | None) -> None:
        job, at, job_id = self.jobs[number], self.tick(), f"job-{number}-{variant}"
        again = job.job_id == job_id
        legal = again or (job.state, "submitted") in LEGAL
        event = lambda: self.ledger.submitted(job.tag, job_id, at, session)  # noqa: E731
        if self.attempt(legal, event) and not again:
            self.jobs[number] = replace(
                job, state="submitted", job_id=job_id, submitted_at=at, session_id=session
            )

    @rule(number=NUMBERS, seed=st.integers(0, 1), charge=CHARGES)
    def done(self, number: int, seed: int, charge: float | None) -> None:
        values_PO, std_errors_PO = results(seed)
        if self.finish(
            number,
            "done",
            same=self.seeds.get(number) == seed,
            charged_seconds=charge,
            values_PO=values_PO,
            std_errors_PO=std_errors_PO,
        ):
            self.seeds[number] = seed

    @rule(number=NUMBERS, state=st.sampled_from(["failed", "cancelled"]), charge=CHARGES)
    def ended(self, number: int, state: str, charge: float | None) -> None:
        self.finish(number, state, same=self.jobs[number].state == state, charged_seconds=charge)

    def finish(self, number: int, state: str, *, same: bool, **known: Any) -> bool:
        job, at = self.jobs[number], self.tick()
        legal = same or (job.state, state) in LEGAL
        if not self.attempt(legal, lambda: self.ledger.finished(job.tag, state, at=at, **known)):
            return False
        charge = 0.0 if job.state == "planned" else known["charged_seconds"]
        self.jobs[number] = replace(
            job,
            state=state,
            finished_at=job.finished_at or at,
            charged_seconds=charge if job.charged_seconds is None else job.charged_seconds,
        )
        return True

    @rule()
    def open_again(self) -> None:
        self.ledger.close()
        self.ledger = Ledger(self.path)

    @invariant()
    def holds_what_happened(self) -> None:
        assert self.ledger.jobs(self.key) == self.jobs
        assert self.ledger.created_since(self.sent[0] if self.sent else self.clock) == self.sent
        assert self.ledger.charged(self.key) == sum(
            job.estimated_seconds if job.charged_seconds is None else job.charged_seconds
            for job in self.jobs
            if job.state in FINAL
        )
        assert self.ledger.pending() == [
            job for job in self.jobs if job.state in ("sending", "submitted")
        ]
        for number, job in enumerate(self.jobs):
            if number in self.seeds:
                for found, expected in zip(
                    self.ledger.results(job.tag), results(self.seeds[number]), strict=True
                ):
                    np.testing.assert_array_equal(found, expected)
            else:
                with pytest.raises(LedgerConflict):
                    self.ledger.results(job.tag)


def test_events_in_any_order(plan: Callable[..., Any], noon: datetime) -> None:
    Events.plan, Events.clock = staticmethod(plan), noon
    few = settings(max_examples=settings().max_examples * 2 // 5, stateful_step_count=30)
    run_state_machine_as_test(Events, settings=few)
