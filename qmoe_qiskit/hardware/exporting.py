"""Everything about a piece of work, as files."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import numpy as np

from qmoe_qiskit.errors import HardwareError, InputError
from qmoe_qiskit.hardware.records import DONE

if TYPE_CHECKING:
    from pathlib import Path

    from qmoe_qiskit.hardware.ledger import Ledger
    from qmoe_qiskit.hardware.records import WorkRecord


def export_work(record: WorkRecord, ledger: Ledger, folder: Path) -> list[str]:
    """Write a work's circuit, angles, results and calibrations to a new folder.

    Args:
        record: The work.
        ledger: Where it is recorded.
        folder: Must not exist, or be empty.

    Returns:
        The names of the files: work.json; circuit.qpy (over the whole device); points.npy, the
        angles (P, G); values.npy and std_errors.npy, (P, O), NaN where a job is not done; a noise
        profile for each calibration.

    Raises:
        InputError: If the folder is not empty or cannot be written.
    """
    files = {"circuit.qpy": record.circuit_qpy, "points.npy": _npy(record.points_PG)}
    jobs = ledger.jobs(record.key)
    shape = (len(record.points_PG), len(json.loads(record.observables)))
    values_PO, std_errors_PO = np.full((2, *shape), np.nan)
    for job in jobs:
        if job.state == DONE:
            values_PO[job.start : job.stop], std_errors_PO[job.start : job.stop] = ledger.results(
                job.tag
            )
        if job.calibration_hash is not None:
            name = f"calibration-{job.calibration_hash[:12]}.json"
            files[name] = ledger.calibration(job.calibration_hash).encode()
    files |= {"values.npy": _npy(values_PO), "std_errors.npy": _npy(std_errors_PO)}
    document = {
        "key": record.key,
        "title": record.title,
        "backend": record.spec,
        "device": record.device,
        "created_at": record.created_at.isoformat(),
        "shots": record.shots,
        "physical_qubits": list(record.physical_qubits),
        "observables": json.loads(record.observables),
        "options": json.loads(record.options),
        "versions": json.loads(record.versions),
        "estimate": json.loads(record.estimate),
        "jobs": [
            {
                "job_id": job.job_id,
                "tag": job.tag,
                "points": [job.start, job.stop],
                "state": job.state,
                "executions": job.executions,
                "estimated_seconds": job.estimated_seconds,
                "charged_seconds": job.charged_seconds,
                "calibration_hash": job.calibration_hash,
                "error": job.error,
                "details": json.loads(job.details),
            }
            for job in jobs
        ],
    }
    files["work.json"] = (json.dumps(document, indent=2) + "\n").encode()
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


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
