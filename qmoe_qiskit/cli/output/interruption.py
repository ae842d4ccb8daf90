"""Work that takes long: the status line of a terminal, and advice after an interruption."""

from __future__ import annotations

import shlex
import sys
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING

import typer

from qmoe_qiskit import runs
from qmoe_qiskit.cli.output.documents import remark
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.status import Status


@contextmanager
def resumable(out: Path, command: str = "train") -> Iterator[None]:
    """If work is interrupted, say how `qmoe COMMAND` resumes it, and exit with code 130."""
    from qmoe_qiskit.runs.noise_comparison.folder import is_begun
    from qmoe_qiskit.runs.store.folder import is_interrupted

    try:
        yield
    except KeyboardInterrupt:
        if is_interrupted(out) or is_begun(out):
            resume = f"qmoe {command} --resume --out {shlex.quote(str(out))}"
            is_private = is_interrupted(out) and runs.read_request(out).epsilon is not None
            # Its steps were counted before they were taken.
            lost = "the epoch's share of epsilon is spent" if is_private else "nothing is lost"
            remark(f"interrupted: {lost}, go on with {resume}")
        raise typer.Exit(130) from None


def check_given(ctx: typer.Context, request: runs.TrainingRequest, out: Path) -> None:
    """Refuse options that differ from those that an interrupted training began with.

    Raises:
        InputError: If a given option differs.
        RunError: If the folder holds no interrupted training.
    """
    from qmoe_qiskit.runs.command_line import option_of

    begun = runs.read_request(out)
    for name in (field.name for field in fields(runs.TrainingRequest)):
        source = ctx.get_parameter_source(name)
        if source is None or source.name not in {"COMMANDLINE", "DEFAULT_MAP"}:
            continue
        # Two ways to name one file are the same.
        if getattr(request.relative_to(out), name) != getattr(begun.relative_to(out), name):
            now, before = getattr(request, name), getattr(begun, name)
            option = option_of(name)
            raise InputError(
                f"the training in {str(out)!r} was begun {_given(option, before)}, not "
                f"{_given(option, now)}: leave the option out, or train anew with --force"
            )


def _given(option: str, value: object) -> str:
    """Return how an option was given, in words."""
    if value is None or value is False:
        return f"without {option}"
    if isinstance(value, tuple) and all(isinstance(one, str) for one in value):
        return "with " + " ".join(f"{option} {one}" for one in value)
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    return f"with {option}" if value is True else f"with {option} {value}"


class Waiting:
    """A status line on the last line of a terminal; in a pipe it shows nothing."""

    def __init__(self) -> None:
        self._status: Status | None = None

    def __call__(self, text: str) -> None:
        """Show a text in place of the last one."""
        if not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.status import Status
        from rich.text import Text

        if self._status is None:
            self._status = Status(Text(text), console=Console(stderr=True))
            self._status.start()
        else:
            self._status.update(Text(text))

    def stop(self) -> None:
        """Remove the line."""
        if self._status is not None:
            self._status.stop()
            self._status = None


@contextmanager
def waiting() -> Iterator[Waiting]:
    """Wait for a device; after an interruption, say what to do, and exit with code 130."""
    shown = Waiting()
    try:
        yield shown
    except KeyboardInterrupt:
        shown.stop()
        remark(
            "interrupted: jobs that were sent go on and are in the ledger; to go on with them, "
            "give the same command again, or qmoe jobs collect"
        )
        raise typer.Exit(130) from None
    finally:
        shown.stop()
