"""scripts/noise_robustness.py, as a reader would run it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from qmoe_qiskit.noise_profiles import load_profile

SCRIPT = Path(__file__).parents[2] / "scripts" / "noise_robustness.py"


def robustness(python: str, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, SCRIPT, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


def test_a_device_of_ones_own(python: str, tmp_path: Path) -> None:
    load_profile("ibmq_manila").scale(2.0).save(tmp_path / "my_device.json")
    arguments = ("my_device.json", "--scales", "3", "0", "--seeds", "1", "--out", "out")
    first = robustness(python, tmp_path, *arguments)
    assert first.returncode == 0, first.stderr
    head, names, without, with_noise, *rest = first.stdout.splitlines()
    assert head.startswith("noise of my_device.json, held-out accuracy, 1 seed")
    assert names.split("  ")[0] == "times"
    assert without.split()[0] == "0"
    assert with_noise.split()[0] == "3"
    assert sum("falls behind mlp:16" in line for line in rest) == 2
    assert (tmp_path / "out" / "robustness.png").stat().st_size > 10_000
    assert len(list((tmp_path / "out" / "tasks").iterdir())) == 4
    again = robustness(python, tmp_path, *arguments)
    assert again.stdout == first.stdout


def test_a_device_that_is_not_there(python: str, tmp_path: Path) -> None:
    done = robustness(python, tmp_path, "ibm_turino", "--seeds", "1")
    assert done.returncode == 1
    assert done.stderr.startswith("error: unknown noise profile 'ibm_turino'")
    assert "did you mean 'ibm_torino'?" in done.stderr
    assert "Traceback" not in done.stderr
