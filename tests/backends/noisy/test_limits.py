"""Sizes that must work: time is for the benchmark to say, memory is measured here."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.errors import InputError

PEAK_MB = 4000
PROGRAM = """
import json, resource, sys
import numpy as np
from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import angle_router

n_qubits, n_layers, n_samples = map(int, sys.argv[1:])
router = angle_router(n_qubits, n_layers)
compiled = open_backend("noisy:ibm_fez", seed=1).compile(router)
rng = np.random.default_rng(0)
inputs = rng.uniform(-3, 3, (n_samples, n_qubits))
weights = rng.uniform(-3, 3, router.n_weights)
values, pullback = compiled.vjp(inputs, weights)
d_inputs, d_weights = pullback(np.ones_like(values))
step = 1e-4 * np.eye(router.n_weights)[1]
rise = [compiled.expectations(inputs, weights + s * step).values.sum() for s in (1, -1)]
print(json.dumps({
    "finite": bool(np.isfinite(d_inputs).all() and np.isfinite(d_weights).all()),
    "slope": d_weights[1], "difference": (rise[0] - rise[1]) / 2e-4,
    "qubits": compiled.isa_circuit.num_qubits, "largest": float(abs(values).max()),
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""


@pytest.mark.process
@pytest.mark.parametrize(
    ("n_qubits", "n_layers", "n_samples"),
    [
        (8, 1, 2),
        pytest.param(8, 2, 4, marks=pytest.mark.trial),
        pytest.param(4, 3, 32, marks=pytest.mark.trial),
    ],
)
def test_large_routers_on_a_device_of_156_qubits(
    n_qubits: int, n_layers: int, n_samples: int
) -> None:
    command = [sys.executable, "-c", PROGRAM, str(n_qubits), str(n_layers), str(n_samples)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(run.stdout)
    assert found["qubits"] == 156
    assert found["finite"]
    assert found["largest"] <= 1
    assert found["slope"] == pytest.approx(found["difference"], abs=1e-6)
    assert found["peak_mb"] < PEAK_MB


@pytest.mark.parametrize(
    ("spec", "shots", "n_qubits", "most"),
    [
        ("noisy:ibm_fez", None, 11, 10),
        ("noisy:ideal", None, 11, 10),
        ("noisy:depolarizing:0.1", None, 11, 10),
        ("noisy:ibm_fez", 10, 21, 20),
        ("noisy:depolarizing:0.1", 10, 40, 20),
    ],
)
def test_wider_routers_are_refused_at_once(
    spec: str, shots: int | None, n_qubits: int, most: int
) -> None:
    with pytest.raises(InputError, match=rf"{n_qubits} qubits.* at most {most}"):
        open_backend(spec, shots=shots).compile(angle_router(n_qubits, 1))


def test_sampling_a_wide_router() -> None:
    router = angle_router(16, 1, entanglement="none")
    compiled = open_backend("noisy:readout:0.1", shots=4, seed=1).compile(router)
    inputs_BF = np.zeros((40, 16))
    result = compiled.expectations(inputs_BF, np.zeros(router.n_weights))
    assert result.values.shape == (40, 16)
    assert result.values.mean() == pytest.approx(0.8, abs=0.1)
