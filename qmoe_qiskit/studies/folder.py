"""The folder of a study: a record of what it is, beside the results of its tasks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from qmoe_qiskit.errors import InputError, StudyError
from qmoe_qiskit.studies.results import versions, write_atomically
from qmoe_qiskit.studies.settings import settings_document

if TYPE_CHECKING:
    from qmoe_qiskit.studies.study import Study

SCHEMA = 1
RECORD = "study.json"
# What is made from the results.
_MADE = ("tables", "figures", "report.html", "report.md")


class StudyRecord(BaseModel):
    """What a study's folder says that it is.

    Attributes:
        schema_version: Of this format.
        name: Of the study.
        title: Of the study.
        settings: Of the study.
        seeds: That it was asked for last.
        versions: Of the libraries, then.
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
    settings: Any,  # noqa: ANN401
    seeds: Sequence[int],
    command: Sequence[str],
    *,
    force: bool = False,
) -> None:
    """Make a study's folder, or make sure that it is this study's: then the study goes on.

    The seeds may be others than before: results of seeds that were asked for before are kept.

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
        settings=settings_document(settings),
        seeds=list(seeds),
        versions=versions(),
        command=list(command),
    )
    try:
        if (folder / RECORD).exists():
            _check_same(folder, record, force=force)
        elif folder.exists() and any(folder.iterdir()):
            raise InputError(
                f"{str(folder)!r} is no folder of a study, and not empty: choose another one with "
                "--out"
            )
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / RECORD, json.dumps(record.model_dump(), indent=1).encode())
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "strerror", None) or error  # ValueError: a null character
        raise StudyError(
            f"folder {str(folder)!r} cannot be written to ({reason}): make room, or choose another "
            "one with --out"
        ) from error


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
    """Refuse another study than the one in the folder; with `force` remove what was made of it.

    Raises:
        InputError: If it is another one.
    """
    if force:
        for name in _MADE:
            path = folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
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
