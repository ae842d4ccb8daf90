"""The examples in the package's docstrings."""

from __future__ import annotations

import doctest
from importlib import import_module
from typing import TYPE_CHECKING

import pytest
from test_structure import modules

if TYPE_CHECKING:
    from pathlib import Path

WITH_EXAMPLES = sorted(
    name for name, path in modules().items() if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # for examples that write files
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    found = doctest.testmod(import_module(name), optionflags=options)
    assert found.attempted
    assert not found.failed
