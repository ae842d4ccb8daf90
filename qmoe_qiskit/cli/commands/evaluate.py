"""`qmoe evaluate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from qmoe_qiskit.cli.options import common as options
from qmoe_qiskit.cli.options import hardware
from qmoe_qiskit.cli.output.evaluation import show_evaluation
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from qmoe_qiskit.runs import Evaluation, Run


Backend = Annotated[
    str | None,
    typer.Option(
        "--backend",
        help="In place of the backend of training, with its shots, mitigation and qubits. "
        f"{options.BACKEND} On IBM Quantum: runtime:DEVICE, runtime:least_busy, or "
        "runtime:fake_DEVICE, simulated on this machine.",
        show_default=False,
    ),
]
Shots = Annotated[
    int | None,
    typer.Option(
        "--shots",
        help="Shots per row; by default as in training, with --backend runtime:... 4096, and with "
        "another --backend exact values.",
        show_default=False,
    ),
]


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
    backend: Backend = None,
    shots: Shots = None,
    mitigation: options.OtherMitigation = None,
    device_qubits: options.OtherDeviceQubits = None,
    options_file: hardware.Options = None,
    resilience: hardware.Resilience = None,
    mode: hardware.Mode = None,
    repetition: hardware.Repetition = None,
    budget: hardware.Budget = None,
    yes: hardware.Yes = False,
    ledger: hardware.LedgerFile = None,
    settle: hardware.Settle = None,
    as_json: options.Json = False,
) -> None:
    """Measure a run's model on its held-out rows, or on other data.

    With --backend runtime:DEVICE the circuit runs on IBM Quantum: what was sent by qmoe submit with
    the same options is not sent again, and nothing is sent without --budget, --yes or an answer.
    The options from --options to --settle are for that.
    """
    ours = (
        ("--budget", budget),
        ("--yes", yes or None),
        ("--ledger", ledger),
        ("--settle", settle),
    )
    if backend is not None and backend.startswith("runtime:"):
        if mitigation is not None:
            raise InputError(
                f"--mitigation is for --backend noisy:DEVICE: {backend} mitigates by --resilience"
            )
        if backend.startswith("runtime:fake_"):
            _refuse(backend, *ours)
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
            *ours,
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
    show_evaluation(run, result, as_json=as_json)


def _on_device(
    run_folder: Path,
    data: str | None,
    *,
    target: str | None,
    samples: int | None,
    budget: str | None,
    yes: bool,
    quiet: bool,
    backend: str,
    settle: float | None,
    **settings: Any,  # noqa: ANN401 - those of open_for_run
) -> tuple[Run, Evaluation]:
    from qmoe_qiskit.cli.consent import agree
    from qmoe_qiskit.cli.output.waiting import waiting
    from qmoe_qiskit.hardware.cost.budget import parse_seconds
    from qmoe_qiskit.hardware.devices.ibm import IBMDevice
    from qmoe_qiskit.runs.on_hardware.evaluate import evaluate_prepared, prepare_run

    budget_s = None if budget is None else parse_seconds(budget)
    with waiting() as shown:
        if not backend.startswith("runtime:fake_"):
            prepared = hardware.recorded_for_run(
                backend, run_folder, data, target=target, samples=samples, **settings
            )
            if prepared is not None:
                return prepared.run, evaluate_prepared(prepared)
        opened = hardware.open_for_run(
            backend, run_folder, settle=settle, budget_s=budget_s, report=shown, **settings
        )
        prepared = prepare_run(run_folder, opened, data, target=target, samples=samples)
        if isinstance(opened.device, IBMDevice):
            agree(prepared, opened.device, shown, yes=yes, quiet=quiet)
        return prepared.run, evaluate_prepared(prepared)


def _refuse(backend: str | None, *given: tuple[str, object]) -> None:
    """Refuse options that are for devices where there is none."""
    for option, value in given:
        if value is not None:
            raise InputError(
                f"{option} is for a device of IBM Quantum, such as --backend runtime:ibm_fez, not "
                f"for {backend or 'the backend of training'}: omit it"
            )
