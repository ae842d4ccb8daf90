"""The table of what users add, and public names that load when they are used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import qmoe_qiskit
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.registry import Entry, Registry


def test_entries_are_found_listed_and_explained() -> None:
    first, second = Entry(name="b", help="the first"), Entry(name="a", help="the second")
    registry = Registry("thing", [first])
    assert registry.register(second) is second
    assert registry.register(second) is second  # again: nothing changes
    assert list(registry) == [first, second]
    assert registry.names == ("b", "a")
    assert registry.get("a") is second
    assert registry.help == "b: the first; a: the second"


@pytest.mark.parametrize("name", ["bb", "", None, ["a"]])
def test_unknown_names_are_answered_with_those_that_exist(name: str) -> None:
    registry = Registry("thing", [Entry(name="b", help=""), Entry(name="a", help="")])
    with pytest.raises(InputError, match=r"unknown thing .*: known are a, b"):
        registry.get(name)


def test_a_name_is_taken_once() -> None:
    registry = Registry("thing", [Entry(name="a", help="")])
    with pytest.raises(InputError, match="thing 'a' exists already: choose another name"):
        registry.register(Entry(name="a", help="another"))


def test_help_texts_load_no_heavy_library() -> None:
    program = (
        "import sys; from qmoe_qiskit.backends import MITIGATIONS, list_backends; "
        "from qmoe_qiskit.data import DATASETS; MITIGATIONS.help, DATASETS.help, list_backends(); "
        "print(*{'numpy', 'qiskit', 'sklearn', 'torch'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_public_names_are_listed_and_unknown_ones_refused() -> None:
    assert set(qmoe_qiskit.__all__) <= set(dir(qmoe_qiskit))
    with pytest.raises(AttributeError, match="module 'qmoe_qiskit' has no attribute 'nothing'"):
        _ = qmoe_qiskit.nothing
