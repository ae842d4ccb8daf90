"""Opening backends by name, and importing the package under its own."""

from __future__ import annotations

import importlib.util
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest

import qmoe_qiskit.backends
from qmoe_qiskit.backends import (
    ENGINES,
    Backend,
    BackendSpec,
    StatevectorBackend,
    list_backends,
    open_backend,
)
from qmoe_qiskit.backends.open import BACKENDS, BackendKind, BackendSettings, backends_help
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles import load_profile


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


def test_a_kind_of_backend_is_added_in_one_place() -> None:
    def forms() -> dict[str, str]:
        return {"twice": "the statevector by another name"}

    def open_twice(settings: BackendSettings) -> Backend:
        settings.refuse_runtime_settings()
        return StatevectorBackend(engine=settings.engine, seed=settings.seed)

    BACKENDS.register(
        BackendKind(name="twice", help="a made-up kind", forms=forms, open=open_twice)
    )
    try:
        assert open_backend("twice", engine="aer") == StatevectorBackend(engine="aer")
        assert "twice" in list_backends()
        assert backends_help("twice") == "twice (the statevector by another name)"
        with pytest.raises(InputError, match="unknown backend 'twice:2': known are"):
            open_backend("twice:2")
        with pytest.raises(InputError, match="'twice' has no options, ledger or budget"):
            open_backend("twice", budget_s=1.0)
    finally:
        del BACKENDS._entries["twice"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"backend": 3}, "backend must be a name, such as 'statevector', .* got 3"),
        ({"shots": 0}, "shots must be a whole number of at least 1, got 0"),
        ({"mitigation": "zme"}, "unknown mitigation 'zme'.*did you mean 'zne'"),
        ({"device_qubits": "3,4"}, "device_qubits must be None or numbers of qubits.* got '3,4'"),
        ({"device_qubits": ()}, "device_qubits must be None or numbers of qubits"),
    ],
)
def test_impossible_choices_are_refused_before_anything_is_opened(
    settings: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        BackendSpec(**settings)


def test_a_choice_of_a_backend_opens_it() -> None:
    spec = BackendSpec(backend="noisy:ibmq_manila", shots=10, device_qubits=np.array([1, 2]))
    assert spec.open(seed=3) == open_backend("noisy:ibmq_manila", shots=10, seed=3, qubits=(1, 2))
    profile = load_profile("ibmq_manila")
    assert BackendSpec(backend=profile).open() == open_backend("noisy:ibmq_manila")
    opened = open_backend("statevector")
    assert BackendSpec(backend=opened).open() is opened
    with pytest.raises(InputError, match="'statevector' is open already"):
        BackendSpec(backend=opened, shots=3).open()
    with pytest.raises(InputError, match="a noise profile has no options"):
        BackendSpec(backend=profile, options={}).open()


def test_another_backend_has_none_of_the_old_settings() -> None:
    trained = BackendSpec(backend="noisy:ibmq_manila", shots=10, mitigation="readout")
    assert trained.replaced() == trained
    assert trained.replaced(shots=20) == BackendSpec(
        backend="noisy:ibmq_manila", shots=20, mitigation="readout"
    )
    assert trained.replaced(backend="noisy:ibm_fez", device_qubits=[1]) == BackendSpec(
        backend="noisy:ibm_fez", device_qubits=(1,)
    )
