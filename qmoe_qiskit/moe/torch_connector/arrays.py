"""Tensors as the arrays that backends evaluate, and back: float64, NumPy's on the host."""

import math

import numpy as np
import torch
from torch import Tensor

from qmoe_qiskit.backends import CompiledRouter, check_batch
from qmoe_qiskit.backends.protocols import ArrayLike
from qmoe_qiskit.typing import FloatArray


def finite_arrays(
    inputs_BF: Tensor, weights_W: Tensor, compiled: CompiledRouter
) -> tuple[ArrayLike, ArrayLike]:
    """Return inputs and weights as arrays, of their own device.

    Raises:
        InputError: If a number is not finite.
    """
    x_BF, w_W = to_array(inputs_BF), to_array(weights_W)
    if isinstance(x_BF, np.ndarray):
        squares = float(np.vdot(x_BF, x_BF)) + float(np.vdot(w_W, w_W))
    else:
        squares = float(x_BF.square().sum() + w_W.square().sum())  # waits for the device once
    if not math.isfinite(squares):  # a number is not finite, or very large
        check_batch(compiled.router, host_array(inputs_BF), host_array(weights_W))
    return x_BF, w_W


def to_array(tensor: Tensor) -> ArrayLike:
    """Return a tensor as a float64 array of its own device."""
    return host_array(tensor) if tensor.is_cpu else tensor.detach().double()


def host_array(tensor: Tensor) -> FloatArray:
    """Return a tensor as a float64 NumPy array."""
    tensor = tensor.detach()
    if tensor.dim() == 1:  # weights, whose storage `fully_shard` frees, unless NumPy has seen it
        tensor = tensor.clone()
    if tensor.dtype is not torch.float32:  # NumPy lacks some types, such as bfloat16
        tensor = tensor.double()
    array: FloatArray = tensor.cpu().numpy().astype(np.float64, copy=False)
    return array


def to_tensor(array: ArrayLike, dtype: torch.dtype) -> Tensor:
    """Return an array as a tensor of its own device."""
    if not isinstance(array, np.ndarray):
        converted: Tensor = array.to(dtype)
        return converted
    if dtype is torch.float32:  # NumPy converts small arrays three times as fast as torch
        return torch.from_numpy(array.astype(np.float32))
    return torch.from_numpy(array).to(dtype)


def output_type(inputs_BF: Tensor, weights_W: Tensor) -> torch.dtype:
    """Return the floating type of the values: that of the inputs, if it is one."""
    return inputs_BF.dtype if inputs_BF.dtype.is_floating_point else weights_W.dtype
