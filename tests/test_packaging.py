"""What the wheel holds, and that importing the package costs nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Folder in the repository -> folder in the wheel.
PLACES = {
    "qmoe_qiskit": "qmoe_qiskit",
    "backends": "qmoe_qiskit/backends",
    "noise_profiles": "qmoe_qiskit/noise_profiles",
}


def installed_path(path: Path) -> str:
    """Where a file of the repository lies in the wheel."""
    top, *rest = path.relative_to(ROOT).parts
    return "/".join([PLACES[top], *rest])


def source_files(*patterns: str) -> set[Path]:
    return {path for top in PLACES for pattern in patterns for path in (ROOT / top).rglob(pattern)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The wheel's files; built from a copy, so that a build in the repository is not disturbed."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in [*PLACES, "tests", "scripts"]:
        if (ROOT / name).is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    for name in ["pyproject.toml", "README.md", "LICENSE"]:
        shutil.copy(ROOT / name, folder)
    options = ["--no-deps", "--no-build-isolation", "--wheel-dir", "dist"]
    command = [sys.executable, "-m", "pip", "wheel", *options, "."]
    built = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = (folder / "dist").glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_wheel_holds_the_packages_and_nothing_else(wheel: dict[str, bytes]) -> None:
    files = {name for name in wheel if ".dist-info/" not in name}
    shipped = source_files("*.py", "*.json", "*.css", "*.jinja", "py.typed")
    assert files == {installed_path(path) for path in shipped}
    assert "qmoe_qiskit/py.typed" in files
    assert "qmoe_qiskit/backends/__init__.py" in files
    assert "qmoe_qiskit/noise_profiles/__init__.py" in files


def test_wheel_carries_licence_and_command(wheel: dict[str, bytes]) -> None:
    (info,) = {name.partition("/")[0] for name in wheel if ".dist-info/" in name}
    entry_points = wheel[f"{info}/entry_points.txt"].decode()
    assert "[console_scripts]\nqmoe = qmoe_qiskit.cli:main" in entry_points
    assert wheel[f"{info}/licenses/LICENSE"] == (ROOT / "LICENSE").read_bytes()
    assert b"License-Expression: Apache-2.0\n" in wheel[f"{info}/METADATA"]


def test_every_package_on_disk_is_listed() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    folders = {installed_path(path.parent) for path in source_files("*.py")}
    assert sorted(settings["tool"]["setuptools"]["packages"]) == sorted(
        folder.replace("/", ".") for folder in folders
    )


def test_import_loads_no_heavy_library(tmp_path: Path) -> None:
    program = "import json, sys, qmoe_qiskit; print(json.dumps(sorted(sys.modules)))"
    command = [sys.executable, "-W", "error", "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    loaded = {name.partition(".")[0] for name in json.loads(result.stdout)}
    assert "qmoe_qiskit" in loaded
    assert loaded.isdisjoint({"matplotlib", "numpy", "pandas", "qiskit", "sklearn", "torch"})
