"""scripts/digits_transformer.py, as a reader would run it, but for one epoch."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

SCRIPT = Path(__file__).parents[2] / "scripts" / "digits_transformer.py"


def test_it_learns_and_shows_the_load(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--epochs", "1"])
    with torch.random.fork_rng(devices=[]):
        runpy.run_path(str(SCRIPT), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["epoch", "1"]
    # By chance it is 0.1.
    assert float(lines[0].split()[-1]) > 0.3
    loads = np.array([re.findall(r"\d\.\d\d", line) for line in lines[2:]], dtype=float)
    assert loads.shape == (2, 8)
    np.testing.assert_allclose(loads.sum(axis=1), 1, atol=8 * 0.005)
