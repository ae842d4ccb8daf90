"""What README.md and docs/ show works as it stands there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from ibm_service import IBMService
from sklearn.datasets import load_iris, make_moons
from typer.testing import CliRunner

from qmoe_qiskit.cli import app

if TYPE_CHECKING:
    from numpy.random import Generator

ROOT = Path(__file__).parents[1]
# In the order in which a reader meets them: later pages use the runs of earlier ones.
PAGES = {
    path: path.read_text()
    for path in (
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(
            ROOT / "docs" / f"{name}.md"
            for name in (
                "command-line", "noise", "ibm-quantum", "studies", "study-results", "python",
                "circuits", "pytorch", "surrogate", "performance",
            )
        ),
    )
}  # fmt: skip
DOCS = {path.stem: text for path, text in PAGES.items()}


def test_every_page_is_tested() -> None:
    assert set(PAGES) == {ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")}


# Of two halves of the rows, one is held out.
@pytest.mark.filterwarnings("ignore::qmoe_qiskit.errors.OutOfRangeWarning")
def test_python_examples(rng: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # files are written
    X, y = make_moons(60, noise=0.1, random_state=0)
    names = {
        "X": X,
        "y": y,
        "X_test": X[:20],
        "y_test": y[:20],
        "inputs_BF": rng.uniform(0, np.pi, (5, 2)),
        "weights_W": rng.uniform(-np.pi, np.pi, 18),
    }
    examples = re.findall(r"```python\n(.*?)```", DOCS["python"], re.DOTALL)
    assert len(examples) == 8
    for example in examples:
        exec(example, names)  # noqa: S102
    for page in ("circuits", "pytorch"):
        for example in re.findall(r"```python\n(.*?)```", DOCS[page], re.DOTALL):
            exec(example, {})  # noqa: S102
    surrogate: dict[str, object] = {}  # each example goes on from the last
    for example in re.findall(r"```python\n(.*?)```", DOCS["surrogate"], re.DOTALL):
        exec(example, surrogate)  # noqa: S102
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


def test_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, whole: bool) -> None:
    iris = load_iris()
    species = iris.target_names[iris.target]
    heads = "a,b,c,d"
    rows = [",".join(map(str, row)) for row in iris.data]
    labelled = [f"{row},{label}" for row, label in zip(rows, species, strict=True)]
    (tmp_path / "measurements.csv").write_text("\n".join([f"{heads},species", *labelled]))
    (tmp_path / "new.csv").write_text("\n".join([heads, *rows[:7]]))
    (tmp_path / "small.toml").write_text(SMALL_STUDY)
    # docs/study-results.md names the commands of studies that take hours.
    text = "\n".join(page for name, page in DOCS.items() if name != "study-results")
    commands = re.findall(r"^    (qmoe .*)$", text, re.MULTILINE)
    assert len(commands) == 22
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QMOE_LEDGER", str(tmp_path / "ledger.sqlite"))
    monkeypatch.setenv("HOME", str(tmp_path))
    with IBMService(["ibm_fez"]) as ibm:
        for name, value in ibm.environment().items():
            monkeypatch.setenv(name, value)
        for line in commands:
            command, _, target = line.partition(" > ")
            name, *words = shlex.split(command)[1:]
            smaller = () if whole else SMALLER.get(name, ())
            done = CliRunner().invoke(app, [name, *words, *smaller])
            assert done.exit_code == 0, (line, done.stderr, done.exception)
            if target:
                (tmp_path / target).write_text(done.stdout)
        assert len(ibm.jobs) == 1  # submitted once; evaluated from the ledger
    assert len((tmp_path / "predictions.csv").read_text().splitlines()) == 8


@pytest.mark.parametrize("command", ["make demo", "make test", "make check", "make bench"])
def test_make_targets_exist(command: str) -> None:
    assert any(command in text for text in PAGES.values())
    target = command.removeprefix("make ")
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    ("page", "part"),
    [
        ("command-line", "demo"),
        ("studies", "studies"),
        ("study-results", "studies"),
        ("performance", "benchmark"),
    ],
)
def test_measured_parts_are_filled(page: str, part: str) -> None:
    found = re.search(rf"<!-- begin {part} -->(.*?)<!-- end {part} -->", DOCS[page], re.DOTALL)
    assert found is not None
    assert len(found[1].strip().splitlines()) > 5, f"run `make measure`: part {part} is empty"


def test_links_and_figures_exist() -> None:
    for path, text in PAGES.items():
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"https?:", target):
                continue
            name, _, anchor = target.partition("#")
            file = (path.parent / name).resolve() if name else path
            assert file.is_file(), f"{path.name}: {target}"
            if file.suffix == ".png":
                assert file.stat().st_size > 10_000
            if anchor:
                headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
                slugs = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
                assert anchor in slugs, f"{path.name}: {target}"
