"""The angles of an amplitude embedding in torch, and a circuit's values by its features."""

import torch
from torch import Tensor

from qmoe_qiskit.circuits.amplitude import (
    amplitude_angles,
    largest_of,
    left_out_signs,
    multiplexer,
    n_qubits_of,
)
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe.torch_connector.connector import RouterConnector, RouterNetwork
from qmoe_qiskit.moe.torch_connector.function import evaluate
from qmoe_qiskit.moe.torch_connector.modes import (
    is_recorded,
    is_transformed,
    needs_gradient,
)

# What an amplitude of a part that is all zeros becomes, relative to the largest: too small for any
# value, and enough to give the part a direction.
_TINY = 1e-150


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


def embedded_values(connector: RouterConnector, features_BF: Tensor) -> Tensor:
    """Return the values of an `amplitude_circuit`, (..., O), for features (..., F).

    The derivative by the features is exact. A value is a smooth function of the features, but its
    angles are not where an aligned block of 2, 4, 8 ... features is all zeros: the direction within
    the block is free. There the derivative by a feature of the block is taken along that feature,
    which costs one evaluation more for each of them; transforms and recorded programs of torch,
    which cannot look at numbers, take 0 instead.

    Raises:
        InputError: If the number of features is not that of the circuit, or a row is all zeros or
            not finite.
    """
    n_features, n_qubits = features_BF.shape[-1], connector.compiled.router.n_qubits
    if n_qubits_of(n_features) != n_qubits:
        raise InputError(
            f"the circuit's {n_qubits} qubits hold {2 ** (n_qubits - 1) + 1} to {2**n_qubits} "
            f"features, got {n_features}"
        )
    flat_BF = features_BF.reshape(-1, n_features)
    values_BO: Tensor = connector(angles_of(flat_BF))
    if needs_gradient(flat_BF) and not (is_recorded(flat_BF) or is_transformed()):
        values_BO = _with_zero_blocks(connector, flat_BF, values_BO)
    return values_BO.reshape(*features_BF.shape[:-1], values_BO.shape[-1])


def angles_of(features_BF: Tensor) -> Tensor:
    """Return the angles of `amplitude_angles`, in the features' type.

    Their derivatives by features whose block is all zeros, see `embedded_values`, are 0.

    Raises:
        InputError: If a row is all zeros or not finite.
    """
    recorded = is_recorded(features_BF) or is_transformed()
    if needs_gradient(features_BF):
        if not recorded:
            largest_of(features_BF.detach().double().cpu().numpy())
        return _differentiable_angles(features_BF)
    if recorded:
        angles: Tensor = recorded_angles(features_BF)
        return angles
    return _angles(features_BF)


def _angles(features_BF: Tensor) -> Tensor:
    angles = amplitude_angles(features_BF.detach().double().cpu().numpy())
    return torch.from_numpy(angles).to(features_BF)


def _differentiable_angles(features_BF: Tensor) -> Tensor:
    """Return what `amplitude_angles` returns, by functions of torch."""
    n = n_qubits_of(features_BF.shape[1])
    scaled_BF = features_BF.double()
    scaled_BF = scaled_BF / scaled_BF.detach().abs().amax(1, keepdim=True)
    norms = torch.nn.functional.pad(scaled_BF, (0, 2**n - features_BF.shape[1]))
    norms = norms * torch.from_numpy(left_out_signs(n)).to(norms)
    angles = []
    for level in range(n - 1, -1, -1):
        left, right = norms[:, 0::2], norms[:, 1::2]
        # Neither the angle nor the length of a part that is all zeros has a derivative.
        empty = (left == 0) & (right == 0)
        left = torch.where(empty, torch.ones_like(left), left)
        right = torch.where(empty, torch.zeros_like(right), right)
        length = torch.hypot(left, right)
        # Divided by the length, so that no square underflows in the derivative.
        turns = 2 * torch.atan2(right / length, left / length)
        angles.append(turns @ torch.from_numpy(multiplexer(level)).to(turns))
        norms = torch.where(empty, torch.zeros_like(length), length)
    return torch.cat(angles[::-1], dim=1).to(features_BF)


def _with_zero_blocks(connector: RouterConnector, features_BF: Tensor, values_BO: Tensor) -> Tensor:
    """Add, to values that stay as they are, the derivatives by features in blocks of zeros."""
    rows, columns = _in_zero_blocks(features_BF.detach()).nonzero(as_tuple=True)
    if not len(rows):
        return values_BO
    # Each of these rows has one feature that gives the block a direction and has a derivative.
    others_RF = features_BF.detach()[rows].double()
    own = torch.nn.functional.one_hot(columns, features_BF.shape[1]).bool()
    tiny_R1 = _TINY * others_RF.abs().amax(1, keepdim=True)
    along_RF = torch.where(own, features_BF[rows].double() + tiny_R1, others_RF)
    network = connector.neural_network
    assert isinstance(network, RouterNetwork)
    values_RO = evaluate(
        _differentiable_angles(along_RF).to(features_BF),
        connector.weight.detach(),
        network.compiled,
        network.handle,
    )
    slopes_RO = values_RO - values_RO.detach()
    return values_BO.index_add(0, rows, slopes_RO.to(values_BO))


def _in_zero_blocks(features_BF: Tensor) -> Tensor:
    """Return whether a feature lies in a pair 2k, 2k + 1 that is all zeros, (B, F)."""
    n_features = features_BF.shape[1]
    padded = torch.nn.functional.pad(features_BF, (0, n_features % 2))
    empty = (padded.reshape(len(padded), -1, 2) == 0).all(-1)
    return empty.repeat_interleave(2, dim=1)[:, :n_features]
