"""The folder of a study: a record of the study, beside the results of its tasks."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from qmoe_qiskit import limits
from qmoe_qiskit.errors import InputError, StudyError
from qmoe_qiskit.io.atomic import is_part, remove_parts, write_atomically
from qmoe_qiskit.io.reasons import reason_of
from qmoe_qiskit.io.regular_files import read_regular
from qmoe_qiskit.studies.engine.results import TASKS, path_of, versions
from qmoe_qiskit.studies.engine.settings import StudySettings
from qmoe_qiskit.studies.engine.study import Study
from qmoe_qiskit.studies.engine.task import Task

SCHEMA = 1
RECORD = "study.json"
# Files and folders that the report makes from the results.
_MADE = ("tables", "figures", "tasks.csv", "report.html", "report.md")


class StudyRecord(BaseModel):
    """The record in a study's folder.

    Attributes:
        schema_version: Version of the record's format.
        name: Name of the study.
        title: Title of the study.
        settings: Settings of the study, as JSON values by name.
        seeds: Seeds of the last start.
        versions: Versions of Python and the libraries at the last start.
        command: Command of the last start, as a list of arguments.
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
    """Make a study's folder, or check that an existing folder belongs to the study.

    The seeds may differ from earlier ones, whose results are kept. Files that a killed process left
    half written are removed.

    Args:
        folder: Folder of the study.
        study: The study.
        settings: Settings of the study.
        seeds: Seeds of the study.
        command: Command that started the study, as a list of arguments.
        force: Whether another study, or one with other settings, may be replaced. Results that
            still fit are kept even then.

    Raises:
        InputError: If the folder holds something else.
        StudyError: If the folder cannot be written to.
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
    """Remove the results of some tasks, and the report made from them; return their number.

    Raises:
        StudyError: If the files cannot be removed.
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
    """Return the record in a study's folder.

    Raises:
        InputError: If the folder has no record, or the record is damaged or of a newer version.
    """
    path = folder / RECORD
    try:
        record = StudyRecord.model_validate_json(read_regular(path, limits.FACTS_BYTES))
    except ValidationError as error:
        raise InputError(
            f"{str(path)!r} is damaged: run the study again with --force; its results are kept"
        ) from error
    except OSError as error:
        raise InputError(
            f"{str(folder)!r} is no folder of a study ({reason_of(error)}): qmoe study makes one"
        ) from error
    if record.schema_version > SCHEMA:
        raise InputError(f"{str(path)!r} is from a newer qmoe-qiskit: update this one")
    return record


def _check_same(folder: Path, record: StudyRecord, *, force: bool) -> None:
    """Refuse a folder that holds anything but this study; with `force` replace another study."""
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
    stored = read_folder(folder)
    way_out = "choose another folder with --out, or replace it with --force"
    if stored.name != record.name:
        raise InputError(
            f"{str(folder)!r} holds the study {stored.name!r}, not {record.name!r}: {way_out}"
        )
    names = [*record.settings, *(stored.settings.keys() - record.settings.keys())]
    for name in names:
        before, now = stored.settings.get(name), record.settings.get(name)
        if before != now:
            raise InputError(
                f"{str(folder)!r} holds the study {stored.name!r} with {name} = {before!r}, not "
                f"{now!r}: {way_out}"
            )


def _remove_made(folder: Path) -> None:
    """Remove the files that a report consists of."""
    for name in _MADE:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _cannot_write(folder: Path, error: OSError | ValueError) -> StudyError:
    reason = getattr(error, "strerror", None) or error  # ValueError: a null character
    return StudyError(
        f"folder {str(folder)!r} cannot be written to ({reason}): make room, or choose another one "
        "with --out"
    )
