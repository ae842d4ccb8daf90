"""The folder of a run is read and verified once per command, whatever its device."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ibm_service import IBMService

FEW = ("--samples", "4", "--shots", "32")

_opened: list[Path] | None = None


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _opened is not None and event == "open" and isinstance(arguments[0], str | Path):
        _opened.append(Path(arguments[0]))


sys.addaudithook(_watch)


@contextmanager
def opened_files() -> Iterator[list[Path]]:
    """Collect the files that are opened."""
    global _opened  # noqa: PLW0603 - an audit hook cannot be removed
    _opened = []
    try:
        yield _opened
    finally:
        _opened = None


def assert_read_once(run: Path, opened: list[Path]) -> None:
    inside = Counter(path for path in opened if path.is_relative_to(run))
    files = {path for path in run.rglob("*") if path.is_file()}
    assert inside == Counter(files)


def test_a_fake_device(run: Path, qmoe: Callable[..., Any]) -> None:
    with opened_files() as opened:
        outcome = qmoe("evaluate", run, "--backend", "runtime:fake_manila", *FEW)
    assert outcome.exit_code == 0, outcome.stderr
    assert_read_once(run, opened)


def test_a_device_and_its_ledger(run: Path, ibm: IBMService, qmoe: Callable[..., Any]) -> None:
    command = ("evaluate", run, "--backend", "runtime:ibmq_manila", *FEW, "--yes")
    for _ in range(2):  # sent to the device, and then taken from the ledger
        before = len(ibm.requests)
        with opened_files() as opened:
            outcome = qmoe(*command)
        assert outcome.exit_code == 0, outcome.stderr
        assert_read_once(run, opened)
    assert len(ibm.requests) == before
