"""`qmoe study`."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qmoe_qiskit import limits
from qmoe_qiskit.cli.options import common
from qmoe_qiskit.cli.output.documents import console, remark, write_json
from qmoe_qiskit.cli.output.study import StudyProgress, show_summary, summary_document
from qmoe_qiskit.errors import InputError, require_positive
from qmoe_qiskit.studies.registry import study_names

if TYPE_CHECKING:
    from qmoe_qiskit.studies.engine.runner import OpenExecutor

SEEDS = 20


def study(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"{study_names()}.")],
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
    as_json: common.Json = False,
) -> None:
    """Run a study over many seeds, and write a report with intervals and verdicts.

    After an interruption, the same command computes the missing results.
    """
    from qmoe_qiskit.studies.engine.folder import prepare_folder, remove_results
    from qmoe_qiskit.studies.engine.runner import run_tasks
    from qmoe_qiskit.studies.engine.settings import read_settings
    from qmoe_qiskit.studies.engine.task import unique_tasks
    from qmoe_qiskit.studies.registry import load_study
    from qmoe_qiskit.studies.report_from_folder import report_results

    open_executor = _executor(workers, cluster)
    chosen = load_study(name)
    settings = read_settings(chosen, settings_file, quick=quick)
    if seeds is None:
        seeds = chosen.seeds_to_decide(settings) if quick else SEEDS
    all_seeds = range(require_positive("--seeds", seeds, at_most=limits.SEEDS))
    out = out or Path("runs") / "studies" / (f"{name}-quick" if quick else name)
    tasks = chosen.tasks(settings, all_seeds)
    unique_tasks(tasks)  # impossible tasks are found before anything is written

    command = ["qmoe", "study", name, "--seeds", str(seeds), "--out", str(out)]
    command += ["--quick"] if quick else []
    command += ["--settings", str(settings_file)] if settings_file else []
    prepare_folder(out, chosen, settings, all_seeds, command, force=force)
    n_claims, needed = chosen.n_claims(settings), chosen.seeds_to_decide(settings)
    if n_claims and seeds < needed:
        remark(
            f"warning: {seeds} seed{'s' * (seeds > 1)} cannot decide any of the study's {n_claims} "
            f"claims, every verdict will be undecided: --seeds {needed} is the fewest that can"
        )
    if not resume and (n_removed := remove_results(out, tasks)):
        remark(f"note: {n_removed} results that were in {str(out)!r} are removed: --no-resume")
    shown = StudyProgress(name)
    try:
        with shown:
            results = run_tasks(tasks, out, open_executor, report=shown)
        summary, files = report_results(out, chosen, settings, results)
    except KeyboardInterrupt:
        how = ["--cluster", cluster] if cluster else ["--workers", str(workers)] if workers else []
        done = f"{shown.last.done} of {shown.last.total}" if shown.last else "all"
        remark(
            f"interrupted: {done} tasks that were done are kept, go on with "
            f"{shlex.join([*command, *how])}"
        )
        raise typer.Exit(130) from None

    assert shown.last is not None
    if as_json:
        counts = {key: getattr(shown.last, key) for key in ("total", "skipped", "redone")}
        document = {"study": name, "out": str(out), "seeds": list(all_seeds), "tasks": counts}
        write_json({**document, **summary_document(summary), "files": files})
        return
    show_summary(summary)
    console().print(f"Report: {out / 'report.html'}", soft_wrap=True)


def _executor(workers: int | None, cluster: str | None) -> OpenExecutor:
    """Return the executor of the tasks, or refuse options that contradict each other."""
    if cluster is None:
        from qmoe_qiskit.studies.engine.processes import load_libraries, processes

        if workers is not None:
            require_positive("--workers", workers)
        load_libraries()  # while this process loads them too
        return partial(processes, workers)
    if workers is not None:
        raise InputError("--workers is for this machine, a --cluster has its own: give only one")
    from qmoe_qiskit.studies.engine.dask_cluster import Cluster

    return Cluster(address=cluster)
