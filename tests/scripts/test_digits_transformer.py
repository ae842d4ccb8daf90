"""scripts/digits_transformer.py, as a reader would run it, but for two epochs."""

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
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--epochs", "2"])
    with torch.random.fork_rng(devices=[]):
        runpy.run_path(str(SCRIPT), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:2]] == [["epoch", "1"], ["epoch", "2"]]
    # By chance it is 0.1.
    assert float(lines[1].split()[-1]) > 0.5
    loads = np.array([re.findall(r"\d\.\d\d", line) for line in lines[3:]], dtype=float)
    assert loads.shape == (2, 8)
    np.testing.assert_allclose(loads.sum(axis=1), 1, atol=8 * 0.005)
