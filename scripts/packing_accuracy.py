"""How much accuracy does packed execution cost? The best slot alone against all slots at once.

    python scripts/packing_accuracy.py ibm_torino ibm_fez ibm_kingston --seeds 20

Models are trained exactly on Two Moons, with a seed of points, split and weights each, and measured
on held-out rows under the exact noise of each device. The noise has no crosstalk: what is measured
is the cost of using worse qubits than the best.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qmoe_qiskit.backends import BackendSpec, CompiledRouter, open_backend
from qmoe_qiskit.backends.slots.noisy import PackedNoisyRouter
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.data import load_dataset, split_dataset
from qmoe_qiskit.errors import OutOfRangeWarning, QMoEError
from qmoe_qiskit.stats import mean_estimate
from qmoe_qiskit.train import QMoEClassifier, model_state, restore_model
from qmoe_qiskit.typing import FloatArray


@dataclass(frozen=True)
class Compiled:
    """An open backend that has compiled its only circuit already: weights are arguments."""

    name: str
    router: CompiledRouter

    def compile(self, _: RouterCircuit) -> CompiledRouter:
        """Return the compiled router; all models have the same circuit."""
        return self.router


def main() -> None:
    """Read the arguments, train, measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("devices", nargs="*", default=["ibm_torino", "ibm_fez", "ibm_kingston"])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--spacing", type=int, default=1)
    parser.add_argument("--max-error", type=float, help="of a slot; by default as slots='auto'")
    parser.add_argument("--each", action="store_true", help="also each slot alone")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", OutOfRangeWarning)
    models = [_trained(seed) for seed in range(arguments.seeds)]
    exact_N = np.array([model.score(features, labels) for model, features, labels in models])
    print(f"exact router: {100 * exact_N.mean():.2f} %, {len(models)} seeds")
    trained = models[0][0].compiled_router
    assert trained is not None
    circuit = trained.router
    for device in arguments.devices:
        backend = open_backend(
            f"noisy:{device}",
            seed=0,
            slots="auto",
            spacing=arguments.spacing,
            max_error=arguments.max_error,
        )
        packed = backend.compile(circuit)
        assert isinstance(packed, PackedNoisyRouter)
        best = open_backend(f"noisy:{device}", seed=0).compile(circuit)
        alone_N, packed_N = (_accuracies(models, one) for one in (best, packed))
        lost = mean_estimate(100 * (alone_N - packed_N))
        print(
            f"{device}: {len(packed.slots)} slots with expected errors of "
            f"{packed.slots[0].expected_error:.3f} to {packed.slots[-1].expected_error:.3f} (best "
            f"place {best.expected_error:.3f}); best place alone {100 * alone_N.mean():.2f} %, "
            f"packed {100 * packed_N.mean():.2f} %; lost {lost.value:.2f} points, "
            f"{lost.low:.2f} to {lost.high:.2f}; 1000 samples in {-(-1000 // len(packed.slots))} "
            "circuits",
            flush=True,
        )
        if arguments.each:
            _print_each(models, device, packed, alone_N)


def _print_each(
    models: Sequence[tuple[QMoEClassifier, FloatArray, FloatArray]],
    device: str,
    packed: PackedNoisyRouter,
    alone_N: FloatArray,
) -> None:
    for slot in packed.slots:
        here = open_backend(f"noisy:{device}", seed=0, qubits=slot.circuit.active)
        accuracies_N = _accuracies(models, here.compile(packed.router))
        lost = 100 * (alone_N - accuracies_N).mean()
        print(f"  {slot.expected_error:.3f} {slot.qubits}: lost {lost:.2f} points", flush=True)


def _trained(seed: int) -> tuple[QMoEClassifier, FloatArray, FloatArray]:
    """Return a model that was trained with a seed, and its held-out features and labels."""
    split = split_dataset(load_dataset("moons", seed=seed), test_fraction=0.25, seed=seed)
    model = QMoEClassifier(router="quantum", n_experts=2, n_layers=3, random_state=seed)
    model.fit(split.train.features_NF, split.train.labels_N)
    return model, split.test.features_NF, split.test.labels_N


def _accuracies(
    models: Sequence[tuple[QMoEClassifier, FloatArray, FloatArray]], router: CompiledRouter
) -> FloatArray:
    """Return the accuracy of each model whose circuit runs where `router` runs, (N,)."""
    where = BackendSpec(backend=Compiled("noisy:compiled", router))
    return np.array(
        [
            restore_model(model_state(model), where).score(features, labels)
            for model, features, labels in models
        ]
    )


if __name__ == "__main__":
    try:
        main()
    except QMoEError as error:
        sys.exit(f"error: {error}")
