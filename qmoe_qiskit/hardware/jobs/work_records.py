"""Conversion between units of work and the ledger's records of them."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from qiskit import qpy
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import SparsePauliOp

from qmoe_qiskit.circuits.qpy_bytes import read_circuit
from qmoe_qiskit.circuits.qpy_sizes import check_sizes
from qmoe_qiskit.hardware.cost.estimate import CostEstimate
from qmoe_qiskit.hardware.ledger.errors import damaged_work
from qmoe_qiskit.hardware.ledger.records import JobRecord, WorkRecord, WorkSummary
from qmoe_qiskit.hardware.options import RuntimeOptions
from qmoe_qiskit.hardware.work import WorkUnit, job_tag
from qmoe_qiskit.io.versions import library_versions

_LIBRARIES = ("qmoe-qiskit", "qiskit", "qiskit-ibm-runtime", "samplomatic", "qiskit-mitigation")


def new_records(
    work: WorkUnit, estimate: CostEstimate, *, instance: str | None, at: datetime
) -> tuple[WorkRecord, list[JobRecord]]:
    """Return the records of a new work, made at a time in UTC, and of the jobs of its estimate.

    Raises:
        InputError: If the circuit is too large to be recorded.
    """
    buffer = io.BytesIO()
    qpy.dump(work.circuit, buffer)
    check_sizes(buffer.getvalue())  # what is recorded can be read
    record = WorkRecord(
        key=work.key,
        created_at=at,
        spec=work.spec,
        device=work.device,
        instance=instance,
        title=work.title,
        shots=work.shots,
        estimate=json.dumps(estimate.document()),
        versions=json.dumps(library_versions(_LIBRARIES)),
        circuit_qpy=buffer.getvalue(),
        physical_qubits=work.physical_qubits,
        observables=json.dumps(
            [[[label, value.real] for label, value in o.to_list()] for o in work.observables]
        ),
        options=work.options.model_dump_json(exclude_unset=True),
        points_PG=work.points_PG,
    )
    jobs = [
        JobRecord(
            tag=job_tag(work.key, job.start, job.stop),
            key=work.key,
            index=index,
            start=job.start,
            stop=job.stop,
            estimated_seconds=job.seconds,
            executions=job.executions,
        )
        for index, job in enumerate(estimate.jobs)
    ]
    return record, jobs


def load_estimate(record: WorkSummary) -> CostEstimate:
    """Return the estimate that was made before submission.

    Raises:
        LedgerError: If the record is damaged.
    """
    with _decoding(record.key):
        return CostEstimate.from_document(json.loads(record.estimate))


def load_work(record: WorkRecord) -> WorkUnit:
    """Return a recorded work, with the circuit and layout of the time of its record.

    Raises:
        LedgerError: If the record is damaged.
    """
    with _decoding(record.key):
        return WorkUnit(
            key=record.key,
            spec=record.spec,
            device=record.device,
            title=record.title,
            circuit=read_circuit(record.circuit_qpy),
            physical_qubits=record.physical_qubits,
            observables=tuple(SparsePauliOp.from_list(o) for o in json.loads(record.observables)),
            points_PG=record.points_PG,
            shots=record.shots,
            options=RuntimeOptions.model_validate_json(record.options),
        )


@contextmanager
def _decoding(key: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, QiskitError) as error:
        why = " ".join(str(error).split())[:200]
        raise damaged_work(key, f"{type(error).__name__}: {why}") from error
