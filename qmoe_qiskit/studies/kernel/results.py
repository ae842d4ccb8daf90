"""The results of the study of kernels, by what they are of; one value a seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qmoe_qiskit.studies.engine.results import TaskResult
    from qmoe_qiskit.studies.kernel.settings import KernelSettings

KERNELS = (
    "quantum",
    "quantum-bandwidth",
    "quantum-initial",
    "quantum-trained",
    "rbf",
    "linear",
)
# Where parameters are drawn from for effective dimensions, see `kernel_dimension.BOXES`.
BOX_NAMES = {"initial": "where training starts", "unit": "[-1, 1]"}


class Found:
    """The results of a study.

    Args:
        settings: Of the study.
        results: In the order of its tasks.
    """

    def __init__(self, settings: KernelSettings, results: Sequence[TaskResult]) -> None:
        self.settings = settings
        cases: list[Any] = [*settings.data, *settings.dimension_cases]
        self._results = {
            case: [result.result for result in results[index :: len(cases)]]
            for index, case in enumerate(cases)
        }

    def kernel(self, data: str, kernel: str, read: str) -> FloatArray:
        """Return a number of a kernel; "svm" is the accuracy of the machine on it."""
        entries = [result["kernels"][kernel] for result in self._results[data]]
        if read == "svm":
            return np.array([entry["svm"]["accuracy"] for entry in entries])
        return np.array([entry[read] for entry in entries], dtype=np.float64)

    def spectra(self, data: str, kernel: str) -> FloatArray:
        """Return the largest eigenvalues of a Gram matrix as shares of their sum, (seeds, K)."""
        entries = [result["kernels"][kernel]["spectrum"] for result in self._results[data]]
        return np.array(entries)

    def mixture(self, data: str, uploads: int) -> FloatArray:
        """Return the accuracy of the mixture behind a quantum router."""
        return np.array([result["mixtures"][str(uploads)] for result in self._results[data]])

    def machines(self, data: str) -> dict[str, FloatArray]:
        """Return the accuracies of all models by their names."""
        uploads = self.settings.uploads
        return {
            "mixture, 1 upload": self.mixture(data, 1),
            f"mixture, {uploads} uploads": self.mixture(data, uploads),
            **{
                f"SVM on {self.label(kernel)}": self.kernel(data, kernel, "svm")
                for kernel in KERNELS
            },
        }

    def dimension(self, box: str, router: str, size: int) -> FloatArray:
        """Return the effective dimension per parameter."""
        index = self.settings.sizes.index(size)
        entries = self._results[box, router]
        return np.array([entry["dimensions"][index] / entry["n_parameters"] for entry in entries])

    def parameters(self, box: str, router: str) -> tuple[int, int]:
        """Return the number of a router's parameters, and the largest rank of its Fisher matrix."""
        entries = self._results[box, router]
        return entries[0]["n_parameters"], max(entry["rank"] for entry in entries)

    def largest_rank(self, data: str, kernel: str) -> int:
        """Return what the rank of a kernel's Gram matrix can be at most."""
        first = self._results[data][0]
        n_inputs, n_train = first["n_inputs"], first["n_train"]
        if kernel == "linear":
            return min(int(n_inputs), int(n_train))
        if kernel == "rbf":
            return int(n_train)
        uploads = 1 if kernel in {"quantum", "quantum-bandwidth"} else self.settings.uploads
        return int(min((2 * uploads + 1) ** n_inputs, 4**n_inputs, n_train))

    def label(self, kernel: str) -> str:
        """Return a kernel's name for tables and figures."""
        uploads = f"{self.settings.uploads} uploads"
        return {
            "quantum": "quantum, 1 upload",
            "quantum-bandwidth": "quantum, 1 upload, tuned width",
            "quantum-initial": f"quantum, {uploads}, untrained",
            "quantum-trained": f"quantum, {uploads}, trained",
            "rbf": "RBF, tuned gamma",
            "linear": "linear",
        }[kernel]
