"""A trained model evaluated with shots, drawn from the exact probabilities of bit strings.

The probabilities are those of measured bit strings, readout errors included. Which string a shot
gives is a draw from them and nothing else, so that drawing all shots at once is the same as
simulating them shot by shot, only faster. One set of shots then serves every method of mitigation,
and different shots do not blur the comparison of two methods.

Shapes: B inputs, F features, W circuit weights, S = 2^n bit strings, O observables, N rows,
E experts, C classes.
"""

import warnings

import numpy as np
import torch
from torch import Tensor, nn

from qmoe_qiskit.backends import Backend
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.circuits.angle import basis_projectors
from qmoe_qiskit.data import Dataset
from qmoe_qiskit.errors import OutOfRangeWarning
from qmoe_qiskit.moe import MixtureOfExperts, QuantumRouter
from qmoe_qiskit.runs.metrics import Observed, class_codes
from qmoe_qiskit.studies.training.measuring import router_of
from qmoe_qiskit.studies.training.train_task import Fitted
from qmoe_qiskit.train import QMoEClassifier
from qmoe_qiskit.typing import FloatArray


def trained_circuit(fitted: Fitted) -> tuple[RouterCircuit, FloatArray, FloatArray]:
    """Return the circuit of a model, its inputs on the held-out rows, (B, F), and weights, (W,)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfRangeWarning)
        parts = fitted.classifier.circuit_arguments(fitted.split.test.features_NF)
    compiled = fitted.classifier.compiled_router
    assert compiled is not None
    return compiled.router, np.concatenate([inputs_BF for inputs_BF, _ in parts]), parts[0][1]


def string_probabilities(
    backend: Backend, router: RouterCircuit, inputs_BF: FloatArray, weights_W: FloatArray
) -> FloatArray:
    """Return the probability of each measured bit string, (B, 2^n), read little-endian.

    Args:
        backend: An exact backend.
        router: The circuit; its observables do not matter.
        inputs_BF: Inputs of the circuit, rad.
        weights_W: Weights of the circuit, rad.
    """
    n = router.n_qubits
    compiled = backend.compile(router.with_observables(basis_projectors(n, 2**n)))
    probabilities_BS = compiled.expectations(inputs_BF, weights_W).values.clip(0.0)
    normalized_BS: FloatArray = probabilities_BS / probabilities_BS.sum(axis=1, keepdims=True)
    return normalized_BS


def sample_frequencies(
    probabilities_BS: FloatArray, shots: int | None, rng: np.random.Generator
) -> FloatArray:
    """Draw shots, and return the share of them that gave each bit string, (B, 2^n).

    Args:
        probabilities_BS: Probability of each bit string.
        shots: Number of shots per input; None stands for infinitely many.
        rng: Source of the draws.
    """
    if shots is None:
        return probabilities_BS
    return np.asarray(rng.multinomial(shots, probabilities_BS) / shots)


def observe_with_values(
    classifier: QMoEClassifier, rows: Dataset, values_BO: FloatArray
) -> Observed:
    """Evaluate a trained model on rows for which its circuit has given these values.

    Args:
        classifier: A fitted classifier with a quantum router.
        rows: Labelled rows.
        values_BO: Outputs of the circuit on the rows.
    """
    router = router_of(classifier)
    assert isinstance(router, QuantumRouter)
    assert router.adapter is not None
    scaled = torch.from_numpy(classifier.feature_map_.scale(rows.features_NF))
    with torch.no_grad():
        weights_NE = torch.softmax(router.adapter(torch.from_numpy(values_BO)), dim=-1)
        logits_NC = MixtureOfExperts(_Given(weights_NE), classifier.module_.experts)(scaled)
    return Observed(
        codes_N=class_codes(classifier.classes_, rows.labels_N),
        probabilities_NC=torch.softmax(logits_NC, dim=1).numpy(),
        weights_NE=weights_NE.numpy(),
        rows_outside_range=0,
    )


def routing_scores(observed: Observed, ideal: Observed) -> dict[str, float]:
    """Return accuracy, and routing_flips: the share of rows with another expert than `ideal`."""
    return {
        "accuracy": float(observed.hits_N.mean()),
        "routing_flips": float((observed.experts_N != ideal.experts_N).mean()),
    }


class _Given(nn.Module):
    """A router whose weights are given."""

    def __init__(self, weights_NE: Tensor) -> None:
        super().__init__()
        self.weights_NE = weights_NE

    def forward(self, inputs_NF: Tensor) -> Tensor:
        """Return the weights, (N, E)."""
        assert len(inputs_NF) == len(self.weights_NE)
        return self.weights_NE
