"""`qmoe compare`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qmoe_qiskit import limits
from qmoe_qiskit.backends.mitigation.registry import MITIGATIONS
from qmoe_qiskit.cli.options import common, completion
from qmoe_qiskit.cli.options.training import TrainingOptions, training_options, training_request
from qmoe_qiskit.cli.output.documents import console, write_json
from qmoe_qiskit.cli.output.study import show_summary
from qmoe_qiskit.cli.study_run import executor_of, run_study, study_document
from qmoe_qiskit.errors import InputError, require_positive
from qmoe_qiskit.runs.command_line import joined, option_of

if TYPE_CHECKING:
    from qmoe_qiskit.runs.request import TrainingRequest
    from qmoe_qiskit.studies.comparison.settings import ComparisonSettings

ROUTERS = "quantum,fourier,mlp:16,linear"
SEEDS = 10

_option = partial(common.option, panel="Comparison")
_OPTIONS = [
    _option(
        "routers",
        str,
        "Routers to compare; the first one is compared with each of the others.",
        "A,B,...",
        default=ROUTERS,
        complete=completion.routers,
    ),
    _option("seeds", int, "Number of seeds: of splits and initial weights.", default=SEEDS),
    _option(
        "learning_rates",
        str,
        "Learning rates that each training chooses from, on a part of its training rows.",
        "X,Y,...",
        default="0.02,0.05,0.1",
    ),
    _option(
        "margin", float, "Difference of accuracy below which differences do not matter.",
        default=0.02,
    ),
    _option(
        "device",
        str,
        "Noise profile under which the trained quantum routers are measured too: a name of qmoe "
        "profiles list, or a .json file.",
        "NAME|FILE",
        complete=completion.device,
    ),
    _option("shots", int, "Shots per row of that measurement; by default exact values."),
    _option("mitigation", str, f"{MITIGATIONS.help}.", default="none"),
]  # fmt: skip
# What a comparison takes over from a training, by the names that settings of studies have.
_TAKEN = {
    "data": "data",
    "target": "target",
    "features": "features",
    "drop": "drop",
    "n_samples": "n_samples",
    "test_fraction": "test_fraction",
    "layers": "n_layers",
    "experts": "n_experts",
    "epochs": "max_epochs",
    "batch_size": "batch_size",
}
_LEFT_OUT = (
    "router", "control", "circuit", "n_qubits", "projection", "rotation", "reuploads",
    "entanglement", "input_scaling", "initialization", "readout", "routing", "n_votes", "backend",
    "shots", "mitigation", "device_qubits", "learning_rate", "balance_weight", "early_stopping",
    "patience", "seed", "budget", "steps", "method", "slots", "init", "task", "expert", "top_k",
    "capacity_factor", "router_noise", "balance", "bias_rate",
)  # fmt: skip


@common.give_options("compared", _OPTIONS)
@training_options(without=_LEFT_OUT)
def compare(
    *,
    training: TrainingOptions,
    compared: dict[str, Any],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the comparison; by default runs/compare-DATA. Finished results in it "
            "are kept: an interrupted comparison goes on."
        ),
    ] = None,
    figures_format: common.FiguresFormat = "png",
    workers: Annotated[
        int | None, typer.Option(help="Number of processes; by default one for each core.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace another comparison in the folder.")
    ] = False,
    as_json: common.Json = False,
) -> None:
    """Compare routers over seeds, on held-out rows: intervals, a figure, a verdict.

    All routers of a seed have the same rows, split and order of batches. After an interruption, the
    same command computes the missing results.
    """
    seeds = range(require_positive("--seeds", compared["seeds"], at_most=limits.SEEDS))
    if compared["shots"] is not None:
        require_positive("--shots", compared["shots"])
    request = training_request(training)
    open_executor = executor_of(workers)
    settings = _settings(request, compared)

    from qmoe_qiskit.data.table import stem_of
    from qmoe_qiskit.studies.comparison.study import STUDY

    out = out or Path("runs") / f"compare-{stem_of(request.data)}"
    found = run_study(
        STUDY,
        settings,
        seeds,
        out,
        open_executor,
        command=_command(request, compared, out),
        how=["--workers", str(workers)] if workers else [],
        figures_format=figures_format,
        force=force,
    )
    if as_json:
        write_json(study_document(STUDY.name, out, seeds, found))
        return
    # The remarks say in plain words what the verdicts say in those of statistics.
    show_summary(replace(found[0], verdicts=()))
    screen = console()
    screen.print(f"\nFigure: {out / 'figures' / 'comparison.png'}", soft_wrap=True)
    screen.print(f"Report: {out / 'report.html'}", soft_wrap=True)


def _settings(request: TrainingRequest, compared: dict[str, Any]) -> ComparisonSettings:
    """Return the settings that the options describe; the data are loaded once to know them."""
    from qmoe_qiskit.data import load_dataset
    from qmoe_qiskit.studies.comparison.settings import ComparisonSettings

    dataset = load_dataset(
        request.data,
        target=request.target,
        features=request.features,
        drop=request.drop,
        n_samples=None if request.is_file else request.n_samples,
        seed=0,
    )
    n_rows = len(dataset.labels_N)
    n_samples = n_rows if request.n_samples is None else request.n_samples
    if n_samples > n_rows:
        raise InputError(f"--samples {n_samples} are more than the {n_rows} rows of the data")
    taken = {name: getattr(request, field) for name, field in _TAKEN.items()}
    return ComparisonSettings(
        **{**taken, "n_samples": n_samples},
        data_hash=dataset.content_hash if request.is_file else "",
        routers=tuple(name.strip() for name in compared["routers"].split(",")),
        learning_rates=_rates(compared["learning_rates"]),
        **{name: compared[name] for name in ("device", "shots", "mitigation", "margin")},
    )


def _rates(text: str) -> tuple[float, ...]:
    try:
        return tuple(map(float, text.split(",")))
    except ValueError:
        raise InputError(
            f"--learning-rates must be numbers separated by commas, such as 0.05,0.1; got {text!r}"
        ) from None


def _command(request: TrainingRequest, compared: dict[str, Any], out: Path) -> list[str]:
    """Return the command that makes the same comparison again."""
    given = {option_of(field): getattr(request, field) for field in _TAKEN.values()}
    given |= {option_of(name): value for name, value in compared.items()}
    words = ["qmoe", "compare"]
    for option, value in given.items():
        if value is not None:
            words += [option, joined(value) if isinstance(value, tuple) else str(value)]
    return [*words, "--out", str(out)]
