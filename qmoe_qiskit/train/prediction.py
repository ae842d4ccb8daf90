"""What a fitted mixture says about rows: its outputs, and the experts that serve."""

import copy
from typing import Self

import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from qmoe_qiskit.backends import CompiledRouter
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe import MixtureOfExperts, ProjectedRouter, QuantumRouter
from qmoe_qiskit.moe.votes import check_shots, draw_votes
from qmoe_qiskit.train.features import FeatureMap
from qmoe_qiskit.train.model import compiled_router
from qmoe_qiskit.train.rows import checked_features
from qmoe_qiskit.typing import FloatArray

_PREDICTION_ROWS = 4096


class RoutedPredictions(BaseEstimator):  # type: ignore[misc]  # an untyped base
    """Outputs of a fitted mixture, and the experts that serve.

    Rows X, shape (N, F), may be sparse: they become dense.

    With `routing="sampled"` predictions are those of `n_votes` experts that are drawn for every
    row. Without shots they are drawn from the exact weights, by a generator that `votes_seed_` and
    the content of the row seed: calls repeat. On a backend with shots, the votes are `n_votes` of
    these shots, or all with None: open it with `shots=n_votes` to pay for no more.

    Attributes:
        module_: The trained mixture, on scaled features.
        feature_map_: The fitted feature map.
    """

    module_: MixtureOfExperts
    feature_map_: FeatureMap
    votes_seed_: int

    def routing_weights(self, X: ArrayLike) -> FloatArray:
        """Return the weight of every expert for every row, shape (N, E).

        With `top_k` these are 0 but for K experts per row, and sum to 1 (for K = 1 as
        `MixtureOfExperts` says).
        With `routing="sampled"` these are the probabilities that an expert is drawn with.
        """
        scaled = self._scaled(X)
        with torch.no_grad():
            parts = [self.module_.route(x).gates_BE for x in torch.split(scaled, _PREDICTION_ROWS)]
        return torch.cat(parts).numpy()

    def whole_mixture(self) -> Self:
        """Return the model with `n_votes=None`, which draws no votes; nothing is copied."""
        shown = copy.copy(self)
        if self.get_params(deep=False)["routing"] == "sampled":
            shown.set_params(n_votes=None)
        return shown

    @property
    def drawn_votes(self) -> int | None:
        """Number of votes that predictions draw per row; None if they take the whole mixture."""
        settings = self.get_params(deep=False)
        n_votes: int | None = settings["n_votes"] if settings["routing"] == "sampled" else None
        return n_votes

    @property
    def compiled_router(self) -> CompiledRouter | None:
        """The circuit as compiled for its backend, or None for a classical router."""
        check_is_fitted(self)
        return compiled_router(self.module_)

    def circuit_arguments(self, X: ArrayLike) -> list[tuple[FloatArray, FloatArray]]:
        """Return inputs (B, F) and weights (W,) of each evaluation that `predict_routed` makes.

        Nothing is evaluated: the work of a device is known before the device does it.

        Raises:
            InputError: If the router is classical.
        """
        scaled, router = self._scaled(X), self.module_.router
        quantum = getattr(router, "router", router)
        if not isinstance(quantum, QuantumRouter):
            raise InputError(
                f"router {self.get_params()['router']!r} is classical: it has no circuit to execute"
            )
        weights_W = quantum.connector.weight.detach().double().numpy()
        with torch.no_grad():
            inputs = [
                quantum.circuit_inputs(
                    router.router_inputs(x) if isinstance(router, ProjectedRouter) else x
                )
                for x in torch.split(scaled, _PREDICTION_ROWS)
            ]
        return [(inputs_BF.double().numpy(), weights_W) for inputs_BF in inputs]

    def _outputs(self, X: ArrayLike) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the outputs of the mixture, (N, C), and the weights of the experts, (N, E)."""
        scaled = self._scaled(X)
        if self.drawn_votes is not None:
            return self._voted(scaled, self.drawn_votes)
        outputs, weights = [], []
        with torch.no_grad():
            for x in torch.split(scaled, _PREDICTION_ROWS):
                routing = self.module_.route(x)
                outputs.append(self.module_.mix(x, routing))
                weights.append(routing.gates_BE)
        return torch.cat(outputs), torch.cat(weights)

    def _voted(self, scaled: torch.Tensor, n_votes: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what `_outputs` returns, for experts that are drawn."""
        module, logits, votes = self.module_, [], []
        check_shots(n_votes, self._shots)  # before shots are paid for
        for x in torch.split(scaled, _PREDICTION_ROWS):
            with torch.no_grad():
                outputs_BEC = module.expert_outputs(x)
                drawn_BE = draw_votes(
                    module.router(x).numpy(),
                    x.numpy(),
                    n_votes,
                    seed=self.votes_seed_,
                    shots=self._shots,
                )
                votes.append(torch.from_numpy(drawn_BE))
                logits.append(module.combine(votes[-1], outputs_BEC))
        return torch.cat(logits), torch.cat(votes)

    @property
    def _shots(self) -> int | None:
        """Number of shots that the router's weights come from; None if they are exact."""
        if compiled_router(self.module_) is None:
            return None
        shots: int | None = getattr(self.__dict__["backend_"], "shots", None)
        return shots

    def _scaled(self, X: ArrayLike) -> torch.Tensor:
        check_is_fitted(self)
        checked_NF = checked_features(self, X)
        self.feature_map_.warn_outside(checked_NF)
        return torch.from_numpy(self.feature_map_.scale(checked_NF))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
