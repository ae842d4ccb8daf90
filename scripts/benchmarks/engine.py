"""Time the exact engine: steps, forward + backward, memory, and what training reaches."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.measuring import (
    Row,
    forward_backward,
    in_process,
    in_turns,
    moons_batch,
    training_step,
)
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
from benchmarks.measuring import forward_backward
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
    seconds, peak, _ = in_process(_WIDE.format(scripts=str(Path(__file__).parents[1])))
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


def measure_engine(*, slow: bool) -> list[Row]:
    """Measure all of it; if `slow`, the stock network too."""
    rows = [*measure_training_step(), *measure_forward_backward()]
    if slow:
        rows.append(measure_estimator_qnn())
    return [*rows, measure_wide(), measure_compile(), measure_accuracy()]
