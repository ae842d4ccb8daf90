"""Shots from exact probabilities: of measured bit strings, readout errors included.

Which string a shot gives is a draw from these probabilities and nothing else, so that drawing them
all at once is the same as simulating them shot by shot, only faster. One set of shots then serves
every way to mitigate, and the comparison of two ways is not blurred by different shots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from qmoe_qiskit.circuits.angle import basis_projectors
from qmoe_qiskit.moe import MixtureOfExperts, QuantumRouter
from qmoe_qiskit.runs.metrics import Observed, class_codes
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qmoe_qiskit.backends import Backend
    from qmoe_qiskit.circuits import RouterCircuit
    from qmoe_qiskit.data import Dataset
    from qmoe_qiskit.train import QMoEClassifier


def string_probabilities(
    backend: Backend, router: RouterCircuit, inputs_BF: FloatArray, weights_W: FloatArray
) -> FloatArray:
    """Return the probability of each measured bit string, (B, 2^n), read little-endian.

    Args:
        backend: An exact one.
        router: The circuit; its observables do not matter.
        inputs_BF: Inputs.
        weights_W: Weights.
    """
    n = router.n_qubits
    compiled = backend.compile(router.with_observables(basis_projectors(n, 2**n)))
    probabilities_BS = compiled.expectations(inputs_BF, weights_W).values.clip(0.0)
    normalized_BS: FloatArray = probabilities_BS / probabilities_BS.sum(axis=1, keepdims=True)
    return normalized_BS


def frequencies(
    probabilities_BS: FloatArray, shots: int | None, rng: np.random.Generator
) -> FloatArray:
    """Return the share of the shots that gave each string; None for infinitely many shots."""
    if shots is None:
        return probabilities_BS
    drawn_BS: FloatArray = rng.multinomial(shots, probabilities_BS) / shots
    return drawn_BS


def routed(classifier: QMoEClassifier, rows: Dataset, values_BO: FloatArray) -> Observed:
    """Return what a trained model says about rows where its circuit has given these values.

    Args:
        classifier: A fitted one with a quantum router.
        rows: Labelled rows.
        values_BO: The circuit's outputs on them.
    """
    module = classifier.module_
    router = getattr(module.router, "router", module.router)
    assert isinstance(router, QuantumRouter)
    assert router.adapter is not None
    scaled = torch.from_numpy(classifier.feature_map_.scale(rows.features_NF))
    with torch.no_grad():
        weights_NE = torch.softmax(router.adapter(torch.from_numpy(values_BO)), dim=-1)
        logits_NC = MixtureOfExperts(_Given(weights_NE), module.experts)(scaled)
    return Observed(
        codes_N=class_codes(classifier.classes_, rows.labels_N),
        probabilities_NC=torch.softmax(logits_NC, dim=1).numpy(),
        weights_NE=weights_NE.numpy(),
        rows_outside_range=0,
    )


class _Given(nn.Module):
    """A router that has routed already."""

    def __init__(self, weights_NE: Tensor) -> None:
        super().__init__()
        self.weights_NE = weights_NE

    def forward(self, inputs_NF: Tensor) -> Tensor:
        """Return the weights, (N, E)."""
        assert len(inputs_NF) == len(self.weights_NE)
        return self.weights_NE
