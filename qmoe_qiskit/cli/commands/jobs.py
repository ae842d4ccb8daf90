"""`qmoe jobs`: the jobs that were sent to devices, and their results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qmoe_qiskit.cli.options import common, hardware
from qmoe_qiskit.cli.output.documents import (
    check_vacant_file,
    console,
    remark,
    write_file,
    write_json,
)
from qmoe_qiskit.cli.output.interruption import waiting
from qmoe_qiskit.cli.output.jobs import jobs_table, show_work
from qmoe_qiskit.errors import HardwareError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qmoe_qiskit.hardware.ledger.records import JobRecord, WorkSummary
    from qmoe_qiskit.hardware.ledger.store import Ledger

jobs = typer.Typer(
    name="jobs",
    help="Jobs on quantum hardware: list, show, collect, cancel, retry, export.",
    no_args_is_help=True,
)

Name = Annotated[
    str,
    typer.Argument(
        metavar="KEY",
        help="First characters of a work's key, or a job's id or tag: see qmoe jobs list.",
    ),
]
OptionalName = Annotated[
    str | None,
    typer.Argument(
        metavar="KEY",
        help="First characters of a work's key, or a job's id or tag; by default all work.",
    ),
]


@jobs.command("list")
def list_jobs(*, ledger: hardware.LedgerFile = None, as_json: common.Json = False) -> None:
    """List the jobs in the ledger, newest work first."""
    from qmoe_qiskit.hardware.ledger.export import job_document

    with _ledger(ledger) as records:
        works = records.works()
        found = [job for work in works for job in records.jobs(work.key)]
    if as_json:
        facts = {work.key: {"device": work.device, "title": work.title} for work in works}
        write_json({"jobs": [facts[job.key] | job_document(job) for job in found]})
    else:
        nothing = "no jobs yet: qmoe submit RUN --backend runtime:DEVICE creates some"
        _show(found, works, nothing, as_json=False)


@jobs.command()
def show(name: Name, *, ledger: hardware.LedgerFile = None, as_json: common.Json = False) -> None:
    """Show one piece of work: its request, its cost, and its end."""
    with _ledger(ledger) as records:
        work = records.find(name)
        found = records.jobs(work.key)
    if as_json:
        from qmoe_qiskit.hardware.ledger.export import work_document

        write_json(work_document(work, found))
    else:
        show_work(work, found)


@jobs.command()
def collect(
    name: OptionalName = None,
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until every job has ended.")] = False,
    ledger: hardware.LedgerFile = None,
    as_json: common.Json = False,
) -> None:
    """Fetch the results of jobs that have ended, with their charges and calibrations."""
    from qmoe_qiskit.hardware.jobs.collect import collect_work
    from qmoe_qiskit.hardware.jobs.local import is_local
    from qmoe_qiskit.hardware.ledger.records import PLANNED, SENDING
    from qmoe_qiskit.hardware.service.client import Client

    with _ledger(ledger) as records, waiting() as report:
        keys = [records.find(name).key] if name is not None else [w.key for w in records.works()]
        here = {work.key for work in records.works() if is_local(work)}
        before = [job for key in keys if key not in here for job in records.jobs(key)]
        waited_for = {job.key: None for job in before if _is_open(job)}
        if waited_for:
            report("connecting to IBM Quantum")
            client = Client.connect()
            faults = []
            for key in waited_for:
                try:
                    collect_work(key, client, records, wait=wait, report=report)
                except HardwareError as error:
                    faults.append(error)  # the other results may exist
            if faults:
                raise faults[0]
        found = [job for key in waited_for for job in records.jobs(key)]
        works = records.works()
        unsent = sum(job.state in (PLANNED, SENDING) for key in keys for job in records.jobs(key))
    _show(found, works, "nothing to collect: every job that was created has ended", as_json=as_json)
    if unsent:
        remark(
            f"{unsent} job{'s' * (unsent > 1)} not created, or not known to be: to go on, give "
            "the same qmoe submit again"
        )


@jobs.command()
def cancel(name: Name, *, ledger: hardware.LedgerFile = None, as_json: common.Json = False) -> None:
    """Cancel the unfinished jobs of a piece of work; the time that they took is charged."""
    from qmoe_qiskit.hardware.jobs.cancel import cancel_work
    from qmoe_qiskit.hardware.ledger.records import FINAL
    from qmoe_qiskit.hardware.service.client import Client

    with _ledger(ledger) as records, waiting():
        key = records.find(name).key
        ended = all(job.state in FINAL for job in records.jobs(key))
        if not ended:
            cancel_work(key, Client.connect, records)
        found, works = records.jobs(key), records.works()
    if ended and not as_json:
        remark("every job had ended before: nothing to cancel")
    _show(found, works, as_json=as_json)


@jobs.command()
def retry(name: Name, *, ledger: hardware.LedgerFile = None, as_json: common.Json = False) -> None:
    """Plan failed or cancelled jobs of a piece of work again; nothing is sent."""
    with _ledger(ledger) as records:
        key = records.find(name).key
        found = records.retry(key)
        works = records.works()
    nothing = "no job of this work has failed or was cancelled: nothing to retry"
    _show(found, works, nothing, as_json=as_json)
    if found and not as_json:
        remark("to send them, give the same qmoe submit again")


@jobs.command()
def export(
    name: OptionalName = None,
    *,
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE|DIR",
            help="A .csv or .parquet file for a line per row and observable, with its value, "
            "standard error and job; or a folder, new or empty, for everything about a piece of "
            "work: circuit, angles, results, calibration.",
        ),
    ],
    force: common.ForceFile = False,
    ledger: hardware.LedgerFile = None,
    as_json: common.Json = False,
) -> None:
    """Write the results of one or all pieces of work as a table, or one piece to a folder."""
    from qmoe_qiskit.hardware.ledger.results_table import SUFFIXES, load_pyarrow

    if out.suffix.lower() in SUFFIXES and not out.is_dir():
        if out.suffix.lower() == ".parquet":
            load_pyarrow()
        check_vacant_file(out, force=force)
        _export_table(name, out, ledger, as_json=as_json)
        return
    if name is None:
        raise InputError(
            f"{str(out)!r} is no .csv or .parquet file: a folder takes one piece of work, name its "
            "KEY, see qmoe jobs list"
        )
    if force:
        raise InputError("--force replaces a .csv or .parquet file: a folder must be new or empty")
    from qmoe_qiskit.hardware.ledger.export import export_work

    with _ledger(ledger) as records:
        files = export_work(records.find(name), records, out)
    if as_json:
        write_json({"folder": str(out), "files": files})
    else:
        remark(f"{out}: {', '.join(files)}")


def _export_table(name: str | None, out: Path, ledger: Path | None, *, as_json: bool) -> None:
    from qmoe_qiskit.hardware.ledger.results_table import results_table, table_bytes

    with _ledger(ledger) as records:
        keys = [work.key for work in records.works()] if name is None else [records.find(name).key]
        works = [work for key in keys if (work := records.work(key)) is not None]
        columns = results_table(works, records)
    write_file(out, table_bytes(columns, out.suffix.lower()))
    n_lines = len(columns["row"])
    if as_json:
        write_json({"file": str(out), "columns": list(columns), "n_lines": n_lines})
    else:
        remark(f"{out}: {n_lines} lines of {len(works)} piece{'s' * (len(works) != 1)} of work")


def _show(
    found: Sequence[JobRecord], works: Iterable[WorkSummary], nothing: str = "", *, as_json: bool
) -> None:
    """Print jobs, or say why there is nothing to print."""
    if as_json:
        from qmoe_qiskit.hardware.ledger.export import job_document

        write_json({"jobs": [job_document(job) for job in found]})
    elif found:
        console().print(jobs_table(found, {work.key: work.device for work in works}))
    else:
        console().print(nothing)


def _is_open(job: JobRecord) -> bool:
    from qmoe_qiskit.hardware.ledger.records import SUBMITTED

    # Or ended before the service had settled the charge, which is fetched later.
    return job.state == SUBMITTED or (job.finished_at is not None and job.charged_seconds is None)


def _ledger(path: Path | None) -> Ledger:
    from qmoe_qiskit.hardware.ledger.store import Ledger

    return Ledger(path)
