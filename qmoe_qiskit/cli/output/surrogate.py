"""A measured surrogate, as JSON and for people."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from qmoe_qiskit.cli.output.tables import facts_table

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from qmoe_qiskit.backends.surrogate import FourierSurrogate
    from qmoe_qiskit.hardware.cost.estimate import CostEstimate
    from qmoe_qiskit.hardware.work import Outcome


def surrogate_document(
    surrogate: FourierSurrogate, estimate: CostEstimate | None, outcome: Outcome | None
) -> dict[str, Any]:
    """Return a surrogate, and what it cost, as JSON types."""
    return {
        "points": list(surrogate.grid.counts_F),
        "degrees": list(surrogate.grid.spectrum.degrees_F),
        "n_points": surrogate.points,
        "n_checks": surrogate.record.n_measured - surrogate.points,
        "shots": surrogate.shots,
        "executions": surrogate.executions,
        "check": None if surrogate.check is None else asdict(surrogate.check),
        "record": asdict(surrogate.record),
        "estimated_seconds": None if estimate is None else estimate.seconds,
        "seconds": None if outcome is None else outcome.seconds,
    }


def show_surrogate(
    screen: Console,
    run_folder: Path,
    surrogate: FourierSurrogate,
    estimate: CostEstimate | None,
    outcome: Outcome | None,
) -> None:
    """Print a surrogate, and what it cost, for people."""
    record, counts = surrogate.record, surrogate.grid.counts_F
    n_checks = record.n_measured - surrogate.points
    factors = f" ({' x '.join(map(str, counts))})" if len(counts) > 1 else ""
    facts = {
        "run": str(run_folder),
        "measured on": record.backend,
        "points": f"{surrogate.points}{factors}, and {n_checks} to check",
    }
    if record.calibration is not None:
        qubits = " ".join(map(str, record.physical_qubits))
        facts["qubits"] = qubits if record.slots is None else f"{qubits}, {record.slots} slots"
    if surrogate.shots is None:
        facts["values"] = "exact"
    else:
        facts["executions"] = f"{surrogate.executions:,} ({surrogate.shots} shots per point)"
    if estimate is not None:
        facts["estimated"] = f"{estimate.seconds:.1f} s of QPU time"
    if record.jobs and outcome is not None:
        facts["charged"] = f"{outcome.seconds:.1f} s of QPU time for {' '.join(record.jobs)}"
    facts["check"] = "none" if surrogate.check is None else str(surrogate.check)
    screen.print(facts_table(facts), soft_wrap=True)
