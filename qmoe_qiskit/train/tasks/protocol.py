"""What a training needs to know about the targets of its rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qmoe_qiskit.train.estimator import MixtureEstimator
    from qmoe_qiskit.train.rows import TargetRows


ModelT_contra = TypeVar("ModelT_contra", bound="MixtureEstimator", contravariant=True)


class Task(Protocol[ModelT_contra]):
    """A kind of targets. What it learns of them is kept in the attributes of the estimator.

    Attributes:
        name: Name in files and messages.
        criteria: Losses that users choose by name.
        routings: Routings that the targets allow.
    """

    name: str
    criteria: Mapping[str, type[nn.Module]]
    routings: tuple[str, ...]

    def read_rows(
        self, model: ModelT_contra, X: ArrayLike, y: ArrayLike, *, reset: bool
    ) -> tuple[FloatArray, NDArray[Any]]:
        """Return features (N, F) and checked targets, as scikit-learn accepts them."""

    def learn(
        self,
        model: ModelT_contra,
        y: NDArray[Any],
        classes: ArrayLike | None,
        *,
        goes_on: bool,
        incremental: bool,
    ) -> NDArray[Any]:
        """Return targets as numbers, (N,) or (N, T), and keep what they stand for.

        Raises:
            InputError: If they cannot be learned.
        """

    def row_weights(
        self,
        model: ModelT_contra,
        features_NF: FloatArray,
        targets_N: NDArray[Any],
        sample_weight: ArrayLike | None,
        *,
        of_targets: bool,
    ) -> FloatArray | None:
        """Return the weights of the rows, (N,), or None if all weigh the same.

        With `of_targets`, weights that the settings give to targets are included.
        """

    def check_remaining(self, model: ModelT_contra, targets_N: NDArray[Any]) -> None:
        """Check the targets of the rows that weigh more than zero.

        Raises:
            InputError: If they are too few.
        """

    def hold_out(
        self, targets_N: NDArray[Any], fraction: float, *, seed: int
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the numbers of the training and of the validation rows."""

    def fit_scale(self, model: ModelT_contra, rows: TargetRows) -> None:
        """Keep how the targets of the training rows are scaled, if they are."""

    def tensor(self, model: ModelT_contra, targets_N: NDArray[Any]) -> torch.Tensor:
        """Return targets as the loss takes them."""

    def example(self, n_outputs: int) -> torch.Tensor:
        """Return targets of `n_outputs` + 1 rows to try a loss on."""

    def n_outputs(self, model: ModelT_contra) -> int:
        """Return the number of outputs of every expert."""

    def document(self, model: ModelT_contra) -> dict[str, Any]:
        """Return what was learned of the targets, in JSON types."""

    def restore(self, model: ModelT_contra, config: Mapping[str, Any]) -> None:
        """Give a model back what `document` returned.

        Raises:
            RunError, KeyError, TypeError or ValueError: If it is damaged.
        """
