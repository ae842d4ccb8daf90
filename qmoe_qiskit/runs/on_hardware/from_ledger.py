"""A run on quantum hardware that the ledger has all results of: nobody is asked for them again."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from qmoe_qiskit.errors import OutOfRangeWarning
from qmoe_qiskit.runs.evaluation import select_rows
from qmoe_qiskit.runs.on_hardware.evaluate import Prepared
from qmoe_qiskit.runs.on_hardware.recording_device import OutcomeRecorder
from qmoe_qiskit.runs.store.loading import load_run

if TYPE_CHECKING:
    from pathlib import Path

    from qmoe_qiskit.hardware.ledger.store import Ledger
    from qmoe_qiskit.hardware.options import RuntimeOptions


def prepare_recorded(
    path: str | Path,
    spec: str,
    ledger: Ledger,
    data: str | Path | None = None,
    *,
    options: RuntimeOptions,
    shots: int | None,
    seed: int | None,
    qubits: tuple[int, ...] | None = None,
    target: str | None = None,
    samples: int | None = None,
) -> Prepared | None:
    """Return what `prepare_run` returns, from a ledger alone; None if it lacks a result.

    The device may be retired by then, the account closed, or the network away.

    Args:
        path: The run's folder.
        spec: The backend, such as "runtime:ibm_fez", with the settings of `open_backend`.
        ledger: Where its work is recorded.
        data: See `evaluate_run`, as target and samples.
        options: How the primitives were to execute it.
        shots: Of every sample.
        seed: Of the backend.
        qubits: Device qubits that were asked for.
        target: Column of the labels.
        samples: Number of rows.

    Raises:
        InputError: If the data cannot be used.
        RunError: If the run cannot be used.
        LedgerError: If the ledger cannot be read.
    """
    from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
    from qmoe_qiskit.backends.runtime.compiled_router import Layout, request_key
    from qmoe_qiskit.hardware.devices.from_ledger import LedgerDevice
    from qmoe_qiskit.hardware.jobs.work_records import load_work
    from qmoe_qiskit.hardware.ledger.current_jobs import has_all_results
    from qmoe_qiskit.hardware.service.account import service_name

    exact = load_run(path, backend="statevector")
    compiled = exact.classifier.compiled_router
    if compiled is None:
        return None
    rows = select_rows(exact, data, target=target, samples=samples)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfRangeWarning)  # the evaluation counts them
        arguments = exact.classifier.circuit_arguments(rows.dataset.features_NF)
    service, n_shots = service_name(), options.shots(shots)
    keys = [
        request_key(
            "values",
            compiled.router,
            inputs_BF,
            weights_W,
            spec=spec,
            service=service,
            options=options,
            shots=n_shots,
            qubits=qubits,
            seed=seed,
        )
        for inputs_BF, weights_W in arguments
    ]
    if not keys or not all(has_all_results(key, ledger) for key in keys):
        return None
    records = [record for key in keys if (record := ledger.work(key)) is not None]
    works = tuple(map(load_work, records))
    watched = OutcomeRecorder(LedgerDevice(records[0], ledger, service=service))
    backend = RuntimeBackend(
        name=spec,
        device=watched,
        options=options,
        shots=n_shots,
        seed=seed,
        qubits=qubits,
        layout=Layout(
            circuit=works[0].circuit, physical_qubits=works[0].physical_qubits, profile=None
        ),
    )
    return Prepared(run=load_run(path, backend=backend), rows=rows, works=works, watched=watched)
