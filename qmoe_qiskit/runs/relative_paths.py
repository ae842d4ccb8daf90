"""Paths in run folders: stored relative to the folder, so that both can move together."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Self


def relative_path(path: str | Path, folder: Path) -> str:
    """Return the path from a folder to a file, with forward slashes.

    A stored relative path says little about the machine.
    """
    # realpath: ".." leads to the real parent of a folder that a symbolic link names.
    return Path(os.path.relpath(os.path.realpath(path), os.path.realpath(folder))).as_posix()


def resolved_path(path: str, folder: Path) -> str:
    """Return the path from the current folder to the file that `relative_path` found."""
    return os.path.relpath(os.path.join(os.path.realpath(folder), path))  # noqa: PTH118


def path_below(path: str | Path) -> str:
    """Return the path from the current folder; of a path that leads elsewhere, only its name."""
    relative = relative_path(path, Path.cwd())
    return Path(relative).name if relative.startswith("..") else relative


def with_file(backend: str, change: Callable[[str], str]) -> str:
    """Return a backend's specification with the path of its noise profile changed, if it has one.

    >>> with_file("noisy:device.json", lambda path: f"folder/{path}")
    'noisy:folder/device.json'
    >>> with_file("noisy:ibm_fez", lambda path: f"folder/{path}")
    'noisy:ibm_fez'
    """
    kind, _, rest = backend.partition(":")
    is_file = kind == "noisy" and rest.endswith(".json")
    return f"{kind}:{change(rest)}" if is_file else backend


def is_circuit_file(router: str) -> bool:
    """Whether a router is given as the file of a circuit, see `RouterCircuit.to_qpy`."""
    return router.endswith(".qpy")


def with_circuit(router: str, change: Callable[[str], str]) -> str:
    """Return a router's name; of a circuit's file, the changed path."""
    return change(router) if is_circuit_file(router) else router


class WithPaths(ABC):
    """A request: a dataclass whose paths of files can be stored in a folder."""

    def __repr__(self) -> str:
        """Show the settings that differ from the defaults, as scikit-learn's estimators do."""
        changed = []
        for one in fields(self):  # type: ignore[arg-type]  # every subclass is a dataclass
            value, made = getattr(self, one.name), one.default_factory
            if value != (one.default if made is MISSING else made()):
                changed.append(f"{one.name}={value!r}")
        return f"{type(self).__name__}({', '.join(changed)})"

    @abstractmethod
    def with_paths(self, change: Callable[[str], str]) -> Self:
        """Return the request with every path of a file changed."""

    def relative_to(self, folder: Path) -> Self:
        """Return the request as it is stored in a folder: paths of files start there."""
        return self.with_paths(lambda path: relative_path(path, folder))

    def resolved_from(self, folder: Path) -> Self:
        """Undo `relative_to`: paths of files start at the current folder."""
        return self.with_paths(lambda path: resolved_path(path, folder))
