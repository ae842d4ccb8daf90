"""Write the measured parts of README.md anew: the demo's output, its figures, the benchmark.

    make readme

Every part stands between two marks, `<!-- begin NAME -->` and `<!-- end NAME -->`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "scripts" / "figures"
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


def main() -> None:
    """Run from the command line."""
    readme = ROOT / "README.md"
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
