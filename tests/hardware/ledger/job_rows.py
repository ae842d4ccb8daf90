"""Every job in a ledger, also one whose work is damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qmoe_qiskit.hardware.ledger.records import JobRecord

if TYPE_CHECKING:
    from qmoe_qiskit.hardware.ledger.store import Ledger


def all_jobs(ledger: Ledger) -> list[JobRecord]:
    """The jobs of all works, in the order in which they were recorded."""
    return ledger._read(JobRecord, "SELECT * FROM jobs ORDER BY rowid")
