"""The list of the results that a report is made from, with their files and settings."""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LIST = "tasks.csv"


@dataclass(frozen=True, kw_only=True)
class ListedTask:
    """A result.

    Attributes:
        file: Path of the result file, relative to the folder of the study.
        kind: Kind of the task.
        settings: Settings of the task as JSON values, by name.
        seconds: Run time of the task in s.
    """

    file: str
    kind: str
    settings: Mapping[str, Any]
    seconds: float


def tasks_csv(tasks: Sequence[ListedTask]) -> str:
    """Return the list as CSV: file, kind, one column per setting, and the run time in s."""
    names = list(dict.fromkeys(name for task in tasks for name in task.settings))
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(["file", "kind", *names, "time (s)"])
    for task in tasks:
        cells = (_cell(task.settings[name]) if name in task.settings else "" for name in names)
        writer.writerow([task.file, task.kind, *cells, f"{task.seconds:.3g}"])
    return content.getvalue()


def kinds_of(source: str, kinds: Sequence[str]) -> tuple[str, ...]:
    """Return the kinds of task that a table's source names, or else all kinds."""
    named = [kind for kind in kinds if re.search(rf"(?<![\w-]){re.escape(kind)}(?![\w-])", source)]
    return tuple(named or kinds)


def _cell(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
