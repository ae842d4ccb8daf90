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
    needed = {*project["dependencies"], *project["optional-dependencies"]["dev"]}
    for requirement in sorted(needed - {next(r for r in needed if r.startswith("torch>"))}):
        found = re.match(r"([\w-]+)>=([\d.]+)", requirement)
        assert found is not None, requirement
        print(f"{found[1]}=={found[2]}")
    print(re.search(r"^torch==.*$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)[0])  # type: ignore[index]


if __name__ == "__main__":
    main()
