"""Targets that are numbers: every expert has one output per target."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from qmoe_qiskit import limits
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe import ROUTINGS
from qmoe_qiskit.train.loop.optimization import REGRESSION_CRITERIA
from qmoe_qiskit.train.rows import checked_rows
from qmoe_qiskit.train.weights import row_weights
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qmoe_qiskit.train.regressor import QMoERegressor
    from qmoe_qiskit.train.rows import TargetRows

# The fitted attributes are `target_mean_` and `target_scale_`, in units of the targets. Their shape
# is () if y was (N,), and (T,) if it was (N, T): predictions come back in that shape.


class Regression:
    """Numbers, which a training sees with mean 0 and standard deviation 1; see `Task`."""

    name: str = "regression"
    criteria: Mapping[str, type[torch.nn.Module]] = REGRESSION_CRITERIA
    # A drawn expert gives the probability of a label; that of a number needs a density.
    routings: tuple[str, ...] = tuple(name for name in ROUTINGS if name != "sampled")

    def read_rows(
        self, model: QMoERegressor, X: ArrayLike, y: ArrayLike, *, reset: bool
    ) -> tuple[FloatArray, NDArray[Any]]:
        """Return features and targets, (N,) or (N, T), as float64."""
        features_NF, y_N = checked_rows(model, X, y, reset=reset, numbers=True)
        return features_NF, y_N.astype(np.float64)

    def learn(
        self,
        model: QMoERegressor,
        y: NDArray[Any],
        classes: ArrayLike | None,  # noqa: ARG002 - for labels
        *,
        goes_on: bool,
        incremental: bool,  # noqa: ARG002 - for labels
    ) -> FloatArray:
        """Return targets, (N, T)."""
        shape_T = y.shape[1:]
        if goes_on and model.target_mean_.shape != shape_T:
            raise InputError(
                f"y has targets of shape {y.shape}, and training began with "
                f"{('N', *model.target_mean_.shape)}: give the same targets, or train anew with fit"
            )
        if y.size // max(1, len(y)) > limits.CLASSES:
            raise InputError(
                f"y has {y.shape[1]} targets, at most {limits.CLASSES} are accepted: train several "
                "models"
            )
        if not goes_on and len(y) < 2:
            raise InputError(
                "a regression needs at least two rows to scale its targets, got 1 sample"
            )
        if not goes_on:  # `fit_scale` sets the values
            model.target_mean_, model.target_scale_ = np.zeros(shape_T), np.ones(shape_T)
        return y.reshape(len(y), -1)

    def row_weights(
        self,
        model: QMoERegressor,  # noqa: ARG002
        features_NF: FloatArray,
        targets_N: NDArray[Any],
        sample_weight: ArrayLike | None,
        *,
        of_targets: bool,  # noqa: ARG002 - for labels
    ) -> FloatArray | None:
        """Return the given weights of the rows."""
        return row_weights(
            features_NF, targets_N, targets_N[:0], sample_weight=sample_weight, class_weight=None
        )

    def check_remaining(self, model: QMoERegressor, targets_N: NDArray[Any]) -> None:  # noqa: ARG002
        """Check that two rows are left, to scale the targets."""
        if len(targets_N) < 2:
            raise InputError("a regression needs at least two rows that weigh more than zero")

    def hold_out(
        self, targets_N: NDArray[Any], fraction: float, *, seed: int
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return training and validation rows, drawn at random."""
        from sklearn.model_selection import train_test_split

        n_rows = len(targets_N)
        held_out = math.ceil(fraction * n_rows)
        if held_out >= n_rows:
            raise InputError(
                f"early_stopping with validation_fraction={fraction} leaves no training row of "
                f"{n_rows}: use more data, another validation_fraction, or early_stopping=False"
            )
        train, validation = train_test_split(
            np.arange(n_rows), test_size=held_out, random_state=seed
        )
        return train, validation

    def fit_scale(self, model: QMoERegressor, rows: TargetRows) -> None:
        """Keep mean and standard deviation of the training targets."""
        # In units of about the largest target no sum overflows, and no square is rounded to 0;
        # they are powers of 2, which round nothing.
        largest_T = np.abs(rows.targets_N).max(axis=0)
        unit_T = np.ldexp(1.0, np.frexp(largest_T)[1] - 1)
        targets_NT = rows.targets_N / unit_T
        mean_T = np.average(targets_NT, axis=0, weights=rows.weights_N)
        squares_NT = (targets_NT - mean_T) ** 2
        scale_T = np.sqrt(np.average(squares_NT, axis=0, weights=rows.weights_N))
        # A constant target: its deviation from the mean is rounding.
        constant_T = scale_T <= 16 * np.finfo(np.float64).eps * np.abs(mean_T)
        mean_T, scale_T = mean_T * unit_T, scale_T * unit_T
        shape_T = model.target_mean_.shape
        model.target_mean_ = mean_T.reshape(shape_T)
        model.target_scale_ = np.where(constant_T, 1.0, scale_T).reshape(shape_T)

    def tensor(self, model: QMoERegressor, targets_N: NDArray[Any]) -> torch.Tensor:
        """Return standardised targets, (N, T)."""
        scaled_NT = (targets_N - model.target_mean_) / model.target_scale_
        return torch.from_numpy(scaled_NT.reshape(len(targets_N), -1))

    def example(self, n_outputs: int) -> torch.Tensor:
        """Return targets of one row more than outputs."""
        return torch.ones(n_outputs + 1, n_outputs, dtype=torch.float64)

    def n_outputs(self, model: QMoERegressor) -> int:
        """Return the number of targets, T."""
        return int(model.target_mean_.size)

    def document(self, model: QMoERegressor) -> dict[str, Any]:
        """Return the scale of the targets."""
        return {
            "task": self.name,
            "target_mean": model.target_mean_.tolist(),
            "target_scale": model.target_scale_.tolist(),
        }

    def restore(self, model: QMoERegressor, config: Mapping[str, Any]) -> None:
        """Set the scale of the targets."""
        mean_T = np.array(config["target_mean"], dtype=np.float64)
        scale_T = np.array(config["target_scale"], dtype=np.float64)
        if mean_T.shape != scale_T.shape or mean_T.ndim > 1 or mean_T.size > limits.CLASSES:
            raise ValueError(
                f"target_mean {mean_T.shape} and target_scale {scale_T.shape} must be as long"
            )
        if not (np.isfinite(mean_T).all() and np.isfinite(scale_T).all() and (scale_T > 0).all()):
            raise ValueError("target_mean and target_scale must be finite, and the scale positive")
        model.target_mean_, model.target_scale_ = mean_T, scale_T


REGRESSION = Regression()
