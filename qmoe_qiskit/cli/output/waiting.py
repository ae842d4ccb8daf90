"""Waiting for a device: the status line of a terminal, and advice after an interruption."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from qmoe_qiskit.cli.output.documents import remark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.status import Status


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
