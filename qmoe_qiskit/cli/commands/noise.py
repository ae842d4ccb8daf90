"""`qmoe noise`."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qmoe_qiskit import runs
from qmoe_qiskit.backends.mitigation.registry import MITIGATIONS
from qmoe_qiskit.cli.options import common, completion
from qmoe_qiskit.cli.options.training import TrainingOptions, training_options, training_request
from qmoe_qiskit.cli.output.documents import console, write_json
from qmoe_qiskit.cli.output.interruption import resumable
from qmoe_qiskit.cli.output.tables import interval_of, open_table
from qmoe_qiskit.errors import InputError, require_positive
from qmoe_qiskit.runs.request import ABOUT_BACKEND, ON_DEVICE

if TYPE_CHECKING:
    from rich.table import Table


_option = partial(common.option, panel="Noise")
_OPTIONS = [
    _option(
        "device",
        str,
        "Noise profile: a name of qmoe profiles list, or a .json file.",
        "NAME|FILE",
        default="ibm_torino",
        complete=completion.device,
    ),
    _option(
        "later",
        str,
        "The later calibration; by default a drift of the device's calibration.",
        "NAME|FILE",
        complete=completion.device,
    ),
    _option("drift_hours", float, "Time until the drifted calibration, in hours.", default=24.0),
    _option("drift_seed", int, "Seed of the drift.", default=0),
    _option(
        "shots",
        int,
        "Shots per row of the evaluations under noise; by default exact values. The trainings are "
        "exact.",
    ),
    _option("mitigation", str, f"{MITIGATIONS.help}.", default="none"),
    _option("device_qubits", str, common.DEVICE_QUBITS, "Q,Q,..."),
]


@common.give_options("compared", _OPTIONS)
@training_options(
    without=(
        *("router", "control", "balance_weight", "routing", "n_votes"),
        *("task", "expert", "top_k", "capacity_factor", "router_noise", "balance", "bias_rate"),
        *ABOUT_BACKEND,
        *ON_DEVICE,
    )
)
def noise(
    *,
    training: TrainingOptions,
    compared: dict[str, Any],
    out: Annotated[
        Path | None, typer.Option(help="Folder for the result; by default runs/noise-DATA-DEVICE.")
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
    if compared["shots"] is not None:
        require_positive("--shots", compared["shots"])
    compared["device_qubits"] = common.qubits_from(compared["device_qubits"])
    request = runs.NoiseRequest(training=training_request(training), **compared)
    if resume and (out is None or force):
        raise InputError("--resume needs --out, the folder of the interrupted comparison, alone")
    from qmoe_qiskit.data.table import stem_of

    name = f"noise-{stem_of(request.training.data)}-{Path(request.device).stem}"
    out = out or Path("runs") / name
    with resumable(out, "noise"):
        if resume:
            comparison = runs.resume_comparison(out, verbose=True)
        else:
            comparison = runs.compare_under_noise(request, out, force=force, verbose=True)
    if as_json:
        write_json({"out": str(out), **asdict(comparison)})
    else:
        _print(comparison, out)


def _print(comparison: runs.NoiseComparison, out: Path) -> None:
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


def _table(comparison: runs.NoiseComparison) -> Table:
    def cell(metric: runs.Metric, form: str) -> str:
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
