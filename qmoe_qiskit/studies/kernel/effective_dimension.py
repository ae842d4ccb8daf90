"""The effective dimension of routers, as Abbas et al. define it (Nat. Comput. Sci. 1, 403, 2021).

A router is a statistical model: it gives the probability of every expert for a row. Its effective
dimension at n rows is

    2 log( mean over parameters of sqrt det(1 + n / (2 pi log n) F) ) / log(n / (2 pi log n))

with F the Fisher information, averaged over the rows and scaled so that its trace, averaged over
the draws of the parameters, is the number of parameters. qiskit-machine-learning computes it from
the outputs of a network and their Jacobian: `RoutingNetwork` turns any router into such a network.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from qiskit_machine_learning.neural_networks import EffectiveDimension, NeuralNetwork
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from qmoe_qiskit.errors import InputError, require_positive, unknown_name
from qmoe_qiskit.moe.torch_connector import RouterConnector
from qmoe_qiskit.studies.engine.results import finite
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.training.effective_parameters import jacobian
from qmoe_qiskit.studies.training.measuring import router_inputs, router_of
from qmoe_qiskit.studies.training.train_task import TrainTask, untrained
from qmoe_qiskit.typing import FloatArray

# Boxes that parameters are drawn from uniformly: the box that training starts from (angles within
# pi, others within 1 / sqrt(number of inputs of their layer)), or [-1, 1] as in Abbas et al.
BOXES = ("initial", "unit")
# Eigenvalues of the Fisher information below this share of the largest count as zero.
TOLERANCE = 1e-12


class RoutingNetwork(NeuralNetwork):
    """A router as a qiskit-machine-learning network, from its parameters to its expert weights.

    Parameters are in the order of `router.parameters()`.

    Args:
        router: Module in float64 that takes points (B, F) to weights (B, E).
        n_inputs: Number of coordinates, F.
        n_experts: Number of experts, E.
    """

    def __init__(self, router: nn.Module, n_inputs: int, n_experts: int) -> None:
        self.router = router
        super().__init__(
            num_inputs=n_inputs,
            num_weights=sum(p.numel() for p in router.parameters()),
            sparse=False,
            output_shape=n_experts,
        )

    def _forward(self, input_data: FloatArray | None, weights: FloatArray | None) -> FloatArray:
        assert weights is not None
        vector_to_parameters(torch.from_numpy(np.array(weights)), self.router.parameters())
        with torch.no_grad():
            values_BE: FloatArray = self.router(torch.from_numpy(input_data)).numpy()
        return values_BE

    def _backward(
        self, input_data: FloatArray | None, weights: FloatArray | None
    ) -> tuple[None, FloatArray]:
        values_BE = self._forward(input_data, weights)
        n_rows, n_experts = values_BE.shape
        ratios_RP = jacobian(self.router, torch.from_numpy(input_data))
        ratios_BRP = ratios_RP.reshape(n_rows, n_experts - 1, -1)
        # Derivatives of log weights: the first one is minus the mean of the ratios' derivatives.
        logs_BEP = np.concatenate([np.zeros_like(ratios_BRP[:, :1]), ratios_BRP], axis=1)
        logs_BEP = logs_BEP - np.einsum("be,bep->bp", values_BE, logs_BEP)[:, None]
        return None, values_BE[:, :, None] * logs_BEP


def bounds(router: nn.Module, box: str) -> FloatArray:
    """Return the largest distance of each parameter from 0, (P,), as `parameters()` orders them."""
    count = len(parameters_to_vector(router.parameters()))
    if box == "unit":
        return np.ones(count)
    reach: dict[int, float] = {}
    for module in router.modules():
        if isinstance(module, nn.Linear):
            reach |= {id(p): 1 / math.sqrt(module.in_features) for p in module.parameters()}
        elif isinstance(module, RouterConnector):
            reach |= {id(p): math.pi for p in module.parameters()}
    return np.concatenate([np.full(p.numel(), reach[id(p)]) for p in router.parameters()])


@dataclass(frozen=True, kw_only=True)
class DimensionTask(Task):
    """Compute the effective dimension of a router on the training rows of a seed.

    Attributes:
        training: Task that defines the router and its points; nothing is trained.
        uploads: Number of uploads of the circuit of a quantum router.
        box: Box that parameters are drawn from, of `BOXES`.
        n_parameters: Number of draws of the parameters.
        n_rows: Number of training rows that the Fisher information is averaged over.
        sizes: Numbers of rows n, rising.
    """

    kind: ClassVar[str] = "effective-dimension"

    training: TrainTask
    uploads: int = 1
    box: str = "initial"
    n_parameters: int = 100
    n_rows: int = 100
    sizes: tuple[int, ...] = (1000, 1_000_000)

    def check(self) -> None:
        """See `Task.check`."""
        self.training.check()
        require_positive("n_parameters", self.n_parameters)
        require_positive("uploads", self.uploads)
        if self.box not in BOXES:
            raise unknown_name("box", self.box, BOXES)
        n_train = len(self.training.load().train.labels_N)
        if require_positive("n_rows", self.n_rows) > n_train:
            raise InputError(
                f"the Fisher information cannot be averaged over {self.n_rows} rows: there are "
                f"{n_train} training rows; use fewer rows, or more samples"
            )
        # Below 18 rows the formula divides by the logarithm of less than 1.
        if len(self.sizes) < 2 or min(self.sizes) < 100 or list(self.sizes) != sorted(self.sizes):
            raise InputError(f"sizes must be two or more numbers from 100 on, got {self.sizes}")

    def run(self) -> dict[str, Any]:
        """Compute.

        Returns:
            n_parameters, the number of parameters; dimensions, one for each size; rank, the largest
            number of eigenvalues of the Fisher information, over the draws, that are not zero.
        """
        rng = np.random.default_rng([self.training.seed, 2])
        split = self.training.load()
        model = untrained(self.training, split, reuploads=self.uploads)
        inputs_NF = router_inputs(model, split.train.features_NF)
        inputs_BF = rng.choice(inputs_NF, self.n_rows, replace=False)
        router = router_of(model)
        reach_P = bounds(router, self.box)
        weights_MP = rng.uniform(-reach_P, reach_P, size=(self.n_parameters, len(reach_P)))
        network = RoutingNetwork(router, inputs_BF.shape[1], self.training.n_experts)
        dimension = EffectiveDimension(network, weights_MP, inputs_BF)
        return {
            "n_parameters": len(reach_P),
            "dimensions": [finite(d) for d in dimensions(dimension, self.sizes)],
            "rank": fisher_rank(dimension),
        }


def dimensions(dimension: EffectiveDimension, sizes: Sequence[int]) -> FloatArray:
    """Return the effective dimension at each of two or more numbers of rows."""
    return np.asarray(dimension.get_effective_dimension(list(sizes)))


def fisher_rank(dimension: EffectiveDimension) -> int:
    """Return the largest rank of the Fisher information over the draws of the parameters."""
    gradients, outputs = dimension.run_monte_carlo()
    fisher = dimension.get_fisher_information(gradients, outputs)
    averaged_MPP, _ = dimension.get_normalized_fisher(fisher)
    values_MP = np.linalg.eigvalsh(averaged_MPP)
    return int(np.max(np.sum(values_MP > TOLERANCE * values_MP.max(), axis=1)))
