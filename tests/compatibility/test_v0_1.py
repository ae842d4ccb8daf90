"""What release 0.1.0 wrote is read today, and says the same: runs, studies, a ledger."""

from __future__ import annotations

import json
import re
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from typer.testing import CliRunner

from qmoe_qiskit.cli import app
from qmoe_qiskit.figures import figure_bytes
from qmoe_qiskit.studies.report import page as page_of_study

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qmoe_qiskit.studies.report.summary import FigureSpec

STORED = Path(__file__).with_name("v0_1")
STUDIES = sorted(path.name for path in (STORED / "studies").iterdir())
DRAWN = "ablation"
# Sentences that have been reworded since; all else is the same, byte by byte.
WORDS = {
    "Is it interference that the quantum router lives on?": (
        "Does the quantum router depend on interference?"
    ),
    "coherence behind the embedding helps": "coherence after the embedding helps",
    "complete: behind the embedding": "complete: after the embedding",
    "computational basis behind the embedding": "computational basis after the embedding",
    "two linear experts behind the": "two linear experts with the",
    "experts behind the quantum router": "experts of the quantum router",
    "the mixture behind the paper": "the mixture with the paper",
    "layers behind each upload": "layers after each upload",
    "Gates behind the last upload": "Gates after the last upload",
    "experts share one behind the mixture": "experts share one after the mixture",
    "one circuit behind an amplitude": "one circuit after an amplitude",
    "Of each seed the smallest": "For each seed the smallest",
    "Tuned width: of multiples": "Tuned width: the kernel of multiples",
    "What is neither is undecided.": "A claim that is neither is undecided.",
    "Every number above is made by this command,": "This command makes every number above,",
    "Results that are present are not computed again.": "It does not compute stored results again.",
    "whatever the defaults become:": "even if the defaults change:",
    "Behind the tables are results, a file each.": (
        "The tables are made from results, one file per task."
    ),
    "is made of those of the kind": "is made from the results of the kind",
    "Each point is a router.": "Each point is a router; routers of equally many {} stand side by "
    "side.",
    "each seed as a tick.": "each seed as a tick. Dotted: the accuracy of guessing.",
    "end where its trigonometric functions do.": (
        "end where its trigonometric functions do. A curve ends where a seed's share is below "
        "1e-12, which rounding may have made."
    ),
}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the stored files, as the current folder."""
    copy = tmp_path / "v0_1"
    shutil.copytree(STORED, copy)
    monkeypatch.chdir(copy)
    monkeypatch.setenv("QMOE_LEDGER", str(copy / "ledger.sqlite"))
    monkeypatch.setenv("HOME", str(copy))
    # The account of the ledger; nobody answers at its address, and nobody has to.
    url, instance = (copy / "service.txt").read_text().split()
    monkeypatch.setenv("QISKIT_IBM_CHANNEL", "ibm_quantum_platform")
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "token")
    monkeypatch.setenv("QISKIT_IBM_URL", url)
    monkeypatch.setenv("QISKIT_IBM_INSTANCE", instance)
    return copy


def output_of(*arguments: str) -> str:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, (done.stderr, done.exception)
    return done.stdout


def reworded(text: str) -> str:
    for old, new in WORDS.items():
        text = text.replace(old, new)
    return re.sub(r"(by number of (.*?) of the router: .*?)\{\}", r"\1\2", text)


def rearranged(page: str) -> str:
    """Return a Markdown page with its figures before its verdicts, where they stand today."""
    figures = re.search(r"^## Figures\n.*?(?=^## )", page, re.DOTALL | re.MULTILINE)
    assert figures is not None
    return page.replace(figures[0], "").replace("## Verdicts\n", f"{figures[0]}## Verdicts\n")


def rearranged_html(page: str) -> str:
    """Return the same of an HTML page, below its contents."""
    nav, figures, verdicts = (
        match[0]
        for match in (
            re.search(rf"<{start}.*?</{start.split()[0]}>\n", page, re.DOTALL)
            for start in (
                "nav ",
                'section aria-labelledby="figures"',
                'section aria-labelledby="verdicts"',
            )
        )
        if match is not None
    )
    items = re.findall(r"<li>.*?</li>\n", nav)
    drawn = [item for item in items if "#figure-" in item]
    counted = re.search(r"<p>(.*?)\.</p>", verdicts)
    assert counted is not None
    link = f'<li><a href="#verdicts">Verdicts: {counted[1]}</a></li>\n'
    others = [item for item in items if item not in drawn]
    contents = nav.replace("".join(items), "".join([*drawn, link, *others]))
    without = page.replace(nav, "").replace(figures, "")
    return without.replace(verdicts, contents + figures + verdicts)


def assert_same(now: Any, then: Any, place: str = "") -> None:
    """Compare JSON documents: the same keys in the same order, numbers to rounding errors.

    A document may say more than it did.
    """
    if isinstance(then, dict):
        assert [key for key in now if key in then] == list(then), place
        for key in then:
            assert_same(now[key], then[key], f"{place}.{key}")
    elif isinstance(then, list):
        assert len(now) == len(then), place
        for index, (one, other) in enumerate(zip(now, then, strict=True)):
            assert_same(one, other, f"{place}[{index}]")
    elif isinstance(then, float):
        assert isinstance(now, int | float), place
        # Sums may be ordered otherwise by another release of a library.
        np.testing.assert_allclose(now, then, rtol=1e-9, atol=1e-12, err_msg=place)
    elif isinstance(then, str):
        assert now == reworded(then), place
    else:
        assert now == then, place


@pytest.mark.parametrize(
    ("stored", "command"),
    [
        ("info.json", ("info", "moons")),
        ("evaluate.json", ("evaluate", "moons")),
        ("evaluate_lagos.json", ("evaluate", "moons", "--backend", "noisy:ibm_lagos")),
        ("jobs.json", ("jobs", "list")),
        # From the ledger alone: no network.
        (
            "device_evaluate.json",
            (
                *("evaluate", "moons", "--backend", "runtime:ibmq_manila"),
                *("--samples", "6", "--shots", "64"),
            ),
        ),
    ],
)
def test_documents(files: Path, stored: str, command: tuple[str, ...]) -> None:
    now = json.loads(output_of(*command, "--json"))
    assert_same(now, json.loads((files / stored).read_text()))


def test_predictions(files: Path) -> None:
    head, *rows = output_of("predict", "moons", "points.csv").splitlines()
    stored_head, *stored = (files / "predictions.csv").read_text().splitlines()
    assert head == stored_head
    numbers, before = (np.array([row.split(",") for row in x], float) for x in (rows, stored))
    np.testing.assert_allclose(numbers, before, rtol=1e-9)


@pytest.mark.parametrize("name", ["ideal", "noisy"])
def test_the_models_of_a_comparison_under_noise(files: Path, name: str) -> None:
    comparison = json.loads((files / "noise" / "comparison.json").read_text())
    (then,) = (c for c in comparison["settings"] if c["setting"] == f"{name} -> {name}")
    now = json.loads(output_of("evaluate", f"noise/{name}", "--json"))
    assert_same(now["metrics"]["accuracy"], then["metrics"]["accuracy"])


@pytest.mark.parametrize("name", STUDIES)
def test_studies(files: Path, name: str, monkeypatch: pytest.MonkeyPatch, *, whole: bool) -> None:
    """A report made from stored results has the same tables, page and numbers.

    The sample draws one study's figures, and puts an empty one in the place of others.
    """
    is_drawn = whole or name == DRAWN
    if not is_drawn:
        monkeypatch.setattr(page_of_study, "_drawn", undrawn)
    folder = files / "studies" / name
    page, tables = (folder / "report.md").read_text(), folder / "tables"
    before = {path.name: path.read_bytes() for path in tables.iterdir()}
    html = (folder / "report.html").read_text() if (folder / "report.html").exists() else None
    then = json.loads((folder / "document.json").read_text())
    accept_libraries_of_now(folder)
    shutil.rmtree(tables)
    (report,) = json.loads(output_of("report", f"studies/{name}", "--json"))["reports"]
    for part in ("verdicts", "tables", "remarks", "files"):
        assert_same(report[part], then[part], part)
    assert {path.name: path.read_bytes() for path in tables.iterdir()} == {
        file: reworded(data.decode()).encode() for file, data in before.items()
    }
    assert (folder / "report.md").read_text() == rearranged(reworded(page))
    if is_drawn and html is not None and version("matplotlib") == matplotlib_of(STORED):
        assert (folder / "report.html").read_text() == rearranged_html(reworded(html))


def undrawn(spec: FigureSpec, _: str) -> page_of_study.DrawnFigure:
    png = figure_bytes(Figure(figsize=(1, 1)))
    return page_of_study.DrawnFigure(name=spec.name, caption=spec.caption, png=png, other=None)


def matplotlib_of(folder: Path) -> str:
    """The release that drew the stored page."""
    return (folder / "matplotlib-version.txt").read_text().strip()


def accept_libraries_of_now(folder: Path) -> None:
    """Let results of other library versions count: here it is our own release that is tested."""
    for path in (folder / "tasks").glob("*.json"):
        result = json.loads(path.read_text())
        assert result["versions"]["qmoe-qiskit"] == "0.1.0"
        for library in set(result["versions"]) - {"qmoe-qiskit", "python"}:
            result["versions"][library] = version(library)
        path.write_text(json.dumps(result))
