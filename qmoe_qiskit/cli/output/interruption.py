"""Interrupted trainings: how they are resumed, and with which options."""

from __future__ import annotations

import shlex
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


@contextmanager
def resumable(out: Path) -> Iterator[None]:
    """If training is interrupted, say how to resume it, and exit with code 130."""
    from qmoe_qiskit.runs.store.folder import is_interrupted

    try:
        yield
    except KeyboardInterrupt:
        if is_interrupted(out):
            command = f"qmoe train --resume --out {shlex.quote(str(out))}"
            remark(f"interrupted: nothing is lost, go on with {command}")
        raise typer.Exit(130) from None


def check_given(ctx: typer.Context, request: runs.TrainingRequest, out: Path) -> None:
    """Refuse options that differ from those that an interrupted training began with.

    Args:
        ctx: Context of the command, which tells given options from defaults.
        request: The request of the command line.
        out: Folder of the training.

    Raises:
        InputError: If a given option differs.
        RunError: If the folder holds no interrupted training.
    """
    from qmoe_qiskit.runs.command_line import option_of

    begun = runs.read_request(out)
    for name in (field.name for field in fields(runs.TrainingRequest)):
        source = ctx.get_parameter_source(name)
        if source is None or source.name != "COMMANDLINE":
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
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    return f"with {option}" if value is True else f"with {option} {value}"
