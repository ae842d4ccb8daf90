"""Export of work and its jobs: as a JSON document, and with all arrays as files."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from qmoe_qiskit.errors import HardwareError, InputError
from qmoe_qiskit.hardware.ledger.records import DONE, JobRecord, WorkRecord, npy_bytes
from qmoe_qiskit.hardware.ledger.store import Ledger


def work_document(record: WorkRecord, jobs: Sequence[JobRecord]) -> dict[str, Any]:
    """Return a work and its jobs as JSON values, without the circuit and arrays."""
    return {
        "key": record.key,
        "title": record.title,
        "backend": record.spec,
        "device": record.device,
        "instance": record.instance,
        "created_at": record.created_at.isoformat(),
        "n_points": len(record.points_PG),
        "shots": record.shots,
        "physical_qubits": list(record.physical_qubits),
        "observables": json.loads(record.observables),
        "options": json.loads(record.options),
        "versions": json.loads(record.versions),
        "estimate": json.loads(record.estimate),
        "jobs": [job_document(job) for job in jobs],
    }


def job_document(job: JobRecord) -> dict[str, Any]:
    """Return a job as JSON values."""
    return {
        "key": job.key,
        "tag": job.tag,
        "index": job.index,
        "points": [job.start, job.stop],
        "state": job.state,
        "job_id": job.job_id,
        "session_id": job.session_id,
        "attempts": job.attempts,
        "executions": job.executions,
        "max_seconds": job.max_seconds,
        "estimated_seconds": job.estimated_seconds,
        "charged_seconds": job.charged_seconds,
        "sent_at": _time(job.sent_at),
        "submitted_at": _time(job.submitted_at),
        "finished_at": _time(job.finished_at),
        "calibration_hash": job.calibration_hash,
        "error": job.error,
        "details": json.loads(job.details),
    }


def export_work(record: WorkRecord, ledger: Ledger, folder: Path) -> list[str]:
    """Write a work's circuit, angles, results and calibrations to a new or empty folder.

    Returns:
        The names of the files: work.json; circuit.qpy, the ISA circuit; points.npy, the angles of
        shape (P, G); values.npy and std_errors.npy of shape (P, O), with NaN for jobs that are not
        done, see `RuntimeOptions.std_error_note`; one noise profile per calibration.

    Raises:
        InputError: If the folder is not empty.
        HardwareError: If the folder cannot be written.
    """
    files = {"circuit.qpy": record.circuit_qpy, "points.npy": npy_bytes(record.points_PG)}
    jobs = ledger.jobs(record.key)
    shape = (len(record.points_PG), len(json.loads(record.observables)))
    values_PO, std_errors_PO = np.full((2, *shape), np.nan)
    for job in jobs:
        if job.state == DONE:
            place = slice(job.start, job.stop)
            values_PO[place], std_errors_PO[place] = ledger.results(job.tag)
        if job.calibration_hash is not None:
            name = f"calibration-{job.calibration_hash[:12]}.json"
            files[name] = ledger.calibration(job.calibration_hash).encode()
    files |= {"values.npy": npy_bytes(values_PO), "std_errors.npy": npy_bytes(std_errors_PO)}
    files["work.json"] = (json.dumps(work_document(record, jobs), indent=2) + "\n").encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise InputError(f"{str(folder)!r} is not empty: name a new folder with --out")
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except FileExistsError as error:
        raise InputError(f"{str(folder)!r} is a file: name a folder with --out") from error
    except OSError as error:
        raise HardwareError(
            f"{str(folder)!r} cannot be written: {error.strerror}; the ledger keeps the results"
        ) from error
    return sorted(files)


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
