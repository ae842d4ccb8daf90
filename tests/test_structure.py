"""The house: no import circle, small folders, tests that mirror the package, a usable checkout."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from costs import COSTS

ROOT = Path(__file__).parents[1]
# Folder in the repository -> package.
PACKAGES = {
    "qmoe_qiskit": "qmoe_qiskit",
    "backends": "qmoe_qiskit.backends",
    "noise_profiles": "qmoe_qiskit.noise_profiles",
}
MOST_FILES = 14  # of a folder, beside its __init__
# Test folders that mirror no package: helpers, and tests of what is no package.
OTHERS = {
    "cli/hardware",  # commands that submit
    "cli/studies",
    "compatibility",
    "hostile",
    "ibm_service",
    "ibm_service_tests",
    "moe/torch_behaviour",  # of all modules, several files of tests
    "moe/torch_connector",  # one module, several files of tests
    "programs",
    "scripts",
}


def modules() -> dict[str, Path]:
    """Return the file of each module, by its name when it is imported."""
    found = {}
    for folder, package in PACKAGES.items():
        for path in (ROOT / folder).rglob("*.py"):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join([package, *parts]).removesuffix(".__init__")] = path
    return found


def imports_of(path: Path) -> Iterator[str]:
    """Yield what a file imports, within functions too, but not what only type checkers read."""
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None
            # The name may be that of a module or of something in one.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        else:
            waiting += ast.iter_child_nodes(node)


def graph() -> dict[str, set[str]]:
    """Return which modules of the package each one imports."""
    known = modules()
    found: dict[str, set[str]] = {}
    for name, path in known.items():
        imported = imports_of(path)
        targets = {full if full in known else full.rpartition(".")[0] for full in imported}
        found[name] = (targets & known.keys()) - {name}
    return found


def circle_in(edges: dict[str, set[str]]) -> list[str]:
    """Return modules that import each other in a circle, or an empty list."""
    done: set[str] = set()

    def visit(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name not in done:
            for target in sorted(edges[name]):
                if circle := visit(target, [*way, name]):
                    return circle
            done.add(name)
        return []

    for name in sorted(edges):
        if circle := visit(name, []):
            return circle
    return []


def test_a_circle_is_found() -> None:
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


def test_no_files_import_each_other_in_a_circle() -> None:
    assert " -> ".join(circle_in(graph())) == ""


def test_no_folder_is_crowded() -> None:
    sizes = {
        folder: len([path for path in folder.glob("*.py") if path.name != "__init__.py"])
        for top in PACKAGES
        for folder in {path.parent for path in (ROOT / top).rglob("*.py")}
    }
    crowded = {str(f.relative_to(ROOT)): n for f, n in sizes.items() if n > MOST_FILES}
    assert crowded == {}


def test_tests_lie_where_the_code_does() -> None:
    tests = ROOT / "tests"
    folders = {path.parent.relative_to(tests).as_posix() for path in tests.rglob("*.py")} - OTHERS
    homes = (ROOT, ROOT / "qmoe_qiskit")
    assert [name for name in folders if not any((h / name).is_dir() for h in homes)] == []


@pytest.mark.process
def test_a_checkout_imports_as_it_stands() -> None:
    """Without being installed, from its root."""
    program = (
        "import sys\n"
        "sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]\n"
        "import qmoe_qiskit.backends, qmoe_qiskit.noise_profiles\n"
        "print(qmoe_qiskit.backends.__file__)\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()) == ROOT / "backends" / "__init__.py"


def test_places_with_costs_exist() -> None:
    for place in COSTS:
        file, _, test = place.partition("::")
        path = ROOT / "tests" / file
        assert path.exists(), place
        assert not test or f"def {test.partition('[')[0]}(" in path.read_text(), place
