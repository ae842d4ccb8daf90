"""What tests of the command line share."""

from __future__ import annotations

import pytest


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures take most of the time of a small training: for tests that do not look at them."""
    for command in ("demo", "train"):
        monkeypatch.setattr(f"qmoe_qiskit.cli.commands.{command}.draw_run", lambda *_, **__: None)
