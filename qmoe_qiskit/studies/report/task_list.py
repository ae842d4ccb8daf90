"""The results behind a report, listed: where each lies, and what settings it is of."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LIST = "tasks.csv"


@dataclass(frozen=True, kw_only=True)
class ListedTask:
    """A result.

    Attributes:
        file: Its file, from the folder of the study.
        kind: Of the task.
        settings: Of the task: JSON values, by name.
        seconds: How long it took.
    """

    file: str
    kind: str
    settings: Mapping[str, Any]
    seconds: float


def tasks_csv(tasks: Sequence[ListedTask]) -> str:
    """Return a list of results: file, kind, a column for each setting, and the time taken last."""
    names = list(dict.fromkeys(name for task in tasks for name in task.settings))
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(["file", "kind", *names, "time (s)"])
    for task in tasks:
        cells = (_cell(task.settings[name]) if name in task.settings else "" for name in names)
        writer.writerow([task.file, task.kind, *cells, f"{task.seconds:.3g}"])
    return content.getvalue()


def count_kinds(tasks: Sequence[ListedTask]) -> dict[str, int]:
    """Return how many results there are of each kind."""
    return dict(Counter(task.kind for task in tasks))


def kinds_behind(source: str, kinds: Sequence[str]) -> tuple[str, ...]:
    """Return the kinds that a table is from: those that its source names, or else all."""
    named = [kind for kind in kinds if re.search(rf"(?<![\w-]){re.escape(kind)}(?![\w-])", source)]
    return tuple(named or kinds)


def _cell(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
