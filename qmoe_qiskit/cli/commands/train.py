"""`qmoe train`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from qmoe_qiskit import runs
from qmoe_qiskit.cli.options import common
from qmoe_qiskit.cli.options.config import Config, PrintSettings, settings_of
from qmoe_qiskit.cli.options.training import TrainingOptions, training_options, training_request
from qmoe_qiskit.cli.output.documents import (
    console,
    remark,
    remark_outside,
    run_document,
    write,
    write_json,
)
from qmoe_qiskit.cli.output.figures import draw_run
from qmoe_qiskit.cli.output.interruption import check_given, resumable
from qmoe_qiskit.cli.output.tables import comparison_table
from qmoe_qiskit.errors import InputError


@training_options()
def train(
    ctx: typer.Context,
    *,
    config: Config = None,  # noqa: ARG001 - its callback has read it
    print_settings: PrintSettings = False,
    training: TrainingOptions,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the run; by default runs/DATA-ROUTER.")
    ] = None,
    figures_format: common.FiguresFormat = "png",
    force: common.Force = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume the interrupted training in --out.")
    ] = False,
    as_json: common.Json = False,
) -> None:
    """Train a model and its controls, and write a run."""
    is_circuit = runs.TrainingRequest.is_circuit(training["router"])
    controls = training["control"] or (["linear"] if is_circuit else ["none"])
    if "none" in controls and len(controls) > 1:
        raise InputError(f"--control none goes with no other, got {' and '.join(controls)}")
    controls = [control for control in controls if control != "none"]
    request = training_request({**training, "control": tuple(controls)})
    if print_settings:
        from qmoe_qiskit.studies.report.settings_toml import settings_toml

        write(settings_toml(settings_of(request), settings_of(runs.TrainingRequest())) + "\n")
        return
    figures = partial(draw_run, file_format=figures_format)
    if resume:
        if out is None:
            raise InputError("--resume needs --out, the folder of the interrupted training")
        if force:
            raise InputError("--resume goes on with a training, --force replaces it: give only one")
        check_given(ctx, request, out)
        with resumable(out):
            run = runs.resume_run(out, figures=figures, verbose=True)
        remark("note: training seconds count from where the training was resumed")
    else:
        from qmoe_qiskit.data.table import stem_of

        name = f"{stem_of(request.data)}-{Path(request.router).stem.replace(':', '-')}"
        out = out or Path("runs") / name
        with resumable(out):
            run = runs.train_run(request, out, force=force, figures=figures, verbose=True)
    report(run, as_json=as_json)


def report(run: runs.Run, *, as_json: bool) -> None:
    """Print the result of a training."""
    data = run.manifest.data
    outside = int(run.metrics["rows_outside_range"].number)
    remark_outside(outside, data.n_test, "held-out rows")
    if as_json:
        write_json(run_document(run))
        return
    screen = console()
    classes = f", {len(run.model.classes)} classes" if run.model.classes else ""
    screen.print(
        f"{data.name}: {data.n_train} training rows, {data.n_test} held out; "
        f"{len(data.feature_names)} features{classes}"
    )
    if run.projection:
        screen.print(run.projection)
    screen.print(comparison_table(run))
    if "qpu_seconds" in run.metrics:
        screen.print(f"QPU time: {run.metrics['qpu_seconds'].produced_by}")
        screen.print("The table is under the device's calibration; what was measured is in")
        screen.print(f"{run.path / 'surrogate.safetensors'}, for qmoe predict --surrogate")
    screen.print(f"Run and figures: {run.path}")
