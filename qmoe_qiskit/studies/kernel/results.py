"""The results of the study of kernels: kernels and machines by data set, dimensions by router."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.engine.results_frame import ResultsFrame
from qmoe_qiskit.studies.kernel.effective_dimension import DimensionTask
from qmoe_qiskit.studies.kernel.task import KernelTask
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qmoe_qiskit.studies.kernel.settings import KernelSettings

# Names of the kernels for tables and figures.
_LABELS = {
    "quantum": "quantum, 1 upload",
    "quantum-bandwidth": "quantum, 1 upload, tuned width",
    "quantum-initial": "quantum, {uploads} uploads, untrained",
    "quantum-trained": "quantum, {uploads} uploads, trained",
    "rbf": "RBF, tuned gamma",
    "linear": "linear",
}
KERNELS = tuple(_LABELS)
# Where the parameters of an effective dimension are drawn from, see `effective_dimension.BOXES`.
BOX_NAMES = {"initial": "where training starts", "unit": "[-1, 1]"}


class KernelResults:
    """The results of a study of kernels.

    Shapes: N seeds.

    Attributes:
        settings: Settings of the study.
        by_data: Results of the kernel tasks, by data set.
        by_router: Results of the effective dimensions, by box and router.
    """

    def __init__(
        self, settings: KernelSettings, seeds: Sequence[int], results: Sequence[TaskResult]
    ) -> None:
        self.settings = settings
        self.by_data = ResultsFrame(
            KernelTask, seeds, results, lambda t: t.training.data, lambda t: t.training.seed
        )
        self.by_router = ResultsFrame(
            DimensionTask,
            seeds,
            results,
            lambda task: (task.box, task.training.router),
            lambda task: task.training.seed,
        )

    def kernel(self, data: str, kernel: str, *path: str) -> FloatArray:
        """Return the numbers at a path in a kernel's part of the results, (N, ...)."""
        return self.by_data.values(data, "kernels", kernel, *path)

    def machine(self, data: str, kernel: str) -> FloatArray:
        """Return the held-out accuracy of the support vector machine on a kernel, (N,)."""
        return self.kernel(data, kernel, "svm", "accuracy")

    def mixture(self, data: str, uploads: int) -> FloatArray:
        """Return the held-out accuracy of the mixture with a quantum router, (N,)."""
        return self.by_data.values(data, "mixtures", str(uploads))

    def models(self, data: str) -> dict[str, FloatArray]:
        """Return the held-out accuracies of all models by their names, (N,) each."""
        uploads = self.settings.uploads
        return {
            "mixture, 1 upload": self.mixture(data, 1),
            f"mixture, {uploads} uploads": self.mixture(data, uploads),
            **{f"SVM on {self.label(kernel)}": self.machine(data, kernel) for kernel in KERNELS},
        }

    def dimension(self, box: str, router: str, size: int) -> FloatArray:
        """Return the effective dimension per parameter, (N,)."""
        index = self.settings.sizes.index(size)
        dimensions_N = self.by_router.values((box, router), "dimensions", index)
        return dimensions_N / self.by_router.values((box, router), "n_parameters")

    def parameters(self, box: str, router: str) -> tuple[int, int]:
        """Return the number of a router's parameters, and the largest rank of its Fisher matrix."""
        results = self.by_router.results((box, router))
        return results[0]["n_parameters"], max(result["rank"] for result in results)

    def largest_rank(self, data: str, kernel: str) -> int:
        """Return the largest rank that the Gram matrix of a kernel can have."""
        first = self.by_data.results(data)[0]
        n_inputs, n_train = int(first["n_inputs"]), int(first["n_train"])
        if kernel == "linear":
            return min(n_inputs, n_train)
        if kernel == "rbf":
            return n_train
        uploads = 1 if kernel in {"quantum", "quantum-bandwidth"} else self.settings.uploads
        return int(min((2 * uploads + 1) ** n_inputs, 4**n_inputs, n_train))

    def label(self, kernel: str) -> str:
        """Return a kernel's name for tables and figures."""
        return _LABELS[kernel].format(uploads=self.settings.uploads)
