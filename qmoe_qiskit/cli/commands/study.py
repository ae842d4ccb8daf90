"""`qmoe study`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qmoe_qiskit import limits
from qmoe_qiskit.cli.options import common, completion
from qmoe_qiskit.cli.output.documents import console, write, write_json
from qmoe_qiskit.cli.output.study import show_summary
from qmoe_qiskit.cli.study_run import executor_of, run_study, study_document
from qmoe_qiskit.errors import require_positive
from qmoe_qiskit.studies.registry import study_names

SEEDS = 20


def study(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help=f"{study_names()}.", autocompletion=completion.study),
    ],
    *,
    seeds: Annotated[
        int | None,
        typer.Option(
            help=f"Number of seeds; by default {SEEDS}, and with --quick the fewest that can "
            "decide a claim."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the study; by default runs/studies/NAME. Finished results in it are "
            "kept: an interrupted study goes on."
        ),
    ] = None,
    settings_file: Annotated[
        Path | None, typer.Option("--settings", metavar="FILE.toml", help="Settings of the study.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A small form, under 2 minutes.")] = False,
    figures_format: common.FiguresFormat = "png",
    workers: Annotated[
        int | None, typer.Option(help="Number of processes; by default one for each core.")
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Run on a Dask cluster: its scheduler, such as tcp://127.0.0.1:8786.",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume/--no-resume",
            help="Keep the results in the folder, or remove them first and begin anew.",
        ),
    ] = True,
    force: Annotated[
        bool, typer.Option("--force", help="Replace another study in the folder.")
    ] = False,
    print_settings: Annotated[
        bool,
        typer.Option("--print-settings", help="Print the settings as a --settings file, and end."),
    ] = False,
    as_json: common.Json = False,
) -> None:
    """Run a study over many seeds, and write a report with intervals and verdicts.

    After an interruption, the same command computes the missing results.
    """
    from qmoe_qiskit.studies.engine.settings import read_settings
    from qmoe_qiskit.studies.registry import load_study

    if print_settings:
        from qmoe_qiskit.studies.report.settings_toml import settings_toml

        chosen = load_study(name)
        settings = read_settings(chosen, settings_file, quick=quick)
        write(settings_toml(settings.document(), chosen.settings().document()) + "\n")
        return
    open_executor = executor_of(workers, cluster)
    chosen = load_study(name)
    settings = read_settings(chosen, settings_file, quick=quick)
    if seeds is None:
        seeds = chosen.seeds_to_decide(settings) if quick else SEEDS
    all_seeds = range(require_positive("--seeds", seeds, at_most=limits.SEEDS))
    out = out or Path("runs") / "studies" / (f"{name}-quick" if quick else name)
    command = ["qmoe", "study", name, "--seeds", str(seeds), "--out", str(out)]
    command += ["--quick"] if quick else []
    command += ["--settings", str(settings_file)] if settings_file else []
    how = ["--cluster", cluster] if cluster else ["--workers", str(workers)] if workers else []
    found = run_study(
        chosen,
        settings,
        all_seeds,
        out,
        open_executor,
        command=command,
        how=how,
        resume=resume,
        figures_format=figures_format,
        force=force,
    )
    if as_json:
        write_json(study_document(name, out, all_seeds, found))
        return
    show_summary(found[0])
    console().print(f"Report: {out / 'report.html'}", soft_wrap=True)
