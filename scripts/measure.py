"""Measure the tables and figures of README.md and docs/ anew, and write them there.

    make measure                                        # the demo, its figures, the benchmark
    python scripts/measure.py --studies runs/studies    # docs/studies/

Every measured part stands between two marks, `<!-- begin NAME -->` and `<!-- end NAME -->`.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from qmoe_qiskit.stats.types import Verdict, VerdictOutcome
from qmoe_qiskit.studies.engine.folder import read_folder
from qmoe_qiskit.studies.registry import STUDIES
from qmoe_qiskit.studies.report.summary import Table
from qmoe_qiskit.studies.report.tables import shown_table, to_markdown
from qmoe_qiskit.studies.report_from_folder import report_folder

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
FIGURES = DOCS / "figures"
# Studies whose first figure and table are shown, and what the table leaves out: columns, and rows
# that contain one of these texts.
SHOWN = {
    "efficiency": (
        ("learning rate, median", "median accuracy", "mean training accuracy"),
        (
            *(f"quantum (L = {layers})" for layers in (2, 4, 5)),
            *(f"ReLU (h = {hidden})" for hidden in (2, 8, 32)),
            *(f"random Fourier ({waves})" for waves in (2, 4, 16)),
        ),
    ),
    "noise": (("its median",), ()),
    "adaptive": ((), ()),
    "federated": ((), ()),
    "private": ((), ()),
}
# Studies whose other tables are shown as well.
WHOLE = {"adaptive"}
# The claims that a reader of the paper looks for first: patterns that only they match.
HEADLINES = {
    "efficiency": (
        r" fewer parameters than ReLU ones, inputs in \[0",
        r" fewer parameters than ReLU ones, inputs in \[-",
        r" fewer parameters than those on Fourier features, inputs in \[0",
        r"than linear, inputs in \[0",
        r"than linear, inputs in \[-",
    ),
    "noise": (
        r"^trained at p = 0.2, the quantum router stays",
        r"^training under depolarizing noise helps",
        r"with 128 shots the quantum router stays",
        r"^trained without noise, .* on ibm_torino",
        r"^trained without noise, .* at 5 times the noise of ibm_torino",
        r"^readout mitigation makes .* at the noise of",
        r"^linear zero-noise extrapolation makes .* at the noise of",
    ),
    "ablation": (
        r"^interference is needed: .*\[0",
        r"^entanglement helps, .*\[0",
        r"^training the circuit helps, .*\[0",
    ),
    "experts": (
        r"^synthetic: a mixture of quantum experts .* than a mixture of linear",
        r"^digits: a mixture of quantum experts .* than a mixture of linear",
    ),
    "kernel": (
        r"^moons: a support vector machine on 'quantum, 1 upload' ",
        r"^moons: a support vector machine on 'quantum, 2 uploads, trained' ",
    ),
    "balance": (
        r"balances 4 experts better than the linear router \(inputs in \[0",
        r"balances 4 experts better than the Fourier router \(inputs in \[0",
        r"weight 0.1 brings dead ones among 4 experts",
        r"weight 0.1 lets more rows go to another of 4 experts",
    ),
    "federated": (
        r"shared router is more accurate than FedAvg on rows",
        r"shared router is more accurate than each alone",
        r"FedAvg is more accurate than shared router on common",
    ),
    "private": (
        r"^at epsilon 4 the quantum router is as accurate as the Fourier",
        r"^epsilon 4 leaves the accuracy of the quantum router",
        r"^the attack cannot tell .*, at epsilon 4$",
    ),
    "adaptive": (
        r"is more accurate than 'adaptive forest'",
        r"is more accurate than 'linear, detected'",
        r"is more accurate than 'quantum, never'",
        r"trained without noise: 'move and refit' is within",
        r"trained without noise: 'move and refit' is more accurate than 'nothing'",
        r"trained without noise: what is planned",
    ),
}
QMOE = str(Path(sys.executable).with_name("qmoe"))


def output_of(*command: str, cwd: Path = ROOT) -> str:
    """Run a command and return what it printed."""
    # The environment counts as activated, so that what is printed names the program, not its path.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        command,
        cwd=cwd,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PATH": path},
    )
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines())


def replace_part(path: Path, name: str, content: str) -> None:
    """Replace one marked part of a file."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    text = path.read_text()
    if not pattern.search(text):
        raise SystemExit(f"{path.name} has no part {name!r}: add the lines {begin} and {end}")
    path.write_text(pattern.sub(lambda _: f"{begin}\n{content}\n{end}", text))


def studies_parts(folder: Path) -> tuple[str, dict[str, str]]:
    """Return the part of docs/studies/index.md on finished studies, and that of each study."""
    rows = ["| study | claim | verdict | difference |", "| --- | --- | --- | --- |"]
    figures, parts = [], {}
    for name in STUDIES:
        _, summary, files = report_folder(folder / name)
        command = " ".join(read_folder(folder / name).command)
        part = [f"<!-- needs: hours -->\n```bash\n{command}\n```"]
        if name in SHOWN:
            shown = summary.tables if name in WHOLE else summary.tables[:1]
            tables = [to_markdown(shown_table(shortened(one, *SHOWN[name]))) for one in shown]
            picture = next(file for file in files if file.startswith("figures/"))
            shutil.copy(folder / name / picture, FIGURES / f"study_{name}.png")
            figures.append(f"![{summary.figures[0].caption}](../figures/study_{name}.png)")
            titles = [f"{one.title}:" for one in shown] if name in WHOLE else [""]
            part += [f"{a}\n\n{b}".strip() for a, b in zip(titles, tables, strict=True)]
            part.append(figures[-1])
        parts[name] = "\n\n".join([*part, verdicts_part(summary.verdicts)])
        rows += [row_of(name, headline, summary.verdicts) for headline in HEADLINES.get(name, ())]
    return "\n\n".join(["\n".join(rows), *figures]), parts


def row_of(study: str, headline: str, verdicts: Sequence[Verdict]) -> str:
    """Return the row of the one claim that a headline matches."""
    found = [verdict for verdict in verdicts if re.search(headline, verdict.claim)]
    if len(found) != 1:
        raise SystemExit(f"{len(found)} claims of study {study!r} match {headline!r}")
    (verdict,) = found
    difference, digits = verdict.difference, verdict.digits
    numbers = [f"{x:+.{digits}f}" for x in (difference.value, difference.low, difference.high)]
    unit = f" {verdict.unit}" if verdict.unit else ""
    claim = verdict.claim.replace("|", "\\|")
    shown = f"{numbers[0]}{unit} ({numbers[1]} to {numbers[2]})"
    return f"| {study} | {claim} | {verdict.outcome} | {shown} |"


def shortened(table: Table, columns: Collection[str], texts: Collection[str]) -> Table:
    """Return a table without some columns, and without the rows that have one of some texts."""
    kept = [i for i, column in enumerate(table.columns) if column.name not in columns]
    return replace(
        table,
        columns=tuple(table.columns[i] for i in kept),
        rows=tuple(
            tuple(row[i] for i in kept)
            for row in table.rows
            if not any(isinstance(cell, str) and cell in texts for cell in row)
        ),
    )


def verdicts_part(verdicts: Sequence[Verdict]) -> str:
    """Return how many claims came out how, and all of them."""
    counts = Counter(verdict.outcome for verdict in verdicts)
    outcomes: tuple[VerdictOutcome, ...] = ("supported", "not supported", "undecided")
    counted = ", ".join(f"{counts[outcome]} {outcome}" for outcome in outcomes)
    return "\n".join(
        [f"Of {len(verdicts)} claims: {counted}.", "", *(f"- {verdict}" for verdict in verdicts)]
    )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--studies", type=Path, metavar="DIR", help="write the parts on studies")
    options = parser.parse_args()
    if options.studies is not None:
        headlines, parts = studies_parts(options.studies)
        replace_part(DOCS / "studies" / "index.md", "studies", headlines)
        for name, part in parts.items():
            replace_part(DOCS / "studies" / f"{name}.md", "results", part)
        return
    with tempfile.TemporaryDirectory() as folder:
        demo = output_of(QMOE, "demo", "--out", "runs/demo", cwd=Path(folder))
        FIGURES.mkdir(exist_ok=True)
        for name in ("decision_boundary.png", "routing_map.png"):
            shutil.copy(Path(folder, "runs", "demo", "figures", name), FIGURES / name)
    replace_part(DOCS / "how-to" / "train.md", "demo", f"```text\n{demo}\n```")
    benchmark = output_of(sys.executable, "scripts/benchmark.py", "--markdown", "--slow")
    replace_part(DOCS / "explanations" / "performance.md", "benchmark", benchmark)


if __name__ == "__main__":
    main()
