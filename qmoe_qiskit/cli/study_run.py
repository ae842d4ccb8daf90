"""Running a study for a command: its folder, its progress, its report, and an interruption."""

from __future__ import annotations

import shlex
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from qmoe_qiskit.cli.output.documents import remark
from qmoe_qiskit.cli.output.study import StudyProgress, summary_document
from qmoe_qiskit.errors import InputError, require_positive

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from qmoe_qiskit.studies.engine.runner import OpenExecutor, Progress
    from qmoe_qiskit.studies.engine.settings import StudySettings
    from qmoe_qiskit.studies.engine.study import Study
    from qmoe_qiskit.studies.report.summary import Summary


def executor_of(workers: int | None, cluster: str | None = None) -> OpenExecutor:
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


def run_study(
    study: Study,
    settings: StudySettings,
    seeds: Sequence[int],
    out: Path,
    open_executor: OpenExecutor,
    *,
    command: Sequence[str],
    how: Sequence[str] = (),
    figures_format: str = "png",
    resume: bool = True,
    force: bool = False,
) -> tuple[Summary, list[str], Progress]:
    """Run a study in its folder and write its report.

    Args:
        study: The study.
        settings: Settings of the study.
        seeds: Seeds of the study.
        out: Folder of the study; finished results in it are kept.
        open_executor: Opens the executor of the tasks.
        command: Command that makes the same results again.
        how: Further options of the command, which decide no result.
        figures_format: Format of files with the figures, beside PNG.
        resume: Whether stored results are kept.
        force: Whether another study in the folder is replaced.

    Returns:
        The summary, the files of the report, and the last progress.

    Raises:
        InputError: If settings or folder are not accepted; nothing is written then.
        StudyError: If a result cannot be made or written.
        typer.Exit: With code 130, after an interruption.
    """
    from qmoe_qiskit.studies.engine.folder import prepare_folder, remove_results
    from qmoe_qiskit.studies.engine.runner import run_tasks
    from qmoe_qiskit.studies.engine.task import unique_tasks
    from qmoe_qiskit.studies.report_from_folder import report_results

    tasks = study.tasks(settings, seeds)
    unique_tasks(tasks)  # impossible tasks are found before anything is written
    prepare_folder(out, study, settings, seeds, command, force=force)
    n_claims, needed = study.n_claims(settings), study.seeds_to_decide(settings)
    if n_claims and len(seeds) < needed:
        remark(
            f"warning: {len(seeds)} seed{'s' * (len(seeds) > 1)} cannot decide any of the study's "
            f"{n_claims} claims, every verdict will be undecided: --seeds {needed} is the fewest "
            "that can"
        )
    if not resume and (n_removed := remove_results(out, tasks)):
        remark(f"note: {n_removed} results that were in {str(out)!r} are removed: --no-resume")
    shown = StudyProgress(study.name)
    try:
        with shown:
            results = run_tasks(tasks, out, open_executor, report=shown)
        summary, files = report_results(
            out, study, settings, results, figures_format=figures_format
        )
    except KeyboardInterrupt:
        done = f"{shown.last.done} of {shown.last.total}" if shown.last else "all"
        remark(
            f"interrupted: {done} tasks that were done are kept, go on with "
            f"{shlex.join([*command, *how])}"
        )
        raise typer.Exit(130) from None
    assert shown.last is not None
    return summary, files, shown.last


def study_document(
    name: str,
    out: Path,
    seeds: Sequence[int],
    found: tuple[Summary, list[str], Progress],
) -> dict[str, Any]:
    """Return what `run_study` returned as JSON types."""
    summary, files, progress = found
    counts = {key: getattr(progress, key) for key in ("total", "skipped", "redone")}
    document = {"study": name, "out": str(out), "seeds": list(seeds), "tasks": counts}
    return {**document, **summary_document(summary), "files": files}
