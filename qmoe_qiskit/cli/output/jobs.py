"""Jobs on quantum hardware, for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from qmoe_qiskit.cli.output.documents import console
from qmoe_qiskit.cli.output.tables import open_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

    from qmoe_qiskit.hardware.ledger.records import JobRecord, WorkRecord


def show_work(work: WorkRecord, found: Sequence[JobRecord]) -> None:
    """Print a piece of work and its jobs for people.

    Raises:
        LedgerError: If the record of the work is damaged.
    """
    from qmoe_qiskit.hardware.ledger.errors import damaged_work

    formula = json.loads(work.estimate).get("formula")
    if formula is None:
        raise damaged_work(work.key, "its estimate has no formula")
    screen = console()
    asked_for = "" if work.spec == f"runtime:{work.device}" else f", asked for as {work.spec}"
    settings = json.loads(work.options)
    screen.print(f"key {work.key}", soft_wrap=True)
    screen.print(
        f"{work.title or 'work'} on {work.device}{asked_for}, qubits "
        f"{' '.join(map(str, work.physical_qubits))}; recorded {work.created_at:%Y-%m-%d %H:%M} "
        f"UTC\n{len(work.points_PG)} points, {work.shots} shots each; options "
        f"{json.dumps(settings) if settings else 'by default'}",
        soft_wrap=True,
    )
    screen.print(_jobs_of_work(found))
    screen.print(f"estimated: {formula}", soft_wrap=True)
    charged = [job.charged_seconds for job in found if job.charged_seconds is not None]
    screen.print(
        f"charged: {sum(charged):.1f} s for {len(charged)} of {len(found)} jobs"
        if charged
        else "charged: nothing yet"
    )
    for job in found:
        if job.calibration_hash is not None:
            screen.print(f"job {job.index + 1} ran under calibration {job.calibration_hash[:12]}")
        if job.error is not None:
            screen.print(f"job {job.index + 1}: {job.error}", soft_wrap=True)


def jobs_table(found: Sequence[JobRecord], devices: Mapping[str, str]) -> Table:
    """Return a table of jobs, one per row; `devices` maps the key of a work to its device.

    A screen of 80 columns is enough: charged and estimated times share a column.
    """
    table = open_table("key", "job", no_wrap=True)
    table.collapse_padding = True
    table.add_column("device", overflow="fold")
    table.add_column("state", no_wrap=True)
    table.add_column("QPU s\n~ est.", justify="right", no_wrap=True)
    table.add_column("sent\nUTC", no_wrap=True)
    for job in found:
        table.add_row(
            job.key[:8],
            job.job_id or "",
            devices[job.key],
            job.state,
            _charged(job) or f"~{job.estimated_seconds:.1f}",
            "" if job.sent_at is None else f"{job.sent_at:%m-%d %H:%M}",
        )
    return table


def _jobs_of_work(found: Sequence[JobRecord]) -> Table:
    table = open_table("job", "points", "state", no_wrap=True)
    table.collapse_padding = True
    for name in ("executions", "est.\ns", "charged\ns"):
        table.add_column(name, justify="right", no_wrap=True)
    for job in found:
        table.add_row(
            job.job_id or "",
            f"{job.start} to {job.stop - 1}",
            job.state,
            f"{job.executions:,}",
            f"{job.estimated_seconds:.1f}",
            _charged(job),
        )
    return table


def _charged(job: JobRecord) -> str:
    return "" if job.charged_seconds is None else f"{job.charged_seconds:.1f}"
