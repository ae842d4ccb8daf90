"""Measure what the project promises about speed, beside its peers, in one process.

    python scripts/benchmark.py             # a table
    python scripts/benchmark.py --json      # the same for machines
    python scripts/benchmark.py --markdown  # the same for README.md

Everything runs on one thread. Times are medians; whatever is compared is measured in turns, so that
a change of the machine's speed meets both. PennyLane is measured where it is installed (extra
`bench`); `--slow` adds the stock EstimatorQNN, and AerSimulator.from_backend on a large device.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from benchmark_circuits import measure_circuits
from benchmark_experts import measure_experts
from benchmark_hardware import measure_hardware
from benchmark_layer import measure_layer
from benchmark_noise import measure_noise
from benchmark_startup import measure_startup
from benchmark_studies import measure_noise_study
from measuring import (
    Row,
    forward_backward,
    in_process,
    in_turns,
    moons_batch,
    training_step,
)
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits
from torch import Tensor

from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.data import load_dataset, split_dataset
from qmoe_qiskit.moe import LinearRouter, MLPRouter, QuantumRouter
from qmoe_qiskit.train import QMoEClassifier

SIZES = ((2, 3, 32), (4, 3, 32), (8, 4, 64), (10, 4, 64))  # qubits, layers, batch


def measure_training_step() -> list[Row]:
    """Time the hybrid model's step over those of its controls."""
    features, labels = moons_batch()
    times = in_turns(
        {
            "hybrid": training_step(QuantumRouter(angle_router(2, 3), 2), features, labels),
            "mlp:16 control": training_step(MLPRouter(2, 2, hidden=16), features, labels),
            "linear control": training_step(LinearRouter(2, 2), features, labels),
        }
    )
    hybrid = times.pop("hybrid")
    rows = [
        Row(
            what="training step, paper's hybrid model, batch 32",
            ours=hybrid,
            unit="ms",
            peers=times,
        )
    ]
    rows += [
        Row(
            what=f"training step, hybrid over {name}",
            ours=hybrid / control,
            unit="x",
            peers={},
            goal="at most 2.0",
            met=hybrid / control <= 2.0,
        )
        for name, control in times.items()
    ]
    return rows


def pennylane_forward_backward(
    device: str, method: str, n_qubits: int, n_layers: int, batch: int
) -> Callable[[], object]:
    """Return the same for a PennyLane device under torch."""
    import pennylane as qml

    wires = range(n_qubits)

    @qml.qnode(qml.device(device, wires=n_qubits), interface="torch", diff_method=method)  # type: ignore[untyped-decorator]
    def circuit(inputs: Tensor, weights: Tensor) -> list[object]:
        qml.AngleEmbedding(inputs, wires)
        qml.StronglyEntanglingLayers(weights, wires)
        return [qml.expval(qml.PauliZ(w)) for w in wires]

    generator = torch.Generator().manual_seed(0)
    inputs = torch.rand(batch, n_qubits, dtype=torch.float64, generator=generator) * math.pi
    weights = torch.rand(n_layers, n_qubits, 3, dtype=torch.float64, generator=generator)
    weights.requires_grad_()

    def action() -> None:
        weights.grad = None
        torch.autograd.backward(torch.stack(tuple(circuit(inputs, weights))).sum())

    return action


def measure_forward_backward() -> list[Row]:
    """Time forward + backward at several sizes."""
    rows = []
    for n_qubits, n_layers, batch in SIZES:
        size = (n_qubits, n_layers, batch)
        actions = {"ours": forward_backward(*size)}
        if find_spec("pennylane"):
            actions["default.qubit"] = pennylane_forward_backward(
                "default.qubit", "backprop", *size
            )
            if n_qubits == 2 and find_spec("pennylane_lightning"):
                actions["lightning.qubit"] = pennylane_forward_backward(
                    "lightning.qubit", "adjoint", *size
                )
        quick = n_qubits < 8
        times = in_turns(actions, rounds=5, block=10 if quick else 3)
        ours = times.pop("ours")
        share = 12 if n_qubits == 2 else 6
        reference = times.get("default.qubit")
        rows.append(
            Row(
                what=f"forward + backward, {n_qubits} qubits x {n_layers} layers, batch {batch}",
                ours=ours,
                unit="ms",
                peers=times,
                goal=f"at most 1/{share} of default.qubit",
                met=None if reference is None else ours <= reference / share,
            )
        )
    return rows


_WIDE = """
import json, resource, sys, time
sys.path.insert(0, {scripts!r})
from measuring import forward_backward
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
action = forward_backward(16, 3, 32)
start = time.perf_counter(); action(); seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([seconds, peak / 2**20, before / 2**20]))
"""

_COMPILE = """
import json, time
import qiskit_aer
from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import angle_router
times = []
for n in (2, 4, 6, 8):
    router = angle_router(n, 3)
    start = time.perf_counter()
    open_backend("statevector").compile(router)
    times.append(time.perf_counter() - start)
print(json.dumps(times))
"""


def measure_wide() -> Row:
    """Evaluate 16 qubits in a process of its own, for its peak memory."""
    seconds, peak, _ = in_process(_WIDE.format(scripts=str(Path(__file__).parent)))
    return Row(
        what=f"forward + backward, 16 qubits x 3 layers, batch 32 ({seconds:.2f} s): peak memory",
        ours=peak,
        unit="GiB",
        peers={},
        goal="at most 4",
        met=peak <= 4,
    )


def measure_compile() -> Row:
    """Open and compile in fresh processes: the slowest of 2, 4, 6 and 8 qubits, median of 3."""
    slowest = float(np.median([max(in_process(_COMPILE)) for _ in range(3)]))
    return Row(
        what="open backend + compile router, slowest of 2 to 8 qubits, fresh process",
        ours=slowest,
        unit="s",
        peers={},
        goal="at most 0.2",
        met=slowest <= 0.2,
    )


def measure_help() -> Row:
    """Time `qmoe --help` as a process."""
    command = [str(Path(sys.executable).with_name("qmoe")), "--help"]
    times = []
    for _ in range(6):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    seconds = float(np.median(times[1:]))
    return Row(
        what="`qmoe --help`",
        ours=seconds,
        unit="s",
        peers={},
        goal="at most 0.5",
        met=seconds <= 0.5,
    )


def measure_accuracy() -> Row:
    """Train the paper's model on five seeds; accuracy on held-out points."""
    scores: dict[str, list[float]] = {r: [] for r in ("quantum", "linear", "mlp:16", "fourier")}
    for seed in range(5):
        split = split_dataset(load_dataset("moons", n_samples=1000, seed=seed), seed=seed)
        for router, accuracies in scores.items():
            model = QMoEClassifier(router, random_state=seed, verbose=False)
            model.fit(split.train.features_NF, split.train.labels_N)
            inside = model.feature_map_.scale(split.test.features_NF)
            with torch.no_grad():
                codes = model.module_(torch.from_numpy(inside)).argmax(1).numpy()
            accuracies.append(float(np.mean(model.classes_[codes] == split.test.labels_N)))
    medians = {router: float(np.median(accuracies)) for router, accuracies in scores.items()}
    median = medians.pop("quantum")
    return Row(
        what="held-out accuracy, paper's model on Two Moons, median of 5 seeds",
        ours=median,
        unit="",
        peers=medians,
        goal="at least 0.98",
        met=median >= 0.98,
    )


def measure_estimator_qnn() -> Row:
    """Time one training step of the stock EstimatorQNN on Aer."""
    from qiskit_aer.primitives import EstimatorV2
    from qiskit_machine_learning.neural_networks import EstimatorQNN

    router = angle_router(2, 3)
    network = EstimatorQNN(
        circuit=router.circuit,
        observables=list(router.observables),
        input_params=list(router.inputs),
        weight_params=list(router.weights),
        estimator=EstimatorV2(),
    )
    rng = np.random.default_rng(0)
    inputs, weights = rng.uniform(0, np.pi, (32, 2)), rng.uniform(-1, 1, router.n_weights)
    start = time.perf_counter()
    network.forward(inputs, weights)
    network.backward(inputs, weights)
    stock = time.perf_counter() - start
    ours = in_turns({"ours": forward_backward(2, 3, 32)}, rounds=3)["ours"]
    return Row(
        what="forward + backward, 2 qubits x 3 layers, batch 32, against the stock network",
        ours=ours,
        unit="ms",
        peers={"EstimatorQNN on Aer": 1e3 * stock},
    )


def measure(*, slow: bool) -> list[Row]:
    """Measure everything."""
    rows = [*measure_training_step(), *measure_forward_backward(), *measure_circuits()]
    if slow:
        rows.append(measure_estimator_qnn())
    rows += [measure_wide(), measure_compile(), measure_help(), measure_accuracy()]
    rows += measure_startup()
    return [
        *rows,
        *measure_noise(slow=slow),
        *measure_hardware(),
        *measure_experts(),
        *measure_layer(),
        *measure_noise_study(slow=slow),
    ]


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def _cells(row: Row) -> list[str]:
    peers = ", ".join(f"{name} {_figure(value)}" for name, value in row.peers.items())
    met = {True: "yes", False: "NO", None: ""}[row.met]
    return [row.what, f"{_figure(row.ours)} {row.unit}".strip(), peers, row.goal, met]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--markdown", action="store_true", help="a Markdown table on stdout")
    parser.add_argument("--slow", action="store_true", help="add the stock EstimatorQNN")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        rows = measure(slow=options.slow)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    heads = ["what", "ours", "peers", "goal", "met"]
    if options.json:
        print(json.dumps({"machine": machine, "rows": [asdict(row) for row in rows]}, indent=2))
    elif options.markdown:
        print("| " + " | ".join(heads) + " |\n" + "| --- " * len(heads) + "|")
        for row in rows:
            print("| " + " | ".join(_cells(row)) + " |")
    else:
        table = Table(*heads, title=f"qmoe-qiskit on {machine}, one thread, medians")
        for row in rows:
            table.add_row(*_cells(row))
        Console().print(table)


if __name__ == "__main__":
    main()
