"""A task of a study: settings in, numbers out, and nothing else."""

import dataclasses
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from qmoe_qiskit.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Task(ABC):
    """Settings that decide a result.

    Subclasses are frozen dataclasses of JSON values, importable by name, so that any executor can
    send them to another process or machine. Equal settings give equal results, bit for bit, with
    the same versions of the libraries.

    Attributes:
        kind: Stable name of the class.
        version: Version of the meaning of the settings; it rises when they come to mean something
            else.
    """

    kind: ClassVar[str]
    version: ClassVar[int] = 1

    @abstractmethod
    def run(self) -> dict[str, Any]:
        """Return the result: JSON values, finite, without times."""

    # Not abstract: most tasks have nothing to refuse, and use no noise profile.
    def check(self) -> None:  # noqa: B027
        """Refuse impossible settings before the first task of a study runs.

        Raises:
            InputError: If `run` could not succeed.
        """

    def profiles(self) -> dict[str, str]:
        """Return content hashes of the noise profiles that the result depends on, by name."""
        return {}

    def fields(self) -> dict[str, Any]:
        """Return the settings as JSON types."""
        fields: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self), allow_nan=False))
        return fields

    @cached_property
    def content_hash(self) -> str:
        """SHA-256, in hex, of kind, version and settings: the name of the result's file."""
        document = {"kind": self.kind, "version": self.version, "settings": self.fields()}
        text = json.dumps(document, sort_keys=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()


def unique_tasks(tasks: Sequence[Task]) -> dict[str, Task]:
    """Check the tasks of a study and return them by content hash, the first one of equal tasks.

    Raises:
        InputError: If the list is empty, or a task is impossible.
    """
    if not tasks:
        raise InputError("the study has no tasks: give at least one seed")
    unique: dict[str, Task] = {}
    for task in tasks:
        unique.setdefault(task.content_hash, task)
    for task in unique.values():
        task.check()
    return unique
