"""`qmoe stream`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qmoe_qiskit import runs
from qmoe_qiskit.cli.options import common
from qmoe_qiskit.cli.output.documents import (
    check_vacant_file,
    console,
    remark,
    write_file,
    write_json,
)
from qmoe_qiskit.cli.output.tables import open_table
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from qmoe_qiskit.adaptive import StreamReport


def stream(
    run_folder: common.RunFolder,
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="A file, or the name of a data set, with labels; in its order."
        ),
    ],
    *,
    target: Annotated[
        str | None, typer.Option(help="Column of the labels; by default that of the run's data.")
    ] = None,
    policies: Annotated[
        str,
        typer.Option(
            "--policies",
            metavar="P,P,...",
            help="When the model learns: never, online (every few rows), periodic:N (anew, after "
            "every N rows), detected (anew, after a drift).",
        ),
    ] = "never,online,detected",
    detector: Annotated[
        str,
        typer.Option(help="Detector of drifts: adwin:DELTA, page-hinkley:THRESHOLD or ddm:SDS."),
    ] = "adwin:0.002",
    window: Annotated[int, typer.Option(help="Number of rows that a new fit learns from.")] = 200,
    controls: Annotated[
        str | None,
        typer.Option(
            metavar="C,C,...",
            help="Classical learners of streams beside the model: arf (adaptive random forest), "
            "hoeffding (Hoeffding tree). They learn the run's training rows first.",
        ),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw the accuracy along the rows.")
    ] = None,
    force: common.ForceFile = False,
    as_json: common.Json = False,
) -> None:
    """Let a run's model meet rows in their order: each is predicted first, and then learned."""
    from qmoe_qiskit.adaptive import Stream
    from qmoe_qiskit.runs.evaluation import own_split, select_rows

    chosen, names = _names(policies), _names(controls or "")
    if not chosen and not names:
        raise InputError("there is no learner: name one with --policies or --controls")
    if figure is not None:
        _check_figure(figure, len(chosen) + len(names))
        check_vacant_file(figure, force=force, option="--figure")
    run = runs.load_run(run_folder)
    rows = select_rows(run, data, target=target).dataset
    # A loaded model has no random_state, and every fit would be another one.
    model = run.classifier.set_params(random_state=run.manifest.seed)
    streams = {
        policy: Stream(model, policy=policy, detector=detector, window=window) for policy in chosen
    }
    _check_controls(names)
    for one in streams.values():
        one.learn(rows.features_NF, rows.labels_N)
    reports = {policy: one.report for policy, one in streams.items()}
    if names:
        reports |= _of_controls(names, own_split(run).train, rows, run.manifest.seed)
    if figure is not None:
        _draw(figure, reports, window, rows.name)
    if as_json:
        write_json(
            {
                "run": str(run_folder),
                "data": rows.name,
                "n_rows": len(rows.labels_N),
                "detector": detector,
                "window": window,
                "learners": {
                    name: {
                        "accuracy": report.accuracy,
                        "drifts": report.drifts,
                        "refits": report.refits,
                    }
                    for name, report in reports.items()
                },
                "files": [] if figure is None else [str(figure)],
            }
        )
        return
    _show(reports, len(rows.labels_N), rows.name)
    if figure is not None:
        remark(f"figure: {figure}")


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(","))) if text else ()


def _check_figure(figure: Path, n_learners: int) -> None:
    """Refuse a figure that could not be drawn, before the work that it is for."""
    from qmoe_qiskit.figures.stream import MOST_LEARNERS

    if figure.suffix != ".png":
        raise InputError(f"--figure must be a .png file, got {str(figure)!r}")
    if n_learners > MOST_LEARNERS:
        raise InputError(
            f"--figure shows at most {MOST_LEARNERS} learners, got {n_learners}: name fewer with "
            "--policies and --controls"
        )


def _check_controls(names: tuple[str, ...]) -> None:
    from qmoe_qiskit.adaptive import CONTROLS

    for name in names:
        CONTROLS.get(name)


def _of_controls(
    names: tuple[str, ...],
    first: Any,  # noqa: ANN401 - a Dataset
    rows: Any,  # noqa: ANN401
    seed: int,
) -> dict[str, StreamReport]:
    from qmoe_qiskit.adaptive import CONTROLS, StreamReport, control_predictions

    reports = {}
    for name in names:
        said = control_predictions(
            name, (first.features_NF, first.labels_N), rows.features_NF, rows.labels_N, seed=seed
        )
        correct = [bool(right) for right in said == rows.labels_N]
        reports[CONTROLS.get(name).label] = StreamReport(correct)
    return reports


def _show(reports: dict[str, StreamReport], n_rows: int, name: str) -> None:
    screen = console()
    table = open_table("learner", numbers=("accuracy", "95 % interval", "drifts", "fits"))
    for learner, report in reports.items():
        low, high = runs.wilson_interval(sum(report.correct), n_rows)
        table.add_row(
            learner,
            f"{report.accuracy:.3f}",
            f"{low:.3f} to {high:.3f}",
            _counted(report.drifts),
            f"{len(report.refits)}",
        )
    screen.print(f"{n_rows} rows of {name}, each predicted before it was learned:")
    screen.print(table)


def _counted(rows: list[int]) -> str:
    if not rows:
        return "0"
    shown = ", ".join(map(str, rows[:3])) + (", ..." if len(rows) > 3 else "")
    return f"{len(rows)} (at row {shown})"


def _draw(figure: Path, reports: dict[str, StreamReport], window: int, name: str) -> None:
    from qmoe_qiskit.figures.stream import stream_figure
    from qmoe_qiskit.figures.style import figure_bytes

    shown = min(100, window)
    detecting = next((report for report in reports.values() if report.drifts), None)
    drawn = stream_figure(
        {learner: report.accuracies(shown) for learner, report in reports.items()},
        drifts=detecting.drifts if detecting is not None else (),
        window=shown,
        title=name,
    )
    write_file(figure, figure_bytes(drawn))
