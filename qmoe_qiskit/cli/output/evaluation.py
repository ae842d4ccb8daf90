"""An evaluation, as JSON and for people."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from qmoe_qiskit import runs
from qmoe_qiskit.cli.output.documents import console, remark_outside, write_json
from qmoe_qiskit.cli.output.placement import placement_sentence
from qmoe_qiskit.cli.output.tables import metrics_table
from qmoe_qiskit.cli.output.votes import show_votes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from qmoe_qiskit.runs.on_hardware.evaluate import Cost


def show_evaluation(
    run: runs.Run,
    result: runs.Evaluation,
    *,
    as_json: bool,
    files: Sequence[Path] = (),
    votes: runs.AccuracyByVotes | None = None,
) -> None:
    """Print an evaluation, for people or as JSON, which lists the files that were written."""
    remark_outside(int(result.metrics["rows_outside_range"].number), result.n_rows)
    if as_json:
        document = {"run": str(run.path), "router": run.router, **_document(result)}
        if votes is not None:
            document["accuracy_by_votes"] = dataclasses.asdict(votes)
        written = [str(file) for file in files]
        write_json({**document, "files": written} if written else document)
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
    if votes is not None:
        show_votes(votes)
    for note in getattr(result, "notes", ()):  # those of a device
        screen.print(f"note: {note}", soft_wrap=True)
    cost: Cost | None = getattr(result, "cost", None)
    if cost is not None:
        screen.print(cost_sentence(cost), soft_wrap=True)


def _document(result: runs.Evaluation) -> dict[str, Any]:
    """Return an evaluation as JSON types, without what it says of single rows."""
    parts = {part.name: getattr(result, part.name) for part in dataclasses.fields(result)}
    shown = {part.name for part in dataclasses.fields(result) if part.repr}
    return {name: _plain(value) for name, value in parts.items() if name in shown}


def _plain(value: Any) -> Any:  # noqa: ANN401 - a part of an evaluation
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    is_record = dataclasses.is_dataclass(value) and not isinstance(value, type)
    return dataclasses.asdict(value) if is_record else value


def cost_sentence(cost: Cost) -> str:
    """Return what an evaluation or prediction cost on a device."""
    from qmoe_qiskit.hardware.jobs.local import is_local_id

    if all(map(is_local_id, cost.jobs)):
        return f"{cost.executions:,} executions on this machine: nothing was charged"
    n_jobs = len(cost.jobs)
    return (
        f"{cost.executions:,} executions, {cost.seconds:.1f} s of QPU time charged "
        f"({cost.estimated_seconds:.1f} s were estimated) for {n_jobs} job{'s' * (n_jobs > 1)}: "
        + " ".join(cost.jobs)
    )
