"""What tests of studies share: an executor that starts no process."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def one_thread(_: int | None = None) -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


@pytest.fixture(autouse=True)
def in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have tasks done in this process: tests of workers lie beside those of their module."""
    module = "qmoe_qiskit.studies.engine.processes"
    monkeypatch.setattr(f"{module}.processes", one_thread)
    monkeypatch.setattr(f"{module}.load_libraries", lambda *_: None)
