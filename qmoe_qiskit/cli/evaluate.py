"""`qmoe evaluate`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qmoe_qiskit.cli import hardware_options as hardware
from qmoe_qiskit.cli import options
from qmoe_qiskit.cli.output import (
    console,
    execution_document,
    metrics_document,
    remark_outside,
    write_json,
)
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from qmoe_qiskit.runs import Evaluation, Run


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
    samples: hardware.Samples = None,
    backend: options.OtherBackend = None,
    shots: options.OtherShots = None,
    mitigation: options.OtherMitigation = None,
    device_qubits: options.OtherDeviceQubits = None,
    options_file: hardware.Options = None,
    resilience: hardware.Resilience = None,
    mode: hardware.Mode = None,
    repetition: hardware.Repetition = None,
    budget: hardware.Budget = None,
    yes: hardware.Yes = False,
    ledger: hardware.LedgerFile = None,
    settle: hardware.Settle = 60.0,
    as_json: options.Json = False,
) -> None:
    """Measure a run's model on its held-out rows, or on other data.

    With --backend runtime:DEVICE the circuit runs on IBM Quantum: work that is in the ledger is
    not sent again, and nothing is sent without --budget, --yes or an answer. The options behind
    --device-qubits are for that.
    """
    if backend is not None and backend.startswith("runtime:"):
        _refuse(backend, ("--mitigation", mitigation))
        run, result = _on_device(
            run_folder,
            data,
            target=target,
            samples=samples,
            budget=budget,
            yes=yes,
            quiet=as_json,
            backend=backend,
            shots=shots,
            options=options_file,
            resilience=resilience,
            mode=mode,
            repetition=repetition,
            device_qubits=device_qubits,
            ledger=ledger,
            settle=settle,
        )
    else:
        _refuse(
            backend,
            ("--options", options_file),
            ("--resilience", resilience),
            ("--mode", mode),
            ("--repetition", repetition),
            ("--budget", budget),
            ("--ledger", ledger),
            ("--yes", yes or None),
        )
        from qmoe_qiskit.runs import evaluate_run, load_run

        run = load_run(
            run_folder,
            backend=backend,
            shots=shots,
            mitigation=mitigation,
            device_qubits=options.qubits_from(device_qubits),
        )
        result = evaluate_run(run, data, target=target, samples=samples)
    if as_json:
        write_json(evaluation_document(run, result))
    else:
        show_evaluation(run, result)


def evaluation_document(run: Run, result: Evaluation) -> dict[str, Any]:
    """Return an evaluation as JSON types."""
    from qmoe_qiskit.runs.on_device import DeviceEvaluation

    document = {
        "run": str(run.path),
        "router": run.router,
        "data": result.data,
        "rows": result.rows,
        "n_rows": result.n_rows,
        "execution": execution_document(result.execution),
        "metrics": metrics_document(result.metrics),
    }
    if isinstance(result, DeviceEvaluation):
        document["cost"] = dataclasses.asdict(result.cost)
    return document


def show_evaluation(run: Run, result: Evaluation) -> None:
    """Print an evaluation for people."""
    from qmoe_qiskit.cli.tables import metrics_table
    from qmoe_qiskit.runs.on_device import DeviceEvaluation

    outside = int(result.metrics["rows_outside_range"].number)
    remark_outside(outside, result.n_rows)
    screen = console()
    screen.print(
        f"{run.path}, router {run.router}, on {'the' if result.rows == 'held-out' else 'all'} "
        f"{result.n_rows} {'held-out ' if result.rows == 'held-out' else ''}rows of {result.data}; "
        f"{result.execution or 'no circuit'}"
    )
    screen.print(metrics_table(result.metrics))
    if isinstance(result, DeviceEvaluation):
        cost = result.cost
        screen.print(
            f"{cost.executions:,} executions"
            + (
                f", {cost.seconds:.1f} s of QPU time in {len(cost.jobs)} "
                f"job{'s' * (len(cost.jobs) != 1)}: {' '.join(cost.jobs)}"
                if cost.jobs
                else " on this machine: nothing was charged"
            )
        )


def _on_device(
    run_folder: Path,
    data: str | None,
    *,
    target: str | None,
    samples: int | None,
    budget: str | None,
    yes: bool,
    quiet: bool,
    **settings: Any,  # noqa: ANN401 - those of open_for_run
) -> tuple[Run, Evaluation]:
    from qmoe_qiskit.cli.submit import agree
    from qmoe_qiskit.hardware.budget import parse_seconds
    from qmoe_qiskit.hardware.remote import RemoteDevice
    from qmoe_qiskit.runs.on_device import evaluate_prepared, prepare_run

    budget_s = None if budget is None else parse_seconds(budget)
    opened = hardware.open_for_run(run=run_folder, budget_s=budget_s, **settings)
    prepared = prepare_run(run_folder, opened, data, target=target, samples=samples)
    if isinstance(opened.device, RemoteDevice):
        agree(prepared, opened.device, yes=yes, quiet=quiet)
    with hardware.going_on():
        return prepared.run, evaluate_prepared(prepared)


def _refuse(backend: str | None, *given: tuple[str, object]) -> None:
    """Refuse options that are not for the backend."""
    for option, value in given:
        if value is not None:
            where = "runtime:DEVICE" if option != "--mitigation" else "noisy:DEVICE"
            raise InputError(
                f"{option} is for --backend {where}, not for {backend or 'the backend of training'}"
                ": omit it"
            )
