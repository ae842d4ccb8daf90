"""`qmoe noise`."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qmoe_qiskit.cli.options import common as options
from qmoe_qiskit.cli.options import training as these
from qmoe_qiskit.cli.output.documents import console, execution_document, remark, write_json
from qmoe_qiskit.errors import InputError, require_positive

if TYPE_CHECKING:
    from rich.table import Table

    from qmoe_qiskit.runs import Metric, NoiseComparison


def noise(
    *,
    data: these.Data = "moons",
    target: these.Target = None,
    n_samples: these.Samples = None,
    test_fraction: these.TestFraction = 0.25,
    n_experts: these.Experts = 2,
    n_layers: these.Layers = 3,
    n_qubits: these.Qubits = None,
    rotation: these.Rotation = "x",
    reuploads: these.Reuploads = 1,
    entanglement: these.Entanglement = "strong",
    readout: these.Readout = "expectations",
    device: Annotated[
        str,
        typer.Option(
            "--device",
            metavar="NAME|FILE",
            help="Noise profile: a name of qmoe profiles list, or a .json file.",
            rich_help_panel=these.NOISE,
        ),
    ] = "ibm_torino",
    later: Annotated[
        str | None,
        typer.Option(
            "--later",
            metavar="NAME|FILE",
            help="The later calibration; by default a drift of the device's own.",
            show_default=False,
            rich_help_panel=these.NOISE,
        ),
    ] = None,
    drift_hours: Annotated[
        float,
        typer.Option(
            "--drift-hours", help="How much later a drift is.", rich_help_panel=these.NOISE
        ),
    ] = 24.0,
    drift_seed: Annotated[
        int,
        typer.Option("--drift-seed", help="Seed of the drift.", rich_help_panel=these.NOISE),
    ] = 0,
    shots: Annotated[
        int | None,
        typer.Option(
            "--shots",
            help="Shots per row of the evaluations under noise; by default exact values. The "
            "trainings are exact.",
            show_default=False,
            rich_help_panel=these.NOISE,
        ),
    ] = None,
    mitigation: Annotated[
        str, typer.Option("--mitigation", help=options.MITIGATION, rich_help_panel=these.NOISE)
    ] = "none",
    device_qubits: Annotated[
        str | None,
        typer.Option(
            "--device-qubits",
            metavar="Q,Q,...",
            help=options.DEVICE_QUBITS,
            show_default=False,
            rich_help_panel=these.NOISE,
        ),
    ] = None,
    max_epochs: these.Epochs = 30,
    batch_size: these.BatchSize = 32,
    learning_rate: these.LearningRate = 0.05,
    early_stopping: these.EarlyStopping = False,
    patience: these.Patience = 10,
    seed: options.Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Folder for the result; by default runs/noise-DATA-DEVICE.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a comparison that is there.")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with the interrupted comparison in --out, as it was begun."
        ),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Train without noise and under a device's, and evaluate on both and on a later calibration."""
    from qmoe_qiskit.runs import NoiseRequest, compare_under_noise, resume_comparison
    from qmoe_qiskit.runs.noise_comparison.folder import is_begun

    if shots is not None:
        require_positive("--shots", shots)
    request = NoiseRequest(
        device=device,
        training=these.training_request(
            data=data,
            target=target,
            n_samples=n_samples,
            test_fraction=test_fraction,
            n_experts=n_experts,
            n_layers=n_layers,
            n_qubits=n_qubits,
            rotation=rotation,
            reuploads=reuploads,
            entanglement=entanglement,
            readout=readout,
            max_epochs=max_epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            early_stopping=early_stopping,
            patience=patience,
            seed=seed,
        ),
        shots=shots,
        mitigation=mitigation,
        device_qubits=options.qubits_from(device_qubits),
        later=later,
        drift_hours=drift_hours,
        drift_seed=drift_seed,
    )
    if resume and (out is None or force):
        raise InputError("--resume needs --out, the folder of the interrupted comparison, alone")
    out = out or Path("runs") / f"noise-{Path(data).stem}-{Path(device).stem}"
    try:
        if resume:
            comparison = resume_comparison(out, verbose=True)
        else:
            comparison = compare_under_noise(request, out, force=force, verbose=True)
    except KeyboardInterrupt:
        if is_begun(out):
            command = f"qmoe noise --resume --out {shlex.quote(str(out))}"
            remark(f"interrupted: nothing is lost, go on with {command}")
        raise typer.Exit(130) from None
    if as_json:
        write_json({"out": str(out), **_document(comparison)})
        return
    _print(comparison, out)


def _document(comparison: NoiseComparison) -> dict[str, Any]:
    return {
        "data": comparison.data,
        "n_rows": comparison.n_rows,
        "seed": comparison.seed,
        "settings": [
            {
                "setting": str(result.setting),
                "trained_on": execution_document(result.trained_on),
                "evaluated_on": execution_document(result.evaluated_on),
                "metrics": {
                    name: dataclasses.asdict(metric) for name, metric in result.metrics.items()
                },
            }
            for result in comparison.settings
        ],
    }


def _print(comparison: NoiseComparison, out: Path) -> None:
    noisy, later = (result.evaluated_on for result in comparison.settings[2:])
    screen = console()
    screen.print(
        f"{comparison.n_rows} held-out rows of {comparison.data}, seed {comparison.seed}\n"
        f"noisy: {noisy}\nlater: {later}"
    )
    screen.print(_table(comparison))
    screen.print(
        "With 95 % intervals. Difference: of accuracy, to ideal -> ideal on the same rows. Load: "
        "share of the rows of each expert. Flips: share of the rows that noise sends to another "
        "expert, the trained weights being the same."
    )
    screen.print(f"Runs and comparison: {out}")


def _table(comparison: NoiseComparison) -> Table:
    from qmoe_qiskit.cli.output.tables import interval_of, open_table

    def cell(metric: Metric, form: str) -> str:
        return f"{metric.number:{form}}\n{interval_of(metric)}"

    table = open_table()
    table.add_column("trained ->\nevaluated", no_wrap=True)
    for heading in ("accuracy", "difference", "load", "flips"):
        table.add_column(heading, justify="right", no_wrap=heading != "load")
    for result in comparison.settings:
        metrics = result.metrics
        loads = metrics["expert_load"].value
        assert isinstance(loads, list)
        table.add_row(
            str(result.setting),
            cell(metrics["accuracy"], ".3f"),
            cell(metrics["accuracy_difference"], "+.3f"),
            " ".join(f"{load:.2f}" for load in loads),
            cell(metrics["routing_flips"], ".3f"),
        )
    return table
