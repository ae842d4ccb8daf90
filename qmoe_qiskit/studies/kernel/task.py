"""The task of the study `kernel`: kernels of the points of one seed, and machines on them."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from qmoe_qiskit.errors import InputError, require_positive
from qmoe_qiskit.moe import QuantumRouter
from qmoe_qiskit.studies.engine.results import finite
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.kernel.gram import (
    Kernel,
    SplitPoints,
    centred_alignment,
    circuit_kernel,
    eigenvalues,
    gram_rank,
    linear_kernel,
    participation,
    rbf_kernel,
    tuned_machine,
)
from qmoe_qiskit.studies.training.measuring import observe_rows, router_inputs, router_of
from qmoe_qiskit.studies.training.train_task import TrainTask, classifier, trained, untrained
from qmoe_qiskit.train import QMoEClassifier

# Number of eigenvalues in a result, and the share of their sum that small ones are raised to.
SPECTRUM, FLOOR = 30, 1e-12


@dataclass(frozen=True, kw_only=True)
class KernelTask(Task):
    """Train the router, take its kernel, and compare it with others on the same rows.

    The kernels are "quantum" (one upload, which no training changes), "quantum-bandwidth" (the same
    on tuned multiples of the points), "quantum-initial" and "quantum-trained" (several uploads,
    with the weights before and after training), "rbf" and "linear".

    Attributes:
        training: Training of the quantum routers.
        uploads: Number of uploads of the circuit whose kernel the training changes.
        bandwidths: Bandwidths to choose from.
        gammas: Parameters of the RBF kernel to choose from.
        costs: Costs of errors that every machine chooses from.
        folds: Number of folds of the cross-validation that makes these choices.
    """

    kind: ClassVar[str] = "kernel"

    training: TrainTask
    uploads: int = 2
    bandwidths: tuple[float, ...] = (0.25, 0.5, 1.0, 1.5, 2.0)
    gammas: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
    costs: tuple[float, ...] = (0.1, 1.0, 10.0, 100.0, 1000.0)
    folds: int = 5

    def check(self) -> None:
        """See `Task.check`."""
        self.training.check()
        if require_positive("uploads", self.uploads) < 2:
            raise InputError("uploads must be at least 2: the kernel of one cannot be trained")
        split = self.training.load()
        smallest = int(np.unique(split.train.labels_N, return_counts=True)[1].min())
        if not 2 <= require_positive("folds", self.folds) <= smallest:
            raise InputError(
                f"folds is {self.folds}: it must lie between 2 and the {smallest} training rows of "
                "the smallest class"
            )

    def run(self) -> dict[str, Any]:
        """Train and compare.

        Returns:
            n_inputs, the number of coordinates that the routers see; n_train, the number of
            training rows; mixtures, the held-out accuracy of the mixtures with quantum routers, by
            number of uploads; kernels, by name, see `_compared`.
        """
        split = self.training.load()
        features_NF, labels_N = split.train.features_NF, split.train.labels_N
        models = {
            uploads: trained(
                self.training, classifier(self.training, split, reuploads=uploads), split.train
            )
            for uploads in (1, self.uploads)
        }
        model = models[self.uploads]
        rows = SplitPoints(
            train_NF=router_inputs(model, features_NF),
            labels_N=labels_N,
            test_MF=router_inputs(model, split.test.features_NF),
            test_labels_M=split.test.labels_N,
        )
        initial = untrained(self.training, split, reuploads=self.uploads)
        kernels = (
            _circuit_kernel("quantum", models[1]),
            _circuit_kernel("quantum-bandwidth", models[1], self.bandwidths),
            _circuit_kernel("quantum-initial", initial),
            _circuit_kernel("quantum-trained", model),
            rbf_kernel(self.gammas),
            linear_kernel(),
        )
        return {
            "n_inputs": rows.train_NF.shape[1],
            "n_train": len(labels_N),
            "mixtures": {
                str(uploads): float(observe_rows(fitted, split.test).hits_N.mean())
                for uploads, fitted in models.items()
            },
            "kernels": {kernel.name: self._compared(kernel, rows) for kernel in kernels},
        }

    def _compared(self, kernel: Kernel, rows: SplitPoints) -> dict[str, Any]:
        """Measure a kernel.

        Returns:
            parameter with the best alignment on training rows; alignment with the labels on these
            rows, and held_out alignment; rank, participation and spectrum of the Gram matrix of the
            training rows; svm, with accuracy on held-out rows, validation accuracy, and the
            parameter and cost that it chose.
        """
        aligned = [
            centred_alignment(kernel.gram(value, rows.train_NF, rows.train_NF), rows.labels_N)
            for value in kernel.parameters
        ]
        parameter = kernel.parameters[int(np.argmax(aligned))]
        held_out_MM = kernel.gram(parameter, rows.test_MF, rows.test_MF)
        values_N = eigenvalues(kernel.gram(parameter, rows.train_NF, rows.train_NF))
        machine = tuned_machine(
            kernel, rows, costs=self.costs, folds=self.folds, seed=self.training.seed
        )
        return {
            "parameter": parameter,
            "alignment": finite(max(aligned)),
            "held_out": finite(centred_alignment(held_out_MM, rows.test_labels_M)),
            "rank": gram_rank(values_N),
            "participation": finite(participation(values_N)),
            "spectrum": np.maximum(values_N[:SPECTRUM], FLOOR).tolist(),
            "svm": asdict(machine),
        }


def _circuit_kernel(
    name: str, model: QMoEClassifier, bandwidths: tuple[float, ...] = (1.0,)
) -> Kernel:
    """Return the kernel of a classifier's circuit at its weights."""
    router: QuantumRouter = router_of(model)  # type: ignore[assignment]
    weights_W = router.connector.weight.detach().double().numpy()
    return circuit_kernel(name, router.circuit, weights_W, bandwidths)
