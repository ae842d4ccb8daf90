"""The noisy backend's part of benchmark.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from qiskit import transpile

from benchmarks.measuring import (
    Row,
    forward_backward,
    in_process,
    in_turns,
    moons_batch,
    training_step,
)
from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.moe import QuantumRouter
from qmoe_qiskit.noise_profiles import load_profile

# Ours, once everything is imported: the first import of Qiskit's transpiler and its plugins takes
# a second that every user of it pays.
_OURS = """
import json, time
import numpy as np
import qiskit_aer, qiskit_ibm_runtime
import qmoe_qiskit.backends.noisy.backend, qmoe_qiskit.noise_profiles
from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import angle_router
router = angle_router(2, 3)
rng = np.random.default_rng(0)
inputs, weights = rng.uniform(0, np.pi, (1000, 2)), rng.uniform(-1, 1, 18)
start = time.perf_counter()
compiled = open_backend("noisy:ibm_torino").compile(router)
compiled.expectations(inputs, weights)
cold = time.perf_counter() - start
times = []
for _ in range(20):
    start = time.perf_counter()
    compiled.expectations(inputs, weights)
    times.append(time.perf_counter() - start)
print(json.dumps([cold, float(np.median(times))]))
"""

_AER_FROM_BACKEND = """
import json, time
import numpy as np
from qiskit import transpile
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.fake_provider import FakeTorino
from qmoe_qiskit.circuits import angle_router
router = angle_router(2, 3)
rng = np.random.default_rng(0)
inputs, weights = rng.uniform(0, np.pi, (1000, 2)), rng.uniform(-1, 1, 18)
backend = FakeTorino()
start = time.perf_counter()
simulator = AerSimulator.from_backend(backend, method="density_matrix")
circuit = router.circuit.copy()
circuit.measure_all()
circuit = transpile(circuit, backend, scheduling_method="alap", seed_transpiler=0)
built = time.perf_counter() - start
columns = [*inputs.T.tolist(), *([w] * 1000 for w in weights.tolist())]
binds = dict(zip([*router.inputs, *router.weights], columns))
start = time.perf_counter()
result = simulator.run(circuit, parameter_binds=[binds], shots=1024, seed_simulator=0).result()
assert result.success and len(result.results) == 1000, result.status
print(json.dumps([built, time.perf_counter() - start]))
"""

_WIDE = """
import json, resource, sys, time
sys.path.insert(0, {scripts!r})
from benchmarks.measuring import forward_backward
action = forward_backward(8, 2, 8, "noisy:ibm_fez")
start = time.perf_counter(); action(); seconds = time.perf_counter() - start
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20]))
"""


def measure_inference(*, slow: bool) -> list[Row]:
    """Time 1000 samples under a calibration of 133 qubits."""
    cold, warm = (float(v) for v in np.median([in_process(_OURS) for _ in range(3)], axis=0))
    what = "1000 samples under ibm_torino, exact, readout included"
    rows = [
        Row(
            what=f"{what}: cold backend",
            ours=cold,
            unit="s",
            peers={},
            goal="at most 0.5",
            met=cold <= 0.5,
        ),
        Row(
            what=f"{what}: warm",
            ours=1e3 * warm,
            unit="ms",
            peers={},
            goal="at most 20",
            met=warm <= 0.02,
        ),
    ]
    if slow:
        built, ran = in_process(_AER_FROM_BACKEND)
        for row, seconds in zip(rows, (built + ran, 1e3 * ran), strict=True):
            row.peers["AerSimulator.from_backend, 1024 shots"] = seconds
        ratio = ran / warm
        rows.append(
            Row(
                what=f"{what}: Aer's time over ours, warm",
                ours=ratio,
                unit="x",
                peers={"cold": (built + ran) / cold},
                goal="at least 100",
                met=ratio >= 100,
            )
        )
    return rows


def measure_placing() -> Row:
    """Time the placing of a router on 133 qubits, seven attempts, beside Qiskit's single one."""
    router = angle_router(4, 3)
    backend = open_backend("noisy:ibm_torino")
    target = load_profile("ibm_torino").to_target()
    circuit = router.circuit.copy()
    circuit.measure_all()
    times = in_turns(
        {
            "ours": lambda: backend.compile(router),
            "qiskit.transpile, level 3, once": lambda: transpile(
                circuit, target=target, optimization_level=3, seed_transpiler=0
            ),
        },
        rounds=5,
        block=1,
    )
    return Row(
        what="compile a router of 4 qubits x 3 layers for ibm_torino: seven routings compared, "
        "noise channels included",
        ours=times.pop("ours"),
        unit="ms",
        peers=times,
    )


def measure_noise(*, slow: bool) -> list[Row]:
    """Time exact evaluation under the calibrations of real devices."""
    rows = [*measure_inference(slow=slow), measure_placing()]
    features, labels = moons_batch()
    steps = in_turns(
        {
            name: training_step(QuantumRouter(angle_router(2, 3), 2, name), features, labels)
            for name in ("noisy:ibm_torino", "statevector")
        }
    )
    ratio = steps["noisy:ibm_torino"] / steps["statevector"]
    times = in_turns({"ours": forward_backward(4, 3, 32, "noisy:ibm_fez")}, rounds=5, block=10)
    seconds, peak = in_process(_WIDE.format(scripts=str(Path(__file__).parents[1])))
    return [
        *rows,
        Row(
            what="training step under ibm_torino, exact, over the ideal hybrid step",
            ours=ratio,
            unit="x",
            peers={},
            goal="at most 2.0",
            met=ratio <= 2.0,
        ),
        Row(
            what="forward + backward under ibm_fez (156 qubits), 4 qubits x 3 layers, batch 32",
            ours=times["ours"],
            unit="ms",
            peers={},
            goal="at most 50",
            met=times["ours"] <= 50,
        ),
        Row(
            what="forward + backward under ibm_fez, 8 qubits x 2 layers, batch 8 "
            f"({seconds:.1f} s): peak memory",
            ours=peak,
            unit="GiB",
            peers={},
            goal="at most 4",
            met=peak <= 4,
        ),
    ]
