"""Result files: one per task, written whole or not at all, and read only if they still hold."""

import json
import math
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from qmoe_qiskit import limits
from qmoe_qiskit.errors import StudyError
from qmoe_qiskit.io.atomic import write_atomically
from qmoe_qiskit.io.reasons import reason_of
from qmoe_qiskit.io.regular_files import read_regular
from qmoe_qiskit.io.versions import library_versions
from qmoe_qiskit.studies.engine.task import Task

SCHEMA = 1
TASKS = "tasks"  # folder of the result files, inside the folder of the study
_PROJECT = "qmoe-qiskit"
# Earlier releases of the project whose stored results are the results of this one, bit for bit.
_COMPATIBLE = ("0.1.0",)
LIBRARIES = (
    _PROJECT,
    "numpy",
    "qiskit",
    "qiskit-aer",
    "qiskit-machine-learning",
    "scikit-learn",
    "scipy",
    "skorch",
    "torch",
)


class ResultFile(BaseModel):
    """Contents of a result file.

    Attributes:
        schema_version: Version of the file format.
        hash: Content hash of the task.
        kind: Kind of the task.
        settings: Settings of the task.
        result: Result that the task returned.
        seconds: Run time of the task in s; no part of the result, which is the same every time.
        versions: Versions of Python and the libraries.
        profiles: Hashes of the noise profiles that the result depends on, by name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int
    hash: str
    kind: str
    settings: dict[str, Any]
    result: dict[str, Any]
    seconds: float
    versions: dict[str, str]
    profiles: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class TaskResult:
    """A task with its result.

    Attributes:
        task: The task.
        result: Result that the task returned.
        seconds: Run time of the task in s.
    """

    task: Task
    result: dict[str, Any]
    seconds: float


@cache
def versions() -> dict[str, str]:
    """Return the versions that decide a result: of Python (major and minor) and of libraries."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"python": python, **library_versions(LIBRARIES)}


def path_of(task: Task, folder: Path) -> Path:
    """Return the path of a task's result file in the folder of a study."""
    return folder / TASKS / f"{task.content_hash}.json"


def run_task(task: Task) -> str:
    """Run a task and return the text of its result file; a worker calls this."""
    started = time.perf_counter()
    result = task.run()
    stored = ResultFile(
        schema_version=SCHEMA,
        hash=task.content_hash,
        kind=task.kind,
        settings=task.fields(),
        result=result,
        seconds=time.perf_counter() - started,
        versions=versions(),
        profiles=task.profiles(),
    )
    return json.dumps(stored.model_dump(), allow_nan=False, indent=1)


def load_result(task: Task, folder: Path) -> tuple[TaskResult | None, str | None]:
    """Return a stored result, or why it does not hold; both are None if no result is stored."""
    try:
        text = read_regular(path_of(task, folder), limits.DOCUMENT_BYTES)
    except FileNotFoundError:
        return None, None
    except OSError as error:
        return None, f"unreadable ({reason_of(error)})"
    return _parse(task, text)


def store_result(task: Task, text: str, folder: Path) -> TaskResult:
    """Write the text that `run_task` returned to the task's file, and return the result.

    Raises:
        StudyError: If the result is from other versions than those here, or cannot be written.
    """
    result, fault = _parse(task, text.encode())
    if result is None:
        raise StudyError(
            f"a worker returned a result that is {fault}: install the same versions, and the same "
            "noise profiles, where the workers run"
        )
    path = path_of(task, folder)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode())
    except OSError as error:
        raise StudyError(
            f"results cannot be written to {str(path.parent)!r} ({error.strerror or error}): make "
            "room, or the folder writable; finished results are kept, and the same command goes on"
        ) from error
    return result


def finite(value: float) -> float:
    """Return a number as a float; the numbers of a result must be finite."""
    assert math.isfinite(value), value
    return float(value)


def _parse(task: Task, text: bytes) -> tuple[TaskResult | None, str | None]:
    """Return a result that holds, or why it does not."""
    try:
        stored = ResultFile.model_validate_json(text)
    except ValidationError:
        return None, "truncated or damaged"
    if stored.schema_version != SCHEMA or stored.hash != task.content_hash:
        return None, "of another format"
    now = versions()
    then = {name: stored.versions.get(name, "unknown") for name in now}
    if then[_PROJECT] in _COMPATIBLE:
        then[_PROJECT] = now[_PROJECT]
    if changed := [f"{k} {then[k]}, not {now[k]}" for k in now if then[k] != now[k]]:
        return None, f"of other versions ({'; '.join(changed)})"
    if stored.profiles != task.profiles():
        return None, "of another calibration"
    return TaskResult(task=task, result=stored.result, seconds=stored.seconds), None
