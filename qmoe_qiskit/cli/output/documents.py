"""The output of commands: results on stdout, remarks on stderr."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from qmoe_qiskit import runs
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.io.atomic import part_of, write_atomically
from qmoe_qiskit.io.reasons import reason_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rich.console import Console


def write(text: str) -> None:
    """Write to stdout at once: a closed pipe is noticed here, not when Python ends."""
    sys.stdout.write(text)
    sys.stdout.flush()


def write_json(document: Mapping[str, Any]) -> None:
    """Write one JSON document to stdout."""
    write(json.dumps(document, indent=2, allow_nan=False) + "\n")


def remark(text: str) -> None:
    """Write a line to stderr."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def console() -> Console:
    """Return a console on stdout that prints plain text, without markup or highlighting."""
    from rich.console import Console

    return Console(markup=False, highlight=False, emoji=False)


def metrics_document(metrics: Mapping[str, runs.Metric]) -> dict[str, Any]:
    """Return metrics as JSON types."""
    return {name: dataclasses.asdict(metric) for name, metric in metrics.items()}


def run_document(run: runs.OpenedRun) -> dict[str, Any]:
    """Return a run that was just trained, and its controls, as JSON types."""
    return {
        "run": str(run.path),
        "data": dataclasses.asdict(run.manifest.data),
        "models": [
            {
                "role": record.manifest.role,
                "router": record.router,
                "run": str(record.path),
                "router_inputs": record.manifest.router_inputs,
                "explained_variance": record.model.explained_variance,
                "execution": dataclasses.asdict(record.manifest)["execution"],
                "metrics": metrics_document(record.metrics),
            }
            for record in (run, *run.controls())
        ],
        "figures": [
            str(run.path / name) for name in run.manifest.files if name.startswith("figures/")
        ],
    }


def remark_outside(rows_outside: int, n_rows: int, what: str = "rows") -> None:
    """Say on stderr how many rows lie outside the range of the training data, if any."""
    if rows_outside:
        outside = f"{rows_outside} of {n_rows} {what}"
        remark(f"note: {outside} lie outside the range of the training data")


def check_vacant_file(out: Path, *, force: bool, option: str = "--out") -> None:
    """Refuse a file that must not, or cannot, be written to: before the work that it is for.

    Raises:
        InputError: If the path is a folder, exists and `force` is not given, or lies in a folder
            that cannot be written to. The message names the option.
    """
    try:
        is_folder, exists = out.is_dir(), os.path.lexists(out)
        with suppress(FileNotFoundError):  # another error says that the name is not accepted
            part_of(out).lstat()
        above = next(folder for folder in out.absolute().parents if os.path.lexists(folder))
        with tempfile.TemporaryFile(dir=above):
            pass
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise InputError(f"{str(out)!r} cannot be written ({reason_of(error)})") from error
    if is_folder:
        raise InputError(f"{str(out)!r} is a folder: name a file with {option}")
    if exists and not force:
        raise InputError(f"{str(out)!r} exists: choose another file, or add --force to replace it")


def write_file(out: Path, content: bytes) -> None:
    """Write a file as a whole, and make the folders above it.

    Raises:
        InputError: If the file cannot be written.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(out, content)
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise InputError(f"{str(out)!r} cannot be written ({reason_of(error)})") from error
