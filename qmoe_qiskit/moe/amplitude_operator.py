"""The angles of an amplitude embedding as an operator of torch, which the host computes."""

import torch
from torch import Tensor

from qmoe_qiskit.circuits.amplitude import amplitude_angles, n_qubits_of
from qmoe_qiskit.moe.torch_connector.modes import is_recorded, is_transformed


@torch.library.custom_op(
    "qmoe::amplitude_angles", mutates_args=(), schema="(Tensor features) -> Tensor"
)
def recorded_angles(features_BF: Tensor) -> Tensor:
    """Return the angles, as torch transforms and records them; see `angles_of`."""
    return _angles(features_BF)


@recorded_angles.register_fake
def _(features_BF: Tensor) -> Tensor:
    n_rows, n_features = features_BF.shape
    return features_BF.new_empty((n_rows, 2 ** n_qubits_of(n_features) - 1))


@recorded_angles.register_vmap
def _(info: object, in_dims: tuple[int], features: Tensor) -> tuple[Tensor, int]:  # noqa: ARG001
    features_NBF = features.movedim(in_dims[0], 0)
    angles: Tensor = recorded_angles(features_NBF.flatten(0, 1))
    return angles.reshape(*features_NBF.shape[:2], angles.shape[1]), 0


def angles_of(features_BF: Tensor) -> Tensor:
    """Return the angles of `amplitude_angles`, without derivatives, in the features' type.

    Raises:
        InputError: If a row is all zeros or not finite.
    """
    if is_recorded(features_BF) or is_transformed():
        angles: Tensor = recorded_angles(features_BF)
        return angles
    return _angles(features_BF)


def _angles(features_BF: Tensor) -> Tensor:
    angles = amplitude_angles(features_BF.detach().double().cpu().numpy())
    return torch.from_numpy(angles).to(features_BF)
