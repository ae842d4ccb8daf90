"""`qmoe train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qmoe_qiskit.cli import options
from qmoe_qiskit.cli.interruption import check_given, resumable
from qmoe_qiskit.cli.output import console, remark, remark_outside, run_document, write_json
from qmoe_qiskit.errors import InputError, require_positive

if TYPE_CHECKING:
    from qmoe_qiskit.runs import Run

_DATA, _MODEL, _TRAINING = "Data", "Model", "Training"


def train(
    ctx: typer.Context,
    *,
    data: Annotated[
        str,
        typer.Option(
            "--data",
            metavar="NAME|FILE",
            help="moons, circles, xor, spirals, digits, digits10, or a .csv or .npz file.",
            rich_help_panel=_DATA,
        ),
    ] = "moons",
    target: Annotated[
        str | None,
        typer.Option("--target", help="Column of the file with the labels.", rich_help_panel=_DATA),
    ] = None,
    n_samples: Annotated[
        int | None,
        typer.Option(
            "--samples",
            help="Number of rows; by default 500 generated ones, or all there are.",
            rich_help_panel=_DATA,
        ),
    ] = None,
    test_fraction: Annotated[
        float,
        typer.Option("--test-fraction", help="Share of rows held out.", rich_help_panel=_DATA),
    ] = 0.25,
    router: Annotated[
        str,
        typer.Option(
            "--router",
            help="quantum, linear, quadratic, mlp:H (H hidden units), or fourier.",
            rich_help_panel=_MODEL,
        ),
    ] = "quantum",
    control: Annotated[
        str | None,
        typer.Option(
            "--control",
            help="Router of a second model to compare with, or none; by default linear beside a "
            "quantum router.",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    n_experts: Annotated[
        int, typer.Option("--experts", help="Number of experts.", rich_help_panel=_MODEL)
    ] = 2,
    n_layers: Annotated[
        int,
        typer.Option("--layers", help="Entangling layers of the circuit.", rich_help_panel=_MODEL),
    ] = 3,
    n_qubits: Annotated[
        int | None,
        typer.Option(
            "--qubits",
            help="Coordinates that the router sees, a qubit each; by default one a feature, at "
            "most 6. With more features than that they are principal components.",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    rotation: Annotated[
        str,
        typer.Option(
            "--rotation", help="Axis of the embedding: x, y or z.", rich_help_panel=_MODEL
        ),
    ] = "x",
    reuploads: Annotated[
        int,
        typer.Option("--reuploads", help="Times that the data enter.", rich_help_panel=_MODEL),
    ] = 1,
    entanglement: Annotated[
        str,
        typer.Option(
            "--entanglement", help="strong, ring, linear or none.", rich_help_panel=_MODEL
        ),
    ] = "strong",
    readout: Annotated[
        str,
        typer.Option("--readout", help="expectations or probabilities.", rich_help_panel=_MODEL),
    ] = "expectations",
    backend: Annotated[
        str,
        typer.Option("--backend", help=options.BACKEND, rich_help_panel=_MODEL),
    ] = "statevector",
    max_epochs: Annotated[
        int,
        typer.Option("--epochs", help="Passes over the training rows.", rich_help_panel=_TRAINING),
    ] = 30,
    batch_size: Annotated[
        int,
        typer.Option("--batch-size", help="Rows in a step.", rich_help_panel=_TRAINING),
    ] = 32,
    learning_rate: Annotated[
        float, typer.Option("--learning-rate", help="Step size of Adam.", rich_help_panel=_TRAINING)
    ] = 0.05,
    early_stopping: Annotated[
        bool,
        typer.Option(
            "--early-stopping",
            help="Stop when the loss on a tenth of the training rows, kept apart, has not improved "
            "for a while, and keep the best epoch's model.",
            rich_help_panel=_TRAINING,
        ),
    ] = False,
    patience: Annotated[
        int,
        typer.Option(
            "--patience", help="How many epochs that while is.", rich_help_panel=_TRAINING
        ),
    ] = 10,
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
    from qmoe_qiskit.cli.figures import draw_run
    from qmoe_qiskit.runs import TrainingRequest, resume_run, train_run

    if control is None:
        control = "linear" if router == "quantum" else "none"
    for option, count in (
        ("--samples", 1 if n_samples is None else n_samples),
        ("--experts", n_experts),
        ("--layers", n_layers),
        ("--qubits", 1 if n_qubits is None else n_qubits),
        ("--reuploads", reuploads),
        ("--epochs", max_epochs),
        ("--batch-size", batch_size),
        ("--patience", patience),
    ):
        require_positive(option, count)
    request = TrainingRequest(
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
        max_epochs=max_epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
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
    from qmoe_qiskit.cli.tables import comparison_table

    screen = console()
    screen.print(
        f"{data.name}: {data.n_train} training rows, {data.n_test} held out; "
        f"{len(data.feature_names)} features, {len(run.model.classes)} classes"
    )
    if run.projection:
        screen.print(run.projection)
    screen.print(comparison_table(run))
    screen.print(f"Run and figures: {run.path}")
