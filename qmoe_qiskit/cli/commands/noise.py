"""`qmoe noise`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qmoe_qiskit.backends.mitigation.registry import MITIGATIONS
from qmoe_qiskit.cli.options import common
from qmoe_qiskit.cli.options.training import (
    NOISE,
    TrainingOptions,
    training_options,
    training_request,
)
from qmoe_qiskit.cli.output.documents import (
    console,
    execution_document,
    metrics_document,
    remark,
    write_json,
)
from qmoe_qiskit.errors import InputError, require_positive

if TYPE_CHECKING:
    from rich.table import Table

    from qmoe_qiskit.runs import Metric, NoiseComparison


@training_options(
    without=(
        "router",
        "control",
        "backend",
        "shots",
        "mitigation",
        "device_qubits",
        "balance_weight",
    )
)
def noise(
    *,
    training: TrainingOptions,
    device: Annotated[
        str,
        typer.Option(
            "--device",
            metavar="NAME|FILE",
            help="Noise profile: a name of qmoe profiles list, or a .json file.",
            rich_help_panel=NOISE,
        ),
    ] = "ibm_torino",
    later: Annotated[
        str | None,
        typer.Option(
            "--later",
            metavar="NAME|FILE",
            help="The later calibration; by default a drift of the device's calibration.",
            rich_help_panel=NOISE,
        ),
    ] = None,
    drift_hours: Annotated[
        float,
        typer.Option(
            "--drift-hours",
            help="Time until the drifted calibration, in hours.",
            rich_help_panel=NOISE,
        ),
    ] = 24.0,
    drift_seed: Annotated[
        int, typer.Option("--drift-seed", help="Seed of the drift.", rich_help_panel=NOISE)
    ] = 0,
    shots: Annotated[
        int | None,
        typer.Option(
            "--shots",
            help="Shots per row of the evaluations under noise; by default exact values. The "
            "trainings are exact.",
            rich_help_panel=NOISE,
        ),
    ] = None,
    mitigation: Annotated[
        str, typer.Option("--mitigation", help=f"{MITIGATIONS.help}.", rich_help_panel=NOISE)
    ] = "none",
    device_qubits: Annotated[
        str | None,
        typer.Option(
            "--device-qubits", metavar="Q,Q,...", help=common.DEVICE_QUBITS, rich_help_panel=NOISE
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for the result; by default runs/noise-DATA-DEVICE."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing comparison.")] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Resume the interrupted comparison in --out, with its own settings."
        ),
    ] = False,
    as_json: common.Json = False,
) -> None:
    """Train with and without a device's noise; evaluate on both and on a later calibration."""
    from qmoe_qiskit.runs import NoiseRequest, compare_under_noise, resume_comparison
    from qmoe_qiskit.runs.noise_comparison.folder import is_begun

    if shots is not None:
        require_positive("--shots", shots)
    request = NoiseRequest(
        device=device,
        training=training_request(training),
        shots=shots,
        mitigation=mitigation,
        device_qubits=common.qubits_from(device_qubits),
        later=later,
        drift_hours=drift_hours,
        drift_seed=drift_seed,
    )
    if resume and (out is None or force):
        raise InputError("--resume needs --out, the folder of the interrupted comparison, alone")
    out = out or Path("runs") / f"noise-{Path(request.training.data).stem}-{Path(device).stem}"
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
                "metrics": metrics_document(result.metrics),
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
