"""Data sets: built-in ones, the user's own files, and the split that keeps test data apart.

Nothing is downloaded and nothing is scaled here: the classifier owns the scaler.

Shapes: N rows, F features, C classes, K drawn rows, P pixels, R rows and C columns of an image.
"""

from typing import TYPE_CHECKING

from qmoe_qiskit.lazy import load_lazily

if TYPE_CHECKING:
    from qmoe_qiskit.data.dataset import Dataset, FeatureTable
    from qmoe_qiskit.data.loading import load_dataset, load_features
    from qmoe_qiskit.data.registry import DATASETS, list_datasets
    from qmoe_qiskit.data.sampling import Split, split_dataset

__all__ = [
    "DATASETS",
    "Dataset",
    "FeatureTable",
    "Split",
    "list_datasets",
    "load_dataset",
    "load_features",
    "split_dataset",
]

__getattr__, __dir__ = load_lazily(
    "qmoe_qiskit.data",
    {
        ".dataset": ["Dataset", "FeatureTable"],
        ".loading": ["load_dataset", "load_features"],
        ".registry": ["DATASETS", "list_datasets"],
        ".sampling": ["Split", "split_dataset"],
    },
)
