"""`qmoe train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qmoe_qiskit.cli.options import common as options
from qmoe_qiskit.cli.options import training as these
from qmoe_qiskit.cli.output.documents import (
    console,
    remark,
    remark_outside,
    run_document,
    write_json,
)
from qmoe_qiskit.cli.output.interruption import check_given, resumable
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe.routers.registry import ROUTERS

if TYPE_CHECKING:
    from qmoe_qiskit.runs import Run


def train(
    ctx: typer.Context,
    *,
    data: these.Data = "moons",
    target: these.Target = None,
    n_samples: these.Samples = None,
    test_fraction: these.TestFraction = 0.25,
    router: Annotated[
        str,
        typer.Option(
            "--router",
            help=", ".join(f"{kind.name} ({kind.help})" for kind in ROUTERS) + ".",
            rich_help_panel=these.MODEL,
        ),
    ] = "quantum",
    control: Annotated[
        str | None,
        typer.Option(
            "--control",
            help="Router of a second model to compare with, or none; by default linear beside a "
            "quantum router.",
            rich_help_panel=these.MODEL,
        ),
    ] = None,
    n_experts: these.Experts = 2,
    n_layers: these.Layers = 3,
    n_qubits: these.Qubits = None,
    rotation: these.Rotation = "x",
    reuploads: these.Reuploads = 1,
    entanglement: these.Entanglement = "strong",
    readout: these.Readout = "expectations",
    backend: Annotated[
        str, typer.Option("--backend", help=options.BACKEND, rich_help_panel=these.MODEL)
    ] = "statevector",
    shots: Annotated[
        int | None, typer.Option("--shots", help=options.SHOTS, rich_help_panel=these.MODEL)
    ] = None,
    mitigation: Annotated[
        str, typer.Option("--mitigation", help=options.MITIGATION, rich_help_panel=these.MODEL)
    ] = "none",
    device_qubits: Annotated[
        str | None,
        typer.Option(
            "--device-qubits",
            metavar="Q,Q,...",
            help=options.DEVICE_QUBITS,
            rich_help_panel=these.MODEL,
        ),
    ] = None,
    max_epochs: these.Epochs = 30,
    batch_size: these.BatchSize = 32,
    learning_rate: these.LearningRate = 0.05,
    balance_weight: these.Balance = 0.0,
    early_stopping: these.EarlyStopping = False,
    patience: these.Patience = 10,
    seed: options.Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Folder for the run; by default runs/DATA-ROUTER.", show_default=False
        ),
    ] = None,
    force: options.Force = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the interrupted training in --out.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Train a model, beside a control, and write a run."""
    from qmoe_qiskit.cli.output.figures import draw_run
    from qmoe_qiskit.runs import resume_run, train_run

    if control is None:
        control = "linear" if router == "quantum" else "none"
    request = these.training_request(
        data=data,
        target=target,
        n_samples=n_samples,
        test_fraction=test_fraction,
        router=router,
        control=None if control == "none" else control,
        n_experts=n_experts,
        n_layers=n_layers,
        n_qubits=n_qubits,
        rotation=rotation,
        reuploads=reuploads,
        entanglement=entanglement,
        readout=readout,
        backend=backend,
        shots=shots,
        mitigation=mitigation,
        device_qubits=options.qubits_from(device_qubits),
        max_epochs=max_epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        balance_weight=balance_weight,
        early_stopping=early_stopping,
        patience=patience,
        seed=seed,
    )
    if resume:
        if out is None:
            raise InputError("--resume needs --out, the folder of the interrupted training")
        if force:
            raise InputError("--resume goes on with a training, --force replaces it: give only one")
        check_given(ctx, request, out)
        with resumable(out):
            run = resume_run(out, figures=draw_run, verbose=True)
        remark("note: training seconds count from where the training was resumed")
    else:
        out = out or Path("runs") / f"{Path(data).stem}-{router.replace(':', '-')}"
        with resumable(out):
            run = train_run(request, out, force=force, figures=draw_run, verbose=True)
    report(run, as_json=as_json)


def report(run: Run, *, as_json: bool) -> None:
    """Print what came out of a training."""
    data = run.manifest.data
    outside = int(run.metrics["rows_outside_range"].number)
    remark_outside(outside, data.n_test, "held-out rows")
    if as_json:
        write_json(run_document(run))
        return
    from qmoe_qiskit.cli.output.tables import comparison_table

    screen = console()
    screen.print(
        f"{data.name}: {data.n_train} training rows, {data.n_test} held out; "
        f"{len(data.feature_names)} features, {len(run.model.classes)} classes"
    )
    if run.projection:
        screen.print(run.projection)
    screen.print(comparison_table(run))
    screen.print(f"Run and figures: {run.path}")
