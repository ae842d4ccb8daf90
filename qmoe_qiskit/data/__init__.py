"""Data sets: built-in ones, the user's own files, and the split that keeps test data apart.

Nothing is downloaded and nothing is scaled here: the classifier owns the scaler.
"""

from __future__ import annotations

from qmoe_qiskit.data.builtin import list_datasets
from qmoe_qiskit.data.dataset import Dataset, FeatureTable
from qmoe_qiskit.data.loading import load_dataset, load_features
from qmoe_qiskit.data.splitting import Split, split_dataset

__all__ = [
    "Dataset",
    "FeatureTable",
    "Split",
    "list_datasets",
    "load_dataset",
    "load_features",
    "split_dataset",
]
