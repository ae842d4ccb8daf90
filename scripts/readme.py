"""Write the measured parts of README.md anew: the demo's output, its figures, the benchmark.

    make readme
    python scripts/readme.py --studies runs/studies    # the part on studies, from their results

Every part stands between two marks, `<!-- begin NAME -->` and `<!-- end NAME -->`.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from qmoe_qiskit.report.study_tables import shown_table, to_markdown
from qmoe_qiskit.report.summary import Outcome, Table, Verdict
from qmoe_qiskit.studies.folder import read_folder
from qmoe_qiskit.studies.reporting import report_folder

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "scripts" / "figures"
# In the order of the part on studies.
STUDIES = ("efficiency", "noise", "ablation", "boundary", "experts", "kernel", "balance")
VERDICTS = 6  # of each study; the reports have all
# What is left out of the first table of those with a table and a figure: columns, and rows that
# have one of these texts.
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
}
QMOE = str(Path(sys.executable).with_name("qmoe"))


def output_of(*command: str, cwd: Path = ROOT) -> str:
    """Run a command and return what it printed."""
    done = subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True)
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines())


def replace_part(text: str, name: str, content: str) -> str:
    """Return the text with one marked part replaced."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"README.md has no part {name!r}: add the lines {begin} and {end}")
    return pattern.sub(lambda _: f"{begin}\n{content}\n{end}", text)


def studies_part(folder: Path) -> str:
    """Return verdicts of finished studies, and a table and a figure of two of them."""
    parts = []
    for name in STUDIES:
        if not (folder / name / "study.json").is_file():
            continue
        study, summary, files = report_folder(folder / name)
        command = " ".join(read_folder(folder / name).command)
        parts.append(f"**{study.title}** (`{command}`)")
        if name in SHOWN:
            parts.append(
                to_markdown(shown_table(shortened(summary.tables[0], *SHOWN[name]))).rstrip()
            )
            picture = next(file for file in files if file.startswith("figures/"))
            shutil.copy(folder / name / picture, FIGURES / f"study_{name}.png")
            caption = summary.pictures[0].caption
            parts.append(f"![{caption}](scripts/figures/study_{name}.png)")
        parts.append(verdicts_part(summary.verdicts))
    return "\n\n".join(parts)


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
    """Return how many claims came out how, and the first of them, those that are decided before."""
    counts = Counter(verdict.outcome for verdict in verdicts)
    outcomes: tuple[Outcome, ...] = ("supported", "not supported", "undecided")
    counted = ", ".join(f"{counts[outcome]} {outcome}" for outcome in outcomes)
    order = sorted(verdicts, key=lambda verdict: verdict.outcome == "undecided")
    lines = [f"- {verdict}" for verdict in order[:VERDICTS]]
    if (left := len(verdicts) - len(lines)) > 0:
        lines.append(f"- ... and {left} more in the report")
    return "\n".join([f"Of {len(verdicts)} claims: {counted}.", "", *lines])


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--studies", type=Path, metavar="DIR", help="only the part on studies")
    options = parser.parse_args()
    readme = ROOT / "README.md"
    if options.studies is not None:
        text = replace_part(readme.read_text(), "studies", studies_part(options.studies))
        readme.write_text(text)
        return
    with tempfile.TemporaryDirectory() as folder:
        demo = output_of(QMOE, "demo", "--out", "runs/demo", cwd=Path(folder))
        FIGURES.mkdir(exist_ok=True)
        for name in ("decision_boundary.png", "routing_map.png"):
            shutil.copy(Path(folder, "runs", "demo", "figures", name), FIGURES / name)
    benchmark = output_of(sys.executable, "scripts/benchmark.py", "--markdown", "--slow")
    text = replace_part(readme.read_text(), "demo", f"```text\n{demo}\n```")
    readme.write_text(replace_part(text, "benchmark", benchmark))


if __name__ == "__main__":
    main()
