"""Numbers of the paper's notebook of phase 1, by data set and model: one seed, no interval."""

from __future__ import annotations

SOURCE = "arXiv:2512.22296, the authors' notebook of phase 1 (PennyLane, default.qubit)"

# The notebook's digits are MNIST's; ours are scikit-learn's, also 4x4 pixels.
TRAINING_ROWS = {"synthetic": 400, "digits": 12665}
EPOCHS = 8

ACCURACY = {
    ("synthetic", "relu_mixture"): 0.88,
    ("synthetic", "qnn"): 0.65,
    ("synthetic", "quantum_mixture"): 0.78,
    ("digits", "relu_mixture"): 0.995,
    ("digits", "qnn"): 0.994,
    ("digits", "quantum_mixture"): 0.993,
}

SECONDS = {
    ("synthetic", "relu_mixture"): 0.58,
    ("synthetic", "qnn"): 61.0,
    ("synthetic", "quantum_mixture"): 172.0,
    ("digits", "relu_mixture"): 23.0,
    ("digits", "qnn"): 1709.0,
    ("digits", "quantum_mixture"): 5258.0,
}
