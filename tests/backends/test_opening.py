"""Opening backends by name, and importing the package under its own."""

from __future__ import annotations

import importlib.util
from dataclasses import FrozenInstanceError

import pytest

import qmoe_qiskit.backends
from qmoe_qiskit.backends import ENGINES, StatevectorBackend, list_backends, open_backend
from qmoe_qiskit.errors import InputError


def test_the_exact_backend_is_the_default_engine_and_frozen() -> None:
    backend = open_backend("statevector", seed=3)
    assert backend == StatevectorBackend(engine="auto", seed=3)
    with pytest.raises(FrozenInstanceError):
        backend.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize("spec", ["statevektor", "", "Statevector", "runtime"])
def test_unknown_backends_are_answered_with_those_that_exist(spec: str) -> None:
    with pytest.raises(InputError) as caught:
        open_backend(spec)
    assert f"unknown backend {spec!r}" in str(caught.value)
    assert all(name in str(caught.value) for name in list_backends())


@pytest.mark.parametrize("engine", ["are", "", "AER", None])
def test_unknown_engines_are_answered_with_those_that_exist(engine: str) -> None:
    with pytest.raises(InputError) as caught:
        open_backend("statevector", engine=engine)
    assert f"unknown engine {engine!r}" in str(caught.value)
    assert set(ENGINES) == {"aer", "auto", "batched"}
    assert all(name in str(caught.value) for name in ENGINES)


def test_the_folder_cannot_be_imported_under_another_name() -> None:
    (folder,) = qmoe_qiskit.backends.__path__
    spec = importlib.util.spec_from_file_location("backends", f"{folder}/__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.raises(ImportError, match=r"qmoe_qiskit\.backends.*'backends'"):
        spec.loader.exec_module(module)
