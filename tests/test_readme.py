"""What README.md shows works as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from ibm_service import IBMService
from sklearn.datasets import load_iris, make_moons

if TYPE_CHECKING:
    from numpy.random import Generator

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_python_examples(rng: Generator) -> None:
    X, y = make_moons(60, noise=0.1, random_state=0)
    names = {
        "X": X,
        "y": y,
        "X_test": X[:20],
        "y_test": y[:20],
        "inputs_BF": rng.uniform(0, np.pi, (5, 2)),
        "weights_W": rng.uniform(-np.pi, np.pi, 18),
    }
    examples = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        exec(example, names)  # noqa: S102
    assert names["e"].values.shape == (5, 2)
    assert names["d_inputs_BOF"].shape == (5, 2, 2)
    assert names["d_weights_BOW"].shape == (5, 2, 18)


# Appended to commands, so that they take a second instead of many.
SMALLER = {
    "train": ("--epochs", "1"),
    "noise": ("--epochs", "1", "--samples", "60", "--layers", "1"),
    "study": ("--settings", "small.toml", "--seeds", "1", "--workers", "1"),
}
SMALL_STUDY = "n_samples = 60\nepochs = 1\nn_layers = 1\nlevels = [0.0, 0.1]\nshots = [128]\n"


def test_commands(program: str, tmp_path: Path, *, whole: bool) -> None:
    iris = load_iris()
    species = iris.target_names[iris.target]
    heads = "a,b,c,d"
    rows = [",".join(map(str, row)) for row in iris.data]
    labelled = [f"{row},{label}" for row, label in zip(rows, species, strict=True)]
    (tmp_path / "measurements.csv").write_text("\n".join([f"{heads},species", *labelled]))
    (tmp_path / "new.csv").write_text("\n".join([heads, *rows[:7]]))
    (tmp_path / "small.toml").write_text(SMALL_STUDY)
    commands = re.findall(r"^    (qmoe .*)$", README, re.MULTILINE)
    assert len(commands) == 17
    with IBMService(["ibm_fez"]) as ibm:
        ledger = {"QMOE_LEDGER": str(tmp_path / "ledger.sqlite")}
        environment = {**os.environ, **ibm.environment(), **ledger}
        for line in commands:
            command, _, target = line.partition(" > ")
            name, *words = shlex.split(command)[1:]
            smaller = () if whole else SMALLER.get(name, ())
            done = subprocess.run(
                [program, name, *words, *smaller],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
                env=environment,
            )
            assert done.returncode == 0, (line, done.stderr)
            if target:
                (tmp_path / target).write_text(done.stdout)
        assert len(ibm.jobs) == 1  # submitted once; evaluated from the ledger
    assert len((tmp_path / "predictions.csv").read_text().splitlines()) == 8


@pytest.mark.parametrize("command", ["make demo", "make test", "make check", "make bench"])
def test_make_targets_exist(command: str) -> None:
    assert command in README
    target = command.removeprefix("make ")
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_measured_parts_are_filled() -> None:
    for name in ("demo", "studies", "benchmark"):
        part = re.search(rf"<!-- begin {name} -->(.*?)<!-- end {name} -->", README, re.DOTALL)
        assert part is not None
        assert len(part[1].strip().splitlines()) > 5, f"run `make readme`: part {name} is empty"
    for figure in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (ROOT / figure).stat().st_size > 10_000
