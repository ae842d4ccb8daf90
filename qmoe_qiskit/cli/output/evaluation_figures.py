"""The figures of an evaluation: its routing, its circuit's outputs, its QPU time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from qmoe_qiskit import runs
from qmoe_qiskit.cli.output.documents import check_vacant_file, write_file
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

    from qmoe_qiskit.figures.evaluation.qpu_time import JobTime
    from qmoe_qiskit.runs.metrics import Observed

from qmoe_qiskit.cli.output.votes import VOTES

_ROUTING, _OUTPUTS, _TIME = "routing.png", "outputs.png", "qpu_time.png"


def check_figures(run: runs.OpenedRun, folder: Path, *, force: bool) -> None:
    """Refuse a folder in which figures cannot be written, before anything is evaluated.

    Raises:
        InputError: If a figure exists and `force` is not given, the folder cannot be written to,
            or the router is classical.
    """
    from qmoe_qiskit.runs.store.loading import require_classes

    require_classes(run, "--figures")
    if not run.has_circuit:
        raise InputError(
            f"router {run.router!r} is classical: --figures compares a circuit's outputs with the "
            "exact ones"
        )
    if os.path.lexists(folder) and not os.path.isdir(folder):  # noqa: PTH112 - raises nothing
        raise InputError(f"{str(folder)!r} is a file: name a folder with --figures")
    for name in (_ROUTING, _OUTPUTS, _TIME, VOTES):
        check_vacant_file(folder / name, force=force, option="--figures")


def draw_evaluation(
    run: runs.Run, result: runs.Evaluation, folder: Path, *, ledger: Path | None
) -> list[Path]:
    """Draw an evaluation and return the files: QPU time only of jobs that were charged."""
    from qmoe_qiskit.backends import BackendSpec
    from qmoe_qiskit.circuits.observable_labels import observable_labels
    from qmoe_qiskit.figures.circuit_outputs import circuit_outputs_figure
    from qmoe_qiskit.figures.evaluation.qpu_time import qpu_time_figure
    from qmoe_qiskit.figures.evaluation.routing_comparison import routing_comparison_figure
    from qmoe_qiskit.figures.style import figure_bytes
    from qmoe_qiskit.runs.metrics import observe

    assert result.execution is not None
    rows = result.selected.dataset
    model = run.load(BackendSpec(backend="statevector")).classifier.whole_mixture()
    exact = _exact(result) or observe(model, rows.features_NF, rows.labels_N)
    name = result.execution.backend
    compiled = run.classifier.compiled_router
    outputs, exactly = result.observed.outputs, exact.outputs
    assert compiled is not None
    assert outputs is not None
    assert exactly is not None
    figures: dict[str, Figure] = {
        _ROUTING: routing_comparison_figure(
            {"exact": exact.weights_NE, name: result.observed.weights_NE}
            if name != "statevector"
            else {"exact": exact.weights_NE},
            rows,
            model,
        ),
        _OUTPUTS: circuit_outputs_figure(
            exactly.values,
            outputs.values,
            outputs.std_errors,
            observable_labels(compiled.router.observables),
            title=f"{name}, {result.n_rows} rows"
            + (f", {outputs.shots} shots each" if outputs.shots is not None else ", exact"),
        ),
    }
    if times := _job_times(result, ledger):
        figures[_TIME] = qpu_time_figure(times)
    for file, figure in figures.items():
        write_file(folder / file, figure_bytes(figure))
    return [folder / file for file in figures]


def _exact(result: runs.Evaluation) -> Observed | None:
    from qmoe_qiskit.runs.on_hardware.evaluate import DeviceEvaluation

    return result.exact if isinstance(result, DeviceEvaluation) else None


def _job_times(result: runs.Evaluation, path: Path | None) -> list[JobTime]:
    """Return the times of all charged jobs in the ledger, if some are of this evaluation."""
    from qmoe_qiskit.figures.evaluation.qpu_time import JobTime
    from qmoe_qiskit.hardware.ledger.store import Ledger
    from qmoe_qiskit.runs.on_hardware.evaluate import DeviceEvaluation

    if not isinstance(result, DeviceEvaluation):
        return []
    own = {job.tag for job in result.jobs if job.charged_seconds}
    if not own:
        return []
    with Ledger(path) as ledger:
        return [
            JobTime(
                device=work.device,
                estimated_s=job.estimated_seconds,
                charged_s=job.charged_seconds,
                highlighted=job.tag in own,
            )
            for work in ledger.works()
            for job in ledger.jobs(work.key)
            if job.charged_seconds
        ]
