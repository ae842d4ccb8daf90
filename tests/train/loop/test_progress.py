"""The progress bar: on a terminal only, in a long fit only, and gone afterwards."""

from __future__ import annotations

import os
import pty
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from torch.nn.modules.module import register_module_forward_hook

from qmoe_qiskit.train import QMoEClassifier
from qmoe_qiskit.train.loop import progress

if TYPE_CHECKING:
    from collections.abc import Iterator

Rows = tuple[np.ndarray, np.ndarray]

HIDE_CURSOR, SHOW_CURSOR, ERASE_LINE = b"\x1b[?25l", b"\x1b[?25h", b"\x1b[2K"


@contextmanager
def terminal() -> Iterator[bytearray]:
    """Put a pseudo-terminal in the place of standard error; fills what it has shown at the end."""
    master, slave = pty.openpty()
    shown = bytearray()

    def read() -> None:
        # Linux says by an error that the other end is closed.
        with suppress(OSError):
            while part := os.read(master, 4096):
                shown.extend(part)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        with (
            pytest.MonkeyPatch.context() as patch,
            os.fdopen(slave, "w", encoding="utf-8") as stream,
        ):
            patch.setenv("TERM", "xterm-256color")
            patch.setattr(sys, "stderr", stream)
            yield shown
    finally:
        reader.join()
        os.close(master)


def assert_gone(shown: bytearray) -> None:
    """The last thing that was drawn is erased, and the cursor is back."""
    assert shown.rindex(ERASE_LINE) > shown.rindex(b"loss")
    assert shown.rindex(SHOW_CURSOR) > shown.rindex(HIDE_CURSOR)


def test_a_long_fit_shows_a_bar_and_an_interrupt_removes_it(
    moons: Rows,
) -> None:
    with terminal() as shown, pytest.raises(KeyboardInterrupt):  # noqa: PT012

        def interrupt(*_: Any) -> None:
            if b"loss 0." in shown:
                raise KeyboardInterrupt

        handle = register_module_forward_hook(interrupt)
        try:
            QMoEClassifier("linear", max_epochs=10**6).fit(*moons)
        finally:
            handle.remove()
    assert b"training" in shown
    assert b"loss 0." in shown
    assert_gone(shown)


def test_the_bar_counts_on_from_the_epochs_behind(
    moons: Rows, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "DELAY_S", 0.0)
    settings = {"checkpoint": tmp_path / "c", "random_state": 0}
    QMoEClassifier("linear", max_epochs=3, verbose=False, **settings).fit(*moons)
    with terminal() as shown:
        QMoEClassifier("linear", max_epochs=4, **settings).resume(*moons)
    assert b"100%" in shown
    assert b" 25%" not in shown
    assert_gone(shown)


def test_a_short_fit_shows_nothing(moons: Rows) -> None:
    with terminal() as shown:
        QMoEClassifier("linear", max_epochs=1).fit(*moons)
    assert not shown


def test_verbose_false_shows_nothing(moons: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "DELAY_S", 0.0)
    with terminal() as shown:
        QMoEClassifier("linear", max_epochs=3, verbose=False).fit(*moons)
    assert not shown


def test_nothing_is_written_where_there_is_no_terminal(
    moons: Rows, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "DELAY_S", 0.0)
    QMoEClassifier("linear", max_epochs=3).fit(*moons)
    assert capfd.readouterr() == ("", "")
