"""The results of the study of kernels: kernels and machines by data set, dimensions by router."""

from collections.abc import Sequence

from qmoe_qiskit.stats import Claim
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.engine.results_frame import ResultsFrame
from qmoe_qiskit.studies.kernel.effective_dimension import DimensionTask
from qmoe_qiskit.studies.kernel.settings import KernelSettings
from qmoe_qiskit.studies.kernel.task import KernelTask
from qmoe_qiskit.studies.training.routers import label
from qmoe_qiskit.typing import FloatArray

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

    def dimensions(self, box: str, router: str) -> FloatArray:
        """Return the effective dimension per parameter at each of `sizes`, (N, S)."""
        dimensions_NS = self.by_router.values((box, router), "dimensions")
        return dimensions_NS / self.by_router.values((box, router), "n_parameters")[:, None]

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


# The kernels that are compared with the RBF kernel, and all pairs whose alignment is compared.
_CLAIMED = ("quantum", "quantum-bandwidth", "quantum-trained")
_PAIRS = (*((kernel, "rbf") for kernel in _CLAIMED), ("quantum-trained", "quantum-initial"))


def n_claims(settings: KernelSettings) -> int:
    """Count the claims about kernels, machines and effective dimensions."""
    ends = 1 if len(settings.sizes) == 1 else 2
    return len(settings.data) * (len(_PAIRS) + len(_CLAIMED) + 1) + (
        len(settings.boxes) * len(settings.dimension_controls) * ends
    )


def alignment_claims(found: KernelResults) -> list[Claim]:
    """Return the claims about kernels."""
    return [
        Claim(
            text=(
                f"{data}: the kernel {found.label(one)!r} is better aligned with the labels "
                f"than {found.label(other)!r}"
            ),
            differences_N=found.kernel(data, one, "held_out")
            - found.kernel(data, other, "held_out"),
            margin=found.settings.alignment_margin,
        )
        for data in found.settings.data
        for one, other in _PAIRS
    ]


def machine_claims(found: KernelResults) -> list[Claim]:
    """Return the claims about support vector machines on the kernels."""
    margin = found.settings.margin
    claims = []
    for data in found.settings.data:
        claims += [
            Claim(
                text=(
                    f"{data}: a support vector machine on {found.label(kernel)!r} is more accurate "
                    f"than one on {found.label('rbf')!r}"
                ),
                differences_N=found.machine(data, kernel) - found.machine(data, "rbf"),
                margin=margin,
            )
            for kernel in _CLAIMED
        ]
        claims.append(
            Claim(
                text=(
                    f"{data}: the mixture with the paper's router is more accurate than a "
                    "support vector machine on the router's kernel"
                ),
                differences_N=found.mixture(data, 1) - found.machine(data, "quantum"),
                margin=margin,
            )
        )
    return claims


def dimension_claims(found: KernelResults) -> list[Claim]:
    """Return the claims about effective dimensions."""
    settings = found.settings
    ends = dict.fromkeys((0, settings.sizes.index(settings.sizes[-1])))
    return [
        Claim(
            text=(
                f"the quantum router has a larger effective dimension per parameter than the "
                f"{label(control)} router (parameters from {BOX_NAMES[box]}, "
                f"{settings.sizes[k]:,} rows)"
            ),
            differences_N=leads_NS[:, k],
            margin=settings.dimension_margin,
        )
        for box in settings.boxes
        for control in settings.dimension_controls
        for leads_NS in [found.dimensions(box, "quantum") - found.dimensions(box, control)]
        for k in ends
    ]
