"""`qmoe submit`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from qmoe_qiskit.cli import hardware_options as hardware
from qmoe_qiskit.cli import options
from qmoe_qiskit.cli.output import console, remark, write_json
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from qmoe_qiskit.cli.waiting import Waiting
    from qmoe_qiskit.hardware.estimate import Estimate
    from qmoe_qiskit.hardware.remote import RemoteDevice
    from qmoe_qiskit.runs.on_device import Prepared

Wait = Annotated[
    bool, typer.Option("--wait", help="Wait for the results, and show what qmoe evaluate shows.")
]


def submit(
    run_folder: options.RunFolder,
    *,
    backend: hardware.Device,
    data: hardware.Data = None,
    target: hardware.Target = None,
    samples: hardware.Samples = None,
    shots: hardware.Shots = None,
    options_file: hardware.Options = None,
    resilience: hardware.Resilience = None,
    mode: hardware.Mode = None,
    repetition: hardware.Repetition = None,
    device_qubits: hardware.DeviceQubits = None,
    budget: hardware.Budget = None,
    yes: hardware.Yes = False,
    wait: Wait = False,
    ledger: hardware.LedgerFile = None,
    settle: hardware.Settle = None,
    as_json: options.Json = False,
) -> None:
    """Run a model's circuit on IBM Quantum: each job once, whatever happens in between.

    Given again after a crash or a lost connection, the same command finds what was sent and goes
    on; nothing is paid for twice. Without --budget and --yes it shows the estimate and asks.
    """
    from qmoe_qiskit.cli.waiting import waiting
    from qmoe_qiskit.hardware.budget import parse_seconds
    from qmoe_qiskit.hardware.remote import RemoteDevice
    from qmoe_qiskit.runs.on_device import evaluate_prepared, prepare_run

    budget_s = None if budget is None else parse_seconds(budget)
    if backend.startswith("runtime:fake_"):
        raise InputError(
            f"backend {backend!r} is simulated on this machine at once: use qmoe evaluate"
        )
    with waiting() as shown:
        opened = hardware.open_for_run(
            backend,
            run_folder,
            shots=shots,
            options=options_file,
            resilience=resilience,
            mode=mode,
            repetition=repetition,
            device_qubits=device_qubits,
            ledger=ledger,
            settle=settle,
            budget_s=budget_s,
            report=shown,
        )
        device = opened.device
        assert isinstance(device, RemoteDevice)
        prepared = prepare_run(run_folder, opened, data, target=target, samples=samples)
        agree(prepared, device, shown, yes=yes, quiet=as_json)
        for work in prepared.works:
            device.submit(work)
        result = evaluate_prepared(prepared) if wait else None
    if result is not None:
        from qmoe_qiskit.cli.evaluate import show_evaluation

        show_evaluation(prepared.run, result, as_json=as_json)
        return
    from qmoe_qiskit.cli.jobs_show import jobs_table
    from qmoe_qiskit.hardware.exporting import job_document

    jobs = [job for work in prepared.works for job in device.ledger.jobs(work.key)]
    if as_json:
        write_json({"run": str(run_folder), "jobs": [job_document(job) for job in jobs]})
    else:
        devices = {work.key: work.device for work in device.ledger.works()}
        console().print(jobs_table(jobs, devices))
        remark("fetch results: qmoe jobs collect; use them: qmoe evaluate with the same options")


def agree(
    prepared: Prepared, device: RemoteDevice, shown: Waiting, *, yes: bool, quiet: bool
) -> None:
    """Make sure that the user wants to pay: by --yes, a budget, or an answer.

    Jobs that exist, or were being created when a process died, are not asked about again.

    Args:
        prepared: What is to be submitted.
        device: Where.
        shown: Makes room for the question.
        yes: Whether the user has agreed already.
        quiet: Whether nothing may be asked.

    Raises:
        BudgetError: If the estimate is beyond the budget: nothing was sent.
        InputError: If there is nobody to ask.
    """
    from qmoe_qiskit.hardware.budget import refuse_over_budget
    from qmoe_qiskit.hardware.estimate import combined

    unsent = [part for work in prepared.works if (part := device.unsent(work)).jobs]
    if not unsent:
        return
    estimate = combined(unsent)
    n_jobs = len(estimate.jobs)
    if device.budget_s is not None:
        used_s = sum(device.committed_s(work.key) for work in prepared.works)
        refuse_over_budget(estimate, device.budget_s, used_s)
    elif not yes:
        shown.stop()
        _ask(prepared, estimate, quiet=quiet)
    shown(
        f"sending {n_jobs} job{'s' * (n_jobs > 1)} to {device.name}: an estimated "
        f"{estimate.seconds:.1f} s of QPU time"
    )


def _ask(prepared: Prepared, estimate: Estimate, *, quiet: bool) -> None:
    from qmoe_qiskit.cli.estimate import remaining_of, show_estimate

    if quiet or not sys.stdin.isatty():
        raise InputError(
            f"this would take about {estimate.seconds:.1f} s of QPU time on "
            f"{prepared.device.name}, and nobody can be asked: give --budget TIME, or --yes"
        )
    show_estimate(prepared, estimate, remaining_of(prepared))
    try:
        agreed = typer.confirm("Submit?", err=True)
    except typer.Abort:  # Ctrl-C, or the end of the input
        remark("\nnothing was sent")
        raise typer.Exit(130) from None
    if not agreed:
        remark("nothing was sent")
        raise typer.Exit(0)
