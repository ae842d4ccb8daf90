"""How strongly the routing depends on each feature: derivatives and permutations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from qmoe_qiskit.stats.intervals import Z_95

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qmoe_qiskit.train import QMoEClassifier
    from qmoe_qiskit.typing import FloatArray

_ROWS = 1024  # evaluated at once


@dataclass(frozen=True, kw_only=True, eq=False)
class Sensitivity:
    """The dependence of the routing weights on each feature.

    Weight moves between experts: of two lists of weights, half the sum of the absolute differences
    is the weight that has moved, from 0 to 1.

    Attributes:
        slopes_EF: Mean over the rows of |d weight of expert / d feature|, per range of the feature
            in training; exact derivatives.
        slope_F: Mean over the rows of half the sum of these over the experts: the weight that moves
            per range of the feature.
        slope_error_F: Half the width of its 95 % interval, 1.96 standard errors of that mean.
        moved_F: Weight that moves if the feature's values are permuted over the rows, mean over
            rows and permutations.
        moved_error_F: Standard deviation over the permutations; nan with a single one.
        changed_F: Share of the rows whose expert of largest weight then changes.
        changed_error_F: Standard deviation over the permutations; nan with a single one.
        n_permutations: Number of permutations.
    """

    slopes_EF: FloatArray
    slope_F: FloatArray
    slope_error_F: FloatArray
    moved_F: FloatArray
    moved_error_F: FloatArray
    changed_F: FloatArray
    changed_error_F: FloatArray
    n_permutations: int

    @property
    def order_F(self) -> NDArray[np.intp]:
        """The features from the one that moves most weight to the one that moves least."""
        order: NDArray[np.intp] = np.argsort(-self.moved_F, kind="stable")
        return order


def measure_sensitivity(
    model: QMoEClassifier, features_NF: FloatArray, *, n_permutations: int, seed: int
) -> Sensitivity:
    """Measure the sensitivity of a fitted model's router on rows in raw units."""
    scaled_NF = model.feature_map_.scale(features_NF)
    weights_NE, slopes_NEF = _weights_and_slopes(model, scaled_NF)
    moving_NF = slopes_NEF.sum(axis=1) / 2
    moved_RF, changed_RF = _permuted(model, scaled_NF, weights_NE, n_permutations, seed)
    several = n_permutations > 1
    unknown_F = np.full(scaled_NF.shape[1], np.nan)
    return Sensitivity(
        slopes_EF=slopes_NEF.mean(axis=0),
        slope_F=moving_NF.mean(axis=0),
        slope_error_F=Z_95 * moving_NF.std(axis=0, ddof=1) / np.sqrt(len(moving_NF))
        if len(moving_NF) > 1
        else unknown_F,
        moved_F=moved_RF.mean(axis=0),
        moved_error_F=moved_RF.std(axis=0, ddof=1) if several else unknown_F,
        changed_F=changed_RF.mean(axis=0),
        changed_error_F=changed_RF.std(axis=0, ddof=1) if several else unknown_F,
        n_permutations=n_permutations,
    )


def router_weights(model: QMoEClassifier, scaled_NF: FloatArray) -> FloatArray:
    """Return the weight of every expert, (N, E), for scaled features."""
    with torch.no_grad():
        parts = [
            model.module_.route(x).gates_BE
            for x in torch.split(torch.from_numpy(scaled_NF), 4 * _ROWS)
        ]
    weights_NE: FloatArray = torch.cat(parts).double().numpy()
    return weights_NE


def _weights_and_slopes(
    model: QMoEClassifier, scaled_NF: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return weights (N, E) and |d weight / d feature| per range of the feature, (N, E, F)."""
    features = model.feature_map_
    weights, slopes = [], []
    for part_BF in torch.split(torch.from_numpy(scaled_NF), _ROWS):
        x_BF = part_BF.clone().requires_grad_()
        weights_BE = model.module_.route(x_BF).gates_BE
        n_experts = weights_BE.shape[1]
        by_expert = [
            torch.autograd.grad(weights_BE[:, e].sum(), x_BF, retain_graph=e < n_experts - 1)[0]
            for e in range(n_experts)
        ]
        weights.append(weights_BE.detach())
        slopes.append(torch.stack(by_expert, dim=1).abs() * (features.high - features.low))
    return torch.cat(weights).numpy(), torch.cat(slopes).numpy()


def _permuted(
    model: QMoEClassifier, scaled_NF: FloatArray, weights_NE: FloatArray, repeats: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Return moved weight and share of changed rows by permutation and feature, both (R, F)."""
    rng = np.random.default_rng(seed)
    experts_N = weights_NE.argmax(axis=1)
    moved_RF, changed_RF = (np.zeros((repeats, scaled_NF.shape[1])) for _ in range(2))
    for repeat in range(repeats):
        order_N = rng.permutation(len(scaled_NF))
        for feature in range(scaled_NF.shape[1]):
            permuted_NF = scaled_NF.copy()
            permuted_NF[:, feature] = scaled_NF[order_N, feature]
            now_NE = router_weights(model, permuted_NF)
            moved_RF[repeat, feature] = np.abs(now_NE - weights_NE).sum(axis=1).mean() / 2
            changed_RF[repeat, feature] = (now_NE.argmax(axis=1) != experts_N).mean()
    return moved_RF, changed_RF
