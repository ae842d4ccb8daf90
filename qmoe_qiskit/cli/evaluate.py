"""`qmoe evaluate`."""

from __future__ import annotations

from typing import Annotated

import typer

from qmoe_qiskit.cli import options
from qmoe_qiskit.cli.output import (
    console,
    execution_document,
    metrics_document,
    remark_outside,
    write_json,
)


def evaluate(
    run_folder: options.RunFolder,
    *,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="NAME|FILE",
            help="Data to measure on; by default the run's own held-out rows.",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            help="Column of the file with the labels; by default as in training.",
            show_default=False,
        ),
    ] = None,
    backend: options.OtherBackend = None,
    shots: options.OtherShots = None,
    mitigation: options.OtherMitigation = None,
    device_qubits: options.OtherDeviceQubits = None,
    as_json: options.Json = False,
) -> None:
    """Measure a run's model on its held-out rows, or on other data."""
    from qmoe_qiskit.runs import evaluate_run, load_run

    run = load_run(
        run_folder,
        backend=backend,
        shots=shots,
        mitigation=mitigation,
        device_qubits=options.qubits_from(device_qubits),
    )
    result = evaluate_run(run, data, target=target)
    outside = int(result.metrics["rows_outside_range"].number)
    remark_outside(outside, result.n_rows)
    if as_json:
        write_json(
            {
                "run": str(run.path),
                "router": run.router,
                "data": result.data,
                "rows": result.rows,
                "n_rows": result.n_rows,
                "execution": execution_document(result.execution),
                "metrics": metrics_document(result.metrics),
            }
        )
        return
    from qmoe_qiskit.cli.tables import metrics_table

    screen = console()
    screen.print(
        f"{run.path}, router {run.router}, on {'the' if result.rows == 'held-out' else 'all'} "
        f"{result.n_rows} {'held-out ' if result.rows == 'held-out' else ''}rows of {result.data}; "
        f"{result.execution or 'no circuit'}"
    )
    screen.print(metrics_table(result.metrics))
