"""What the benchmarks share: rows of the table, timing in turns, and what is timed."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.data import load_dataset
from qmoe_qiskit.moe import MixtureOfExperts, linear_experts


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table.

    Attributes:
        what: What was measured.
        ours: Our figure.
        unit: Its unit.
        peers: The same figure of others.
        goal: What it should reach, in words.
        met: Whether it does; None where the row only informs.
    """

    what: str
    ours: float
    unit: str
    peers: dict[str, float]
    goal: str = ""
    met: bool | None = None


def in_turns(
    actions: dict[str, Callable[[], object]], *, rounds: int = 15, block: int = 40
) -> dict[str, float]:
    """Return each action's median time in ms; actions take turns in blocks of calls."""
    times: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            action()  # brings code and data back into the caches
            for _ in range(block):
                start = time.perf_counter()
                action()
                times[name].append(time.perf_counter() - start)
    return {name: 1e3 * float(np.median(values)) for name, values in times.items()}


def training_step(router: nn.Module, features: Tensor, labels: Tensor) -> Callable[[], object]:
    """Return one step of the paper's training: cross entropy, Adam, batch 32."""
    model = MixtureOfExperts(router, linear_experts(2, 2, 2)).double()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    loss = nn.CrossEntropyLoss()

    def step() -> None:
        optimizer.zero_grad()
        loss(model(features), labels).backward()
        optimizer.step()

    return step


def moons_batch() -> tuple[Tensor, Tensor]:
    """Return a batch of 32 scaled points and their labels."""
    data = load_dataset("moons", n_samples=32)
    low, high = data.features_NF.min(0), data.features_NF.max(0)
    features = torch.from_numpy((data.features_NF - low) / (high - low) * math.pi)
    return features, torch.from_numpy(data.labels_N.astype(np.int64))


def forward_backward(
    n_qubits: int, n_layers: int, batch: int, backend: str = "statevector"
) -> Callable[[], object]:
    """Return one evaluation with the gradient by all weights."""
    router = angle_router(n_qubits, n_layers)
    compiled = open_backend(backend).compile(router)
    rng = np.random.default_rng(0)
    inputs = rng.uniform(0, np.pi, (batch, n_qubits))
    weights = rng.uniform(-np.pi, np.pi, router.n_weights)
    gradient = np.ones((batch, n_qubits))

    def action() -> None:
        _, pullback = compiled.vjp(inputs, weights)
        pullback(gradient, need_inputs=False)

    return action


def in_process(code: str) -> list[float]:
    """Run code in a process of its own, on one thread, and return the list that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    values: list[float] = json.loads(done.stdout)
    return values
