"""The reference lists every command and every public name."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
import typer.main

import qmoe_qiskit
from qmoe_qiskit.cli import app

DOCS = Path(__file__).parents[2] / "docs"
PACKAGES = (
    "backends", "circuits", "data", "errors", "figures", "moe", "noise_profiles", "runs", "stats",
    "train",
)  # fmt: skip


@pytest.fixture(scope="module")
def extension() -> ModuleType:
    path = DOCS / "_extensions" / "command_reference.py"
    spec = importlib.util.spec_from_file_location("command_reference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_command_and_option_is_listed(extension: ModuleType) -> None:
    pattern = re.compile(r"^## qmoe (.*?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    sections = dict(pattern.findall("\n".join(extension.commands())))
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        below = getattr(command, "commands", {"": command})
        for second, one in below.items():
            section = sections[f"{name} {second}".strip()]
            for parameter in one.params:
                if parameter.hidden:
                    continue
                for word in parameter.opts if parameter.param_type_name == "option" else ():
                    assert re.search(rf"^`[^`]*{word}\b", section, re.MULTILINE), (name, word)
                # Its first words, as the program's own help has them.
                assert parameter.help.split("`")[0].split("_")[0].split("*")[0][:20] in section


def test_the_page_has_their_place(extension: ModuleType) -> None:
    source = [(DOCS / f"{extension.PAGE}.md").read_text()]
    extension._fill(None, extension.PAGE, source)
    assert "## qmoe train" in source[0]
    other = [extension.MARK]
    extension._fill(None, "index", other)
    assert other == [extension.MARK]


def documented() -> set[str]:
    pages = (DOCS / "reference" / "api").glob("*.md")
    return {m for page in pages for m in re.findall(r"automodule:: (\S+)", page.read_text())}


def test_every_public_package_has_a_page() -> None:
    assert {f"qmoe_qiskit.{name}" for name in PACKAGES} <= documented()


def test_every_name_of_the_top_level_is_on_a_page() -> None:
    modules = [importlib.import_module(name) for name in documented()]
    names = {name for m in modules for name in getattr(m, "__all__", vars(m))}
    assert set(qmoe_qiskit.__all__) - {"__version__"} <= names


def test_public_classes_and_functions_have_an_example() -> None:
    for name in set(qmoe_qiskit.__all__) - {"__version__", "QMoEError"}:
        public = getattr(qmoe_qiskit, name)
        assert ">>> " in (public.__doc__ or ""), name
