"""scripts/noise_robustness.py, as a reader would run it."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from qmoe_qiskit.noise_profiles import load_profile
from qmoe_qiskit.studies.training.train_task import TrainTask

SCRIPT = Path(__file__).parents[2] / "scripts" / "noise_robustness.py"


def robustness(python: str, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, SCRIPT, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The script with trainings that take a second."""
    spec = spec_from_file_location("noise_robustness", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    small = partial(TrainTask, n_samples=60, n_layers=1, epochs=1)
    monkeypatch.setattr(module, "TrainTask", small)
    monkeypatch.setattr(module, "processes", partial(ThreadPoolExecutor, 1))
    monkeypatch.chdir(tmp_path)
    return module


def test_a_device_of_ones_own(
    script: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    load_profile("ibmq_manila").scale(2.0).save(tmp_path / "my_device.json")
    arguments = ("my_device.json", "--scales", "3", "0", "--seeds", "1", "--out", "out")
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *arguments])
    script.main()
    first = capsys.readouterr().out
    head, names, without, with_noise, *rest = first.splitlines()
    assert head.startswith("noise of my_device.json, held-out accuracy, 1 seed")
    assert names.split("  ")[0] == "times"
    assert without.split()[0] == "0"
    assert with_noise.split()[0] == "3"
    assert sum("falls behind mlp:16" in line for line in rest) == 2
    assert (tmp_path / "out" / "robustness.png").stat().st_size > 10_000
    assert len(list((tmp_path / "out" / "tasks").iterdir())) == 4
    script.main()
    assert capsys.readouterr().out == first


def test_a_device_that_is_not_there(python: str, tmp_path: Path) -> None:
    done = robustness(python, tmp_path, "ibm_turino", "--seeds", "1")
    assert done.returncode == 1
    assert done.stderr.startswith("error: unknown noise profile 'ibm_turino'")
    assert "did you mean 'ibm_torino'?" in done.stderr
    assert "Traceback" not in done.stderr
