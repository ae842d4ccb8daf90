"""The results of works as a table with named columns, a line per row and observable."""

import csv
import io
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import SparsePauliOp

from qmoe_qiskit.circuits.observable_labels import observable_labels
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.hardware.ledger.current_jobs import current_jobs
from qmoe_qiskit.hardware.ledger.errors import damaged_work
from qmoe_qiskit.hardware.ledger.queries import LedgerReader
from qmoe_qiskit.hardware.ledger.records import DONE, JobRecord, WorkRecord

SUFFIXES = (".csv", ".parquet")
# The columns and their types: of Arrow, which a column without values needs.
COLUMNS = {
    "run": "string",
    "row": "int64",
    "observable": "string",
    "value": "float64",
    "std_error": "float64",
    "shots": "int64",
    "backend": "string",
    "device": "string",
    "state": "string",
    "job_id": "string",
    "tag": "string",
    "finished_at": "timestamp[us, tz=UTC]",
    "job_estimated_seconds": "float64",
    "job_charged_seconds": "float64",
    "calibration_hash": "string",
    "key": "string",
}


def results_table(works: Sequence[WorkRecord], ledger: LedgerReader) -> dict[str, list[Any]]:
    """Return the columns of the works' results.

    Rows count the points of a work from 0: for `qmoe submit` they are the rows that were
    evaluated, in their order. `run` is the work's title. Estimate and charge are those of the whole
    job, on each of its lines. Of a range of rows that was tried again, the latest job counts; rows
    without a result have None for value and standard error.

    Raises:
        LedgerError: If a record is damaged.
    """
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for work in works:
        labels = _labels(work)
        for job in current_jobs(ledger.jobs(work.key)):
            for line in _lines(work, job, labels, ledger):
                for name, value in line.items():
                    columns[name].append(value)
    return columns


def _labels(work: WorkRecord) -> tuple[str, ...]:
    try:
        recorded = json.loads(work.observables)
        return observable_labels([SparsePauliOp.from_list(terms) for terms in recorded])
    except (ValueError, TypeError, LookupError, AttributeError, QiskitError) as error:
        raise damaged_work(work.key, f"its observables cannot be read: {error}") from error


def _lines(
    work: WorkRecord, job: JobRecord, labels: Sequence[str], ledger: LedgerReader
) -> list[dict[str, Any]]:
    shape = (job.stop - job.start, len(labels))
    values_PO, std_errors_PO = np.full((2, *shape), np.nan)
    if job.state == DONE:
        values_PO, std_errors_PO = ledger.results(job.tag)
    facts = {
        "run": work.title,
        "shots": work.shots,
        "backend": work.spec,
        "device": work.device,
        "state": job.state,
        "job_id": job.job_id,
        "tag": job.tag,
        "finished_at": job.finished_at,
        "job_estimated_seconds": job.estimated_seconds,
        "job_charged_seconds": job.charged_seconds,
        "calibration_hash": job.calibration_hash,
        "key": work.key,
    }
    return [
        {
            **facts,
            "row": job.start + point,
            "observable": label,
            "value": _number(values_PO[point, output]),
            "std_error": _number(std_errors_PO[point, output]),
        }
        for point in range(shape[0])
        for output, label in enumerate(labels)
    ]


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def table_bytes(columns: dict[str, list[Any]], suffix: str) -> bytes:
    """Return a table as the content of a .csv or .parquet file.

    Raises:
        InputError: If the file is parquet, and pyarrow is not installed.
    """
    if suffix == ".csv":
        return _csv(columns)
    pyarrow, parquet = load_pyarrow()
    schema = pyarrow.schema([(name, _arrow_type(pyarrow, name)) for name in COLUMNS])
    content = io.BytesIO()
    parquet.write_table(pyarrow.table(columns, schema=schema), content)
    return content.getvalue()


def load_pyarrow() -> tuple[Any, Any]:
    """Return the modules pyarrow and pyarrow.parquet.

    Raises:
        InputError: If they are not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise InputError(
            "a .parquet file needs pyarrow, which is not installed: pip install pyarrow, or name a "
            ".csv file"
        ) from error
    return pa, parquet


def _arrow_type(pyarrow: Any, name: str) -> Any:  # noqa: ANN401 - pyarrow has no types
    if COLUMNS[name].startswith("timestamp"):
        return pyarrow.timestamp("us", tz="UTC")
    return pyarrow.type_for_alias(COLUMNS[name])


def _csv(columns: dict[str, list[Any]]) -> bytes:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    for line in zip(*columns.values(), strict=True):
        table.writerow(v.isoformat() if hasattr(v, "isoformat") else v for v in line)
    return text.getvalue().encode()
