"""An evaluation, as JSON and for people."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from qmoe_qiskit import runs
from qmoe_qiskit.cli.output.documents import console, remark_outside, write_json
from qmoe_qiskit.cli.output.placement import placement_sentence
from qmoe_qiskit.cli.output.tables import metrics_table

if TYPE_CHECKING:
    from qmoe_qiskit.runs.on_hardware.evaluate import Cost


def show_evaluation(run: runs.Run, result: runs.Evaluation, *, as_json: bool) -> None:
    """Print an evaluation, for people or as JSON."""
    from qmoe_qiskit.runs.on_hardware.evaluate import DeviceEvaluation

    remark_outside(int(result.metrics["rows_outside_range"].number), result.n_rows)
    if as_json:
        write_json({"run": str(run.path), "router": run.router, **dataclasses.asdict(result)})
        return
    screen = console()
    screen.print(
        f"{run.path}, router {run.router}, on {'the' if result.rows == 'held-out' else 'all'} "
        f"{result.n_rows} {'held-out ' if result.rows == 'held-out' else ''}rows of {result.data}; "
        f"{result.execution or 'no circuit'}"
    )
    if (placement := placement_sentence(run)) is not None:
        screen.print(placement, soft_wrap=True)
    screen.print(metrics_table(result.metrics))
    if isinstance(result, DeviceEvaluation):
        screen.print(cost_sentence(result.cost), soft_wrap=True)


def cost_sentence(cost: Cost) -> str:
    """Return what executions cost, as a sentence."""
    if not cost.jobs:
        return f"{cost.executions:,} executions on this machine: nothing was charged"
    n_jobs = len(cost.jobs)
    return (
        f"{cost.executions:,} executions, {cost.seconds:.1f} s of QPU time charged "
        f"({cost.estimated_seconds:.1f} s were estimated) for {n_jobs} job{'s' * (n_jobs > 1)}: "
        + " ".join(cost.jobs)
    )
