"""Files of surrogates: what is read is what was measured, or one sentence."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from qmoe_qiskit import FourierSurrogate, angle_router, open_backend
from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.io.checked_tensors import read_tensors, write_tensors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WEIGHTS_W = np.linspace(-2, 2, 12)


@pytest.fixture(scope="module")
def measured() -> FourierSurrogate:
    backend = open_backend("noisy:ibm_torino", shots=300, seed=4)
    return FourierSurrogate.measure(backend.compile(angle_router(2, 2)), WEIGHTS_W, points=[3, 5])


@pytest.fixture
def path(measured: FourierSurrogate, tmp_path: Path) -> Path:
    measured.save(tmp_path / "surrogate.safetensors")
    return tmp_path / "surrogate.safetensors"


def test_round_trip(measured: FourierSurrogate, path: Path, rng: np.random.Generator) -> None:
    loaded = FourierSurrogate.load(path, angle_router(2, 2), WEIGHTS_W)
    inputs_BF = rng.uniform(-9, 9, (20, 2))
    before, after = (s.expectations(inputs_BF) for s in (measured, loaded))
    np.testing.assert_array_equal(before.values, after.values)
    np.testing.assert_array_equal(before.std_errors, after.std_errors)
    assert (loaded.shots, loaded.check, loaded.record) == (300, measured.check, measured.record)
    assert loaded.grid == measured.grid
    assert repr(loaded) == repr(measured)
    assert (loaded.physical_qubits, loaded.executions) == (measured.physical_qubits, 17 * 300)
    with pytest.raises(InputError, match="compile its router on 'noisy:ibm_torino'"):
        loaded.device_circuit()


def test_exact_values_and_unknown_errors(tmp_path: Path) -> None:
    exact = FourierSurrogate.measure(
        open_backend("statevector").compile(angle_router(2, 2)), WEIGHTS_W, checks=0
    )
    exact.save(tmp_path / "exact")
    loaded = FourierSurrogate.load(tmp_path / "exact", exact.router)
    assert (loaded.shots, loaded.check) == (None, None)


def test_another_circuit_or_other_weights(path: Path) -> None:
    with pytest.raises(RunError, match="is of another model: its circuit has the hash"):
        FourierSurrogate.load(path, angle_router(2, 2, rotation="y"))
    with pytest.raises(RunError, match="measured with other weights than those of this model"):
        FourierSurrogate.load(path, angle_router(2, 2), WEIGHTS_W + 1)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"there is no surrogate .* make one with"):
        FourierSurrogate.load(tmp_path / "none", angle_router(2, 2))
    with pytest.raises(RunError, match="cannot be read"):
        FourierSurrogate.load(tmp_path, angle_router(2, 2))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RunError, match="a named pipe"):
        FourierSurrogate.load(tmp_path / "pipe", angle_router(2, 2))


def test_no_place_to_write(measured: FourierSurrogate, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be written"):
        measured.save(tmp_path / "none" / "surrogate")


def test_every_flipped_byte_is_noticed(path: Path, rng: np.random.Generator) -> None:
    content = path.read_bytes()
    for at in rng.choice(len(content), 200, replace=False):
        spoilt = bytearray(content)
        spoilt[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(spoilt))
        with pytest.raises(RunError):
            FourierSurrogate.load(path, angle_router(2, 2))


def change(name: str, value: Any) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    def apply(state: dict[str, Any], tensors: dict[str, Any]) -> None:
        if name in tensors:
            tensors[name] = value(tensors[name])
        else:
            *places, last = name.split(".")
            for place in places:
                state = state[place]
            state[last] = value

    return apply


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (change("values_PO", lambda t: t[1:]), "values_PO must be float64"),
        (change("values_PO", lambda t: t.float()), "values_PO must be float64"),
        (change("values_PO", lambda t: t * np.nan), "not finite"),
        (change("std_errors_PO", lambda t: t * np.inf), "not finite"),
        (change("std_errors_PO", lambda t: -t), "negative"),
        (change("weights_W", lambda t: t[1:]), "weights_W must be"),
        (change("counts_F", [10**9, 10**9]), "values_PO must be|std_errors_PO must be"),
        (change("counts_F", [10**30, 3]), "damaged"),
        (change("counts_F", [2, 5]), "at least 3 points"),
        (change("counts_F", [3]), "points are 1 numbers"),
        (change("counts_F", "x"), "damaged"),
        (change("record.shots", 0), "shots are 0"),
        (change("record.shots", 10**12), "shots are"),
        (change("record.backend", None), "damaged"),
        (change("check.passed", "yes"), "damaged"),
        (change("check.z", float("nan")), "damaged"),
        (change("check", {}), "damaged"),
        (change("kind", "qmoe-run"), "damaged"),
        (change("router_hash", 3), "damaged"),
        (change("schema_version", 99), "newer"),
    ],
)
def test_forged_files(
    path: Path, spoil: Callable[[dict[str, Any], dict[str, Any]], None], reason: str
) -> None:
    """Files whose hash fits what they hold."""
    state, tensors = read_tensors(path, "", 10**6)
    spoil(state, tensors)
    write_tensors(path, state, tensors)
    with pytest.raises(RunError, match=reason) as caught:
        FourierSurrogate.load(path, angle_router(2, 2))
    assert len(str(caught.value)) < 500


def test_other_files(path: Path) -> None:
    save_file({"values_PO": torch.zeros(3)}, path)
    with pytest.raises(RunError, match="damaged, or no surrogate"):
        FourierSurrogate.load(path, angle_router(2, 2))
    path.write_text(json.dumps({}))
    with pytest.raises(RunError, match="damaged, or no surrogate"):
        FourierSurrogate.load(path, angle_router(2, 2))
