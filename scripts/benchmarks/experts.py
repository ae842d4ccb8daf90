"""The experts' part of benchmark.py: quantum ones, and sparse mixtures of many."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from benchmarks.measuring import Row, in_turns
from qmoe_qiskit.data import load_dataset
from qmoe_qiskit.moe import LinearRouter, MixtureOfExperts, build_experts
from qmoe_qiskit.studies.experts.models import ModelSizes, build_model

# MNIST's zeros and ones, as in the authors' notebook of phase 1.
TRAINING_ROWS, TEST_ROWS = 12665, 2115
EPOCHS, BATCH, RATE = 8, 32, 0.01
# A mixture of which few experts run.
SPARSE_EXPERTS, SPARSE_BATCH, FEATURES, HIDDEN = 16, 4096, 64, 256
# What the notebook prints, in s; on a machine of the authors'.
AUTHORS = {"quantum_mixture": 5258.0, "qnn": 1709.0, "relu_mixture": 23.0}
WHAT = {
    "quantum_mixture": "3 quantum experts",
    "qnn": "one QNN",
    "relu_mixture": "3 classical experts",
}


def digits_like_mnist(count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Draw scikit-learn's zeros and ones at 4x4 pixels again and again, with a little noise."""
    digits = load_dataset("digits")
    rows = rng.integers(len(digits.labels_N), size=count)
    noisy_NF = digits.features_NF[rows] + rng.normal(scale=0.25, size=(count, 16))
    features_NF = np.clip(noisy_NF, 0, 16) / 16
    return torch.from_numpy(features_NF), torch.from_numpy(digits.labels_N[rows].astype(np.int64))


def train(name: str) -> tuple[float, float]:
    """Do the notebook's job; return its time in s, and the last accuracy on the test rows."""
    rng = np.random.default_rng(0)
    features, labels = digits_like_mnist(TRAINING_ROWS, rng)
    test_features, test_labels = digits_like_mnist(TEST_ROWS, rng)
    sizes = ModelSizes(n_features=16, n_classes=2, n_experts=3, n_layers=2)
    start = time.perf_counter()
    generator = torch.Generator().manual_seed(0)
    model = build_model(name, sizes, backend="statevector", generator=generator)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    cross_entropy = torch.nn.CrossEntropyLoss()
    for _ in range(EPOCHS):
        for batch in _batches(torch.randperm(TRAINING_ROWS, generator=generator)):
            optimizer.zero_grad()
            cross_entropy(model(features[batch]), labels[batch]).backward()
            optimizer.step()
        with torch.no_grad():
            hits = [
                model(x).argmax(1) == y
                for x, y in zip(_batches(test_features), _batches(test_labels), strict=True)
            ]
    return time.perf_counter() - start, torch.cat(hits).double().mean().item()


def _batches(rows: Tensor) -> tuple[Tensor, ...]:
    return torch.split(rows, BATCH)


def mixture_step(top_k: int | None) -> Callable[[], object]:
    """Return forward and backward of a mixture of 16 perceptrons on a batch."""
    generator = torch.Generator().manual_seed(0)
    mixture = MixtureOfExperts(
        LinearRouter(FEATURES, SPARSE_EXPERTS, generator=generator),
        build_experts(f"mlp:{HIDDEN}", SPARSE_EXPERTS, FEATURES, FEATURES, generator=generator),
        top_k=top_k,
    )
    inputs = torch.randn(SPARSE_BATCH, FEATURES, generator=generator)

    def step() -> None:
        mixture.zero_grad()
        mixture(inputs).square().mean().backward()

    return step


def measure_sparse(n_threads: int) -> Row:
    """Time a sparse mixture over the dense one."""
    actions = {"sparse": mixture_step(2), "dense": mixture_step(None)}
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        times = in_turns(actions, rounds=3, block=4)
    finally:
        torch.set_num_threads(before)
    ratio = times["sparse"] / times["dense"]
    return Row(
        what=f"top-2 of {SPARSE_EXPERTS} experts over all, perceptrons {FEATURES}-{HIDDEN}-"
        f"{FEATURES}, batch {SPARSE_BATCH}, forward + backward, {n_threads} thread(s)",
        ours=ratio,
        unit="x",
        peers={f"{name}, in ms": time_ms for name, time_ms in times.items()},
        goal="at most 0.4",
        met=ratio <= 0.4,
    )


def measure_experts() -> list[Row]:
    """Time the authors' largest job: experts as circuits, amplitude embedding in 4 qubits."""
    rows = [measure_sparse(1), measure_sparse(2)]
    for name, seconds_of_authors in AUTHORS.items():
        seconds, accuracy = train(name)
        goal = 60.0 if name == "quantum_mixture" else None
        rows.append(
            Row(
                what=f"{WHAT[name]}: {TRAINING_ROWS} rows of 16 features, {EPOCHS} epochs, batch "
                f"{BATCH}, {TEST_ROWS} test rows after each (accuracy {accuracy:.3f})",
                ours=seconds,
                unit="s",
                peers={"the authors' notebook, PennyLane on their machine": seconds_of_authors},
                goal="" if goal is None else f"at most {goal:g}",
                met=None if goal is None else seconds <= goal,
            )
        )
    return rows
