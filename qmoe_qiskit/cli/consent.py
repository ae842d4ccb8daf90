"""The user's consent before anything is paid for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from qmoe_qiskit.cli.output.documents import remark
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from qmoe_qiskit.cli.output.interruption import Waiting
    from qmoe_qiskit.hardware.cost.estimate import CostEstimate
    from qmoe_qiskit.hardware.devices.ibm import IBMDevice
    from qmoe_qiskit.runs.on_hardware.prepare import Prepared


def agree(prepared: Prepared, device: IBMDevice, shown: Waiting, *, yes: bool, quiet: bool) -> None:
    """Make sure that the user agrees to pay: by --yes, a budget, or an answer.

    Jobs that exist, or were being created when a process died, need no second consent. The status
    line `shown` makes room for the question, which may not be asked if `quiet`.

    Raises:
        BudgetError: If the estimate exceeds the budget: nothing was sent.
        InputError: If no question can be asked.
    """
    from qmoe_qiskit.hardware.cost.budget import refuse_over_budget
    from qmoe_qiskit.hardware.cost.estimate import combine_estimates

    unsent = [part for work in prepared.works if (part := device.unsent_estimate(work)).jobs]
    if not unsent:
        return
    estimate = combine_estimates(unsent)
    n_jobs = len(estimate.jobs)
    if device.budget_s is not None:
        used_s = sum(device.committed_qpu_seconds(work.key) for work in prepared.works)
        refuse_over_budget(estimate, device.budget_s, used_s)
    elif not yes:
        shown.stop()
        _ask(prepared, estimate, quiet=quiet)
    shown(
        f"sending {n_jobs} job{'s' * (n_jobs > 1)} to {device.name}: an estimated "
        f"{estimate.seconds:.1f} s of QPU time"
    )


def _ask(prepared: Prepared, estimate: CostEstimate, *, quiet: bool) -> None:
    from qmoe_qiskit.cli.output.costs.estimate import remaining_of, show_estimate

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
