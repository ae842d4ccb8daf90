"""Print pip constraints: each dependency of pyproject.toml at the lowest version it may have.

    python scripts/lowest.py > constraints-lowest.txt

Extras of development are included. torch stays at the version of constraints.txt: its other builds
pull gigabytes of CUDA.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Print a line per dependency."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = "\n".join([*project["dependencies"], *project["optional-dependencies"]["dev"]])
    lowest = dict(re.findall(r"^([\w-]+)>=([\d.]+)", needed, re.MULTILINE))
    lowest |= re.findall(r"^(torch)==(.+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    for name, version in sorted(lowest.items()):
        print(f"{name}=={version}")


if __name__ == "__main__":
    main()
