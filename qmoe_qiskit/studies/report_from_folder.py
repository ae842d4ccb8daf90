"""Make the report of a study from the results in its folder."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from qmoe_qiskit.errors import StudyError
from qmoe_qiskit.studies.engine.folder import read_folder
from qmoe_qiskit.studies.engine.results import TaskResult, path_of
from qmoe_qiskit.studies.engine.runner import stored_results
from qmoe_qiskit.studies.engine.settings import StudySettings
from qmoe_qiskit.studies.engine.study import Study
from qmoe_qiskit.studies.registry import load_study
from qmoe_qiskit.studies.report.summary import Summary


def report_results(
    folder: Path,
    study: Study,
    settings: StudySettings,
    results: Sequence[TaskResult],
    *,
    figures_format: str = "png",
) -> tuple[Summary, list[str]]:
    """Summarize results and write the report beside them.

    Args:
        folder: Folder of the study, with its record.
        study: The study.
        settings: Settings of the study.
        results: Results of all tasks, in the order of the tasks.
        figures_format: Format of files with the figures, beside PNG.

    Returns:
        The summary, and the names of the report's files in the folder.

    Raises:
        StudyError: If a file cannot be written.
    """
    from qmoe_qiskit.studies.report.task_list import ListedTask
    from qmoe_qiskit.studies.report.write import write_report

    record = read_folder(folder)
    summary = study.summarize(settings, record.seeds, results)
    hashes = {name: key for r in results for name, key in r.task.profiles().items()}
    unique = {r.task.content_hash: r for r in results}
    tasks = [
        ListedTask(
            file=path_of(r.task, Path()).as_posix(),
            kind=r.task.kind,
            settings=r.task.fields(),
            seconds=r.seconds,
        )
        for r in unique.values()
    ]
    try:
        files = write_report(
            folder,
            record.model_copy(update={"title": study.title}),
            summary,
            hashes=dict(sorted(hashes.items())),
            defaults=study.settings().document(),
            tasks=tasks,
            figures_format=figures_format,
        )
    except OSError as error:
        raise StudyError(
            f"the report cannot be written to {str(folder)!r} ({error.strerror or error}): the "
            "results are kept; make room, then qmoe report makes it"
        ) from error
    return summary, files


def report_folder(folder: Path, *, figures_format: str = "png") -> tuple[Study, Summary, list[str]]:
    """Write the report of a study from the results in its folder.

    Raises:
        InputError: If the folder is not that of a study.
        StudyError: If results are missing, or a file cannot be written.
    """
    record = read_folder(folder)
    study = load_study(record.name)
    settings = study.settings().changed(**record.settings)
    try:
        results = stored_results(study.tasks(settings, record.seeds), folder)
    except StudyError as error:
        raise StudyError(f"{error}, by {shlex.join(record.command)}") from error
    found = report_results(folder, study, settings, results, figures_format=figures_format)
    return study, *found
