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
from pathlib import Path

from qmoe_qiskit.report.study_tables import shown_table, to_markdown
from qmoe_qiskit.report.summary import Verdict
from qmoe_qiskit.studies.folder import read_folder
from qmoe_qiskit.studies.reporting import report_folder

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "scripts" / "figures"
# In the order of the part on studies; those with a table and a figure there.
STUDIES = ("efficiency", "noise", "ablation", "boundary", "experts", "kernel", "balance")
VERDICTS = 8  # of each study; the reports have all
SHOWN = ("efficiency", "noise")
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
    """Return the first verdicts of finished studies, and a table and a figure of two of them."""
    parts = []
    for name in STUDIES:
        if not (folder / name / "study.json").is_file():
            continue
        study, summary, files = report_folder(folder / name)
        command = " ".join(read_folder(folder / name).command)
        parts.append(f"**{study.title}** (`{command}`)")
        if name in SHOWN:
            parts.append(to_markdown(shown_table(summary.tables[0])).rstrip())
            picture = next(file for file in files if file.startswith("figures/"))
            shutil.copy(folder / name / picture, FIGURES / f"study_{name}.png")
            caption = summary.pictures[0].caption
            parts.append(f"![{caption}](scripts/figures/study_{name}.png)")
        parts.append("\n".join(map(brief, summary.verdicts[:VERDICTS])))
        if (left := len(summary.verdicts) - VERDICTS) > 0:
            parts.append(f"... and {left} more in the report.")
    return "\n\n".join(parts)


def brief(verdict: Verdict) -> str:
    """Return a verdict as a line, with its difference and interval."""
    d = verdict.difference
    return f"- {verdict.outcome}: {verdict.claim} ({d.value:+.3f}, {d.low:+.3f} to {d.high:+.3f})"


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
