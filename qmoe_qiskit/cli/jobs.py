"""`qmoe jobs`: what was sent to a device, and what came back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qmoe_qiskit.cli import hardware_options as hardware
from qmoe_qiskit.cli import options
from qmoe_qiskit.cli.output import console, remark, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from qmoe_qiskit.hardware.ledger import Ledger
    from qmoe_qiskit.hardware.records import JobRecord

jobs = typer.Typer(
    help="Jobs on quantum hardware: list, show, collect, cancel, export.", no_args_is_help=True
)

Name = Annotated[
    str,
    typer.Argument(
        metavar="KEY",
        help="Beginning of a key, a job id or a tag, see qmoe jobs list.",
        show_default=False,
    ),
]
OptionalName = Annotated[
    str | None,
    typer.Argument(
        metavar="[KEY]",
        help="Beginning of a key, a job id or a tag; by default all work.",
        show_default=False,
    ),
]


@jobs.command("list")
def list_jobs(*, ledger: hardware.LedgerFile = None, as_json: options.Json = False) -> None:
    """List the jobs in the ledger, newest work first."""
    with _ledger(ledger) as records:
        works = records.works()
        found = [(work, records.jobs(work.key)) for work in works]
    if as_json:
        write_json({"jobs": [_document(work, job) for work, of_it in found for job in of_it]})
        return
    if not found:
        console().print("no jobs yet: qmoe submit RUN --backend runtime:DEVICE creates some")
        return
    console().print(jobs_table([job for _, of_it in found for job in of_it]))


@jobs.command()
def show(name: Name, *, ledger: hardware.LedgerFile = None, as_json: options.Json = False) -> None:
    """Show one piece of work: what was asked, what it cost, and where its results are."""
    with _ledger(ledger) as records:
        work = records.find(name)
        found = records.jobs(work.key)
    document = {
        "key": work.key,
        "title": work.title,
        "backend": work.spec,
        "device": work.device,
        "instance": work.instance,
        "created_at": work.created_at.isoformat(),
        "shots": work.shots,
        "physical_qubits": list(work.physical_qubits),
        "options": json.loads(work.options),
        "versions": json.loads(work.versions),
        "estimate": json.loads(work.estimate),
        "jobs": [job_document(job) for job in found],
    }
    if as_json:
        write_json(document)
        return
    screen = console()
    screen.print(f"{work.title or work.spec} on {work.device}, key {work.key}")
    screen.print(
        f"recorded {work.created_at:%Y-%m-%d %H:%M} UTC; {work.shots} shots at each of "
        f"{len(work.points_PG)} points; qubits {' '.join(map(str, work.physical_qubits))}"
    )
    screen.print(jobs_table(found))
    screen.print(f"estimate: {document['estimate']['formula']}")
    for job in found:
        if job.error:
            screen.print(f"job {job.index + 1}: {job.error}")


@jobs.command()
def collect(
    name: OptionalName = None,
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until every job has ended.")] = False,
    ledger: hardware.LedgerFile = None,
    as_json: options.Json = False,
) -> None:
    """Fetch the results of jobs that have ended."""
    from qmoe_qiskit.hardware.client import Client
    from qmoe_qiskit.hardware.collection import collect_work

    with _ledger(ledger) as records, hardware.going_on():
        keys = [records.find(name).key] if name is not None else [w.key for w in records.works()]
        if any(_is_open(job) for key in keys for job in records.jobs(key)):
            client = Client.connect()
            for key in keys:
                if any(_is_open(job) for job in records.jobs(key)):
                    collect_work(key, client, records, wait=wait, report=hardware.progress)
        found = [job for key in keys for job in records.jobs(key)]
    if as_json:
        write_json({"jobs": [job_document(job) for job in found]})
    else:
        console().print(jobs_table(found))


@jobs.command()
def cancel(
    name: Name, *, ledger: hardware.LedgerFile = None, as_json: options.Json = False
) -> None:
    """Cancel the jobs of a piece of work that have not ended; time that they took is charged."""
    from qmoe_qiskit.hardware.cancelling import cancel_work
    from qmoe_qiskit.hardware.client import Client

    with _ledger(ledger) as records:
        key = records.find(name).key
        if any(job.state not in _final() for job in records.jobs(key)):
            cancel_work(key, Client.connect, records)
        found = records.jobs(key)
    if as_json:
        write_json({"jobs": [job_document(job) for job in found]})
    else:
        console().print(jobs_table(found))


@jobs.command()
def export(
    name: Name,
    *,
    out: Annotated[Path, typer.Option("--out", help="Folder to write.", show_default=False)],
    ledger: hardware.LedgerFile = None,
    as_json: options.Json = False,
) -> None:
    """Write everything about a piece of work to a folder: circuit, angles, results, calibration."""
    from qmoe_qiskit.hardware.exporting import export_work

    with _ledger(ledger) as records:
        files = export_work(records.find(name), records, out)
    if as_json:
        write_json({"folder": str(out), "files": files})
    else:
        remark(f"{out}: {', '.join(files)}")


def job_document(job: JobRecord) -> dict[str, Any]:
    """Return a job as JSON types."""
    return {
        "key": job.key,
        "tag": job.tag,
        "index": job.index,
        "points": [job.start, job.stop],
        "state": job.state,
        "job_id": job.job_id,
        "attempts": job.attempts,
        "executions": job.executions,
        "estimated_seconds": job.estimated_seconds,
        "charged_seconds": job.charged_seconds,
        "sent_at": _time(job.sent_at),
        "submitted_at": _time(job.submitted_at),
        "finished_at": _time(job.finished_at),
        "calibration_hash": job.calibration_hash,
        "error": job.error,
    }


def jobs_table(found: Sequence[JobRecord]) -> Table:
    """Return jobs one below the other, estimate and charge side by side."""
    from qmoe_qiskit.cli.tables import open_table

    table = open_table()
    for heading, justify in (
        ("key", "left"),
        ("job", "left"),
        ("points", "right"),
        ("state", "left"),
        ("executions", "right"),
        ("estimated\ns", "right"),
        ("charged\ns", "right"),
        ("sent", "left"),
    ):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for job in found:
        charged = "" if job.charged_seconds is None else f"{job.charged_seconds:.1f}"
        table.add_row(
            job.key[:8],
            job.job_id or "",
            f"{job.stop - job.start}",
            job.state,
            f"{job.executions:,}",
            f"{job.estimated_seconds:.1f}",
            charged,
            "" if job.sent_at is None else f"{job.sent_at:%Y-%m-%d %H:%M}",
        )
    return table


def _document(work: Any, job: JobRecord) -> dict[str, Any]:  # noqa: ANN401
    return {"device": work.device, "title": work.title, **job_document(job)}


def _time(moment: Any) -> str | None:  # noqa: ANN401
    return None if moment is None else moment.isoformat()


def _is_open(job: JobRecord) -> bool:
    from qmoe_qiskit.hardware.records import DONE, SUBMITTED

    # Done, but the service had not settled the charge yet: that is fetched later.
    return job.state == SUBMITTED or (job.state == DONE and job.charged_seconds is None)


def _final() -> tuple[str, ...]:
    from qmoe_qiskit.hardware.records import FINAL

    return FINAL


def _ledger(path: Path | None) -> Ledger:
    from qmoe_qiskit.hardware.ledger import Ledger

    return Ledger(path)
