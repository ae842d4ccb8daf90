"""A fitted classifier as a torch module of classical operations, from raw features to labels."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from qmoe_qiskit.backends.runtime.compiled_router import RuntimeRouter
from qmoe_qiskit.backends.surrogate import FourierSurrogate, SurrogatePlan
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe import MixtureOfExperts, ProjectedRouter, QuantumRouter
from qmoe_qiskit.moe.torch_connector import RouterConnector
from qmoe_qiskit.train.execution import profile_of
from qmoe_qiskit.train.export.fourier_layer import FourierLayer
from qmoe_qiskit.train.features import FAR, FeatureMap
from qmoe_qiskit.train.model import circuit_weights

if TYPE_CHECKING:
    from qmoe_qiskit.train.classifier import QMoEClassifier

# The largest share of the range in float32, whose numbers end at 3e38.
_FAR_FLOAT32 = 1e15


class ClassicalModel(nn.Module):
    """Scaling, router, experts and softmax of a fitted classifier.

    Args:
        features: The feature map.
        mixture: The mixture, without circuits.
        dtype: torch.float64 or torch.float32: the type of features, weights and probabilities.
    """

    def __init__(self, features: FeatureMap, mixture: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        minimum_F, half_width_F = features.halves
        self.register_buffer("half_minimum_F", torch.from_numpy(minimum_F.copy()))
        self.register_buffer("half_width_F", torch.from_numpy(half_width_F.copy()))
        self.register_buffer("low", torch.tensor(features.low, dtype=torch.float64))
        width = torch.tensor(features.high - features.low, dtype=torch.float64)
        self.register_buffer("width", width)
        self.far = FAR if dtype is torch.float64 else _FAR_FLOAT32
        self.mixture = mixture
        self.to(dtype)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the probability of every class, (N, C), and the most probable one's place, (N,).

        The features are in raw units, (N, F).
        """
        share_NF = (features / 2 - self.get_buffer("half_minimum_F")) / self.get_buffer(
            "half_width_F"
        )
        bounded_NF = share_NF.clamp(-self.far, self.far)
        logits_NC = self.mixture(self.get_buffer("low") + bounded_NF * self.get_buffer("width"))
        return torch.softmax(logits_NC, dim=1), logits_NC.argmax(dim=1)


def surrogate_of(
    classifier: QMoEClassifier, surrogate: FourierSurrogate | None
) -> FourierSurrogate | None:
    """Return the surrogate that stands in for a classifier's circuit; None for a classical router.

    Without a given one it is measured on the classifier's own backend.

    Raises:
        InputError: If the given one does not belong to the classifier, the circuit has no
            surrogate, or to measure it would be paid for.
    """
    router = _inner(classifier.module_)
    if not isinstance(router, QuantumRouter):
        if surrogate is not None:
            raise InputError(
                f"router {classifier.get_params()['router']!r} is classical and has no circuit: "
                "omit the surrogate"
            )
        return None
    compiled = router.connector.compiled
    weights_W = circuit_weights(classifier.module_)
    given = compiled if isinstance(compiled, FourierSurrogate) else surrogate
    if given is not None:
        if given.router.content_hash != compiled.router.content_hash:
            raise InputError("the surrogate is of another circuit: measure that of this model")
        given.check_weights(weights_W)
        return given
    if isinstance(compiled, RuntimeRouter) and not compiled.backend.device.is_local:
        raise InputError(
            f"the model runs on {compiled.backend_name!r}, and to measure a surrogate there would "
            "be paid for: make one with qmoe surrogate and give it, or choose another backend"
        )
    plan = SurrogatePlan.make(compiled.router)
    profile = profile_of(classifier.backend_)
    return FourierSurrogate.from_plan(plan, compiled, weights_W, profile=profile)


def classical_model(
    classifier: QMoEClassifier, surrogate: FourierSurrogate | None, dtype: torch.dtype
) -> ClassicalModel:
    """Return a classifier without its circuit, in evaluation mode; the classifier stays as it is.

    Args:
        classifier: The fitted classifier.
        surrogate: The surrogate that stands in for the circuit; None for a classical router.
        dtype: The type of all numbers.

    Raises:
        InputError: If an expert is a circuit, or the router's circuit embeds amplitudes.
    """
    mixture = _with(classifier.module_)
    router = _inner(mixture)
    if isinstance(router, QuantumRouter) and router.embeds_amplitudes:
        raise InputError(
            "the features enter the circuit as amplitudes, whose angles have no exported form: "
            "train with another circuit, such as 'angle', or keep the model with save"
        )
    if surrogate is not None:
        router = _with(router, connector=FourierLayer(surrogate))
    if isinstance(mixture.router, ProjectedRouter):
        router = _with(mixture.router, router=router)
    mixture = _with(mixture, router=router)
    for name, module in mixture.named_modules():
        if isinstance(module, RouterConnector):
            raise InputError(f"{name} is a circuit that has no classical form: export takes none")
    return ClassicalModel(classifier.feature_map_, copy.deepcopy(mixture), dtype).eval()


def _inner(mixture: nn.Module) -> nn.Module:
    """Return the router of a mixture, or the one that sees its projected coordinates."""
    assert isinstance(mixture, MixtureOfExperts)
    router = mixture.router
    return router.router if isinstance(router, ProjectedRouter) else router


def _with(module: nn.Module, **parts: nn.Module) -> nn.Module:
    """Return a module that shares all of another's parts but these."""
    new = copy.copy(module)
    new._modules = {**module._modules, **parts}  # noqa: SLF001 - a copy shares the dict
    return new
