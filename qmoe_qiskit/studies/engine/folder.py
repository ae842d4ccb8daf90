"""The folder of a study: a record of what it is, beside the results of its tasks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from qmoe_qiskit.errors import InputError, StudyError
from qmoe_qiskit.io.atomic import is_part, remove_parts, write_atomically
from qmoe_qiskit.studies.engine.results import TASKS, path_of, versions

if TYPE_CHECKING:
    from qmoe_qiskit.studies.engine.settings import StudySettings
    from qmoe_qiskit.studies.engine.study import Study
    from qmoe_qiskit.studies.engine.task import Task

SCHEMA = 1
RECORD = "study.json"
# What is made from the results.
_MADE = ("tables", "figures", "tasks.csv", "report.html", "report.md")


class StudyRecord(BaseModel):
    """What a study's folder says that it is.

    Attributes:
        schema_version: Of this format.
        name: Of the study.
        title: Of the study.
        settings: Of the study.
        seeds: That it was asked for last.
        versions: Of Python and the libraries, then.
        command: That asked for it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int
    name: str
    title: str
    settings: dict[str, Any]
    seeds: list[int]
    versions: dict[str, str]
    command: list[str]


def prepare_folder(
    folder: Path,
    study: Study,
    settings: StudySettings,
    seeds: Sequence[int],
    command: Sequence[str],
    *,
    force: bool = False,
) -> None:
    """Make a study's folder, or make sure that it is this study's: then the study goes on.

    The seeds may be others than before: results of seeds that were asked for before are kept. What
    a killed process has left half written is removed.

    Args:
        folder: The folder.
        study: The study.
        settings: Its settings.
        seeds: Its seeds.
        command: What started it.
        force: Whether another study, or one with other settings, may be replaced. Results that
            fit are kept even then.

    Raises:
        InputError: If the folder holds something else.
        StudyError: If it cannot be written to.
    """
    record = StudyRecord(
        schema_version=SCHEMA,
        name=study.name,
        title=study.title,
        settings=settings.document(),
        seeds=list(seeds),
        versions=versions(),
        command=list(command),
    )
    try:
        _check_same(folder, record, force=force)
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("", TASKS, "tables", "figures"):
            remove_parts(folder / name)
        write_atomically(folder / RECORD, json.dumps(record.model_dump(), indent=1).encode())
    except InputError:
        raise
    except (OSError, ValueError) as error:
        raise _cannot_write(folder, error) from error


def remove_results(folder: Path, tasks: Sequence[Task]) -> int:
    """Remove the results of some tasks, and what was made from them; return how many there were.

    Raises:
        StudyError: If they cannot be removed.
    """
    paths = {path for task in tasks if (path := path_of(task, folder)).exists()}
    try:
        if paths:
            _remove_made(folder)
        for path in paths:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    return len(paths)


def read_folder(folder: Path) -> StudyRecord:
    """Return what a folder says that it is.

    Raises:
        InputError: If it is no study's folder, or its record is damaged or of a newer version.
    """
    path = folder / RECORD
    try:
        record = StudyRecord.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InputError(
            f"{str(path)!r} is damaged: run the study again with --force; its results are kept"
        ) from error
    except OSError as error:
        raise InputError(
            f"{str(folder)!r} is no folder of a study ({error.strerror}): qmoe study makes one"
        ) from error
    if record.schema_version > SCHEMA:
        raise InputError(f"{str(path)!r} is from a newer qmoe-qiskit: update this one")
    return record


def _check_same(folder: Path, record: StudyRecord, *, force: bool) -> None:
    """Refuse anything else than this study in the folder; with `force` replace another study.

    Raises:
        InputError: If there is something else.
    """
    if not (folder / RECORD).exists():
        # A process killed at its first write leaves a part of the record, and nothing else.
        if folder.exists() and not all(is_part(path, RECORD) for path in folder.iterdir()):
            raise InputError(
                f"{str(folder)!r} is no folder of a study, and not empty: choose another one with "
                "--out"
            )
        return
    if force:
        _remove_made(folder)
        return
    there = read_folder(folder)
    way_out = "choose another folder with --out, or replace it with --force"
    if there.name != record.name:
        raise InputError(
            f"{str(folder)!r} holds the study {there.name!r}, not {record.name!r}: {way_out}"
        )
    names = [*record.settings, *(there.settings.keys() - record.settings.keys())]
    for name in names:
        before, now = there.settings.get(name), record.settings.get(name)
        if before != now:
            raise InputError(
                f"{str(folder)!r} holds the study {there.name!r} with {name} = {before!r}, not "
                f"{now!r}: {way_out}"
            )


def _remove_made(folder: Path) -> None:
    """Remove what was made from results."""
    for name in _MADE:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _cannot_write(folder: Path, error: OSError | ValueError) -> StudyError:
    reason = getattr(error, "strerror", None) or error  # ValueError: a null character
    return StudyError(
        f"folder {str(folder)!r} cannot be written to ({reason}): make room, or choose another one "
        "with --out"
    )
