"""A surrogate as a torch module of elementary operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from qmoe_qiskit.backends.surrogate import FourierSurrogate
    from qmoe_qiskit.typing import FloatArray


class FourierLayer(nn.Module):
    """Values of a trigonometric polynomial, (B, O), at inputs (B, F) in radians.

    Its terms are the products over the inputs of 1, cos(k u x), sin(k u x), with k = 1..L and u the
    unit of the input's frequencies. All are written as sines with a phase: onnxruntime has no
    cosine of float64.

    Args:
        surrogate: The surrogate with the polynomial.
    """

    def __init__(self, surrogate: FourierSurrogate) -> None:
        super().__init__()
        spectrum = surrogate.grid.spectrum
        self.used = [f for f, degree in enumerate(spectrum.degrees_F) if degree]
        for f in self.used:
            orders_L = spectrum.units_F[f] * np.arange(1, spectrum.degrees_F[f] + 1)
            frequencies_M = np.concatenate([[0.0], orders_L, orders_L])
            phases_M = np.where(np.arange(len(frequencies_M)) <= len(orders_L), np.pi / 2, 0.0)
            self.register_buffer(f"frequencies_{f}", torch.from_numpy(frequencies_M))
            self.register_buffer(f"phases_{f}", torch.from_numpy(phases_M))
        self.register_buffer("coefficients_KO", torch.from_numpy(coefficients(surrogate)))

    def forward(self, inputs_BF: Tensor) -> Tensor:
        """Return the values."""
        products_BK = torch.ones_like(inputs_BF[:, :1])
        for f in self.used:
            frequencies_M, phases_M = (
                self.get_buffer(f"{n}_{f}") for n in ("frequencies", "phases")
            )
            waves_BM = torch.sin(inputs_BF[:, f : f + 1] * frequencies_M + phases_M)
            products_BK = (products_BK.unsqueeze(2) * waves_BM.unsqueeze(1)).flatten(1)
        return products_BK @ self.get_buffer("coefficients_KO")


def coefficients(surrogate: FourierSurrogate) -> FloatArray:
    """Return the coefficients of a surrogate, (K, O), in the order of `FourierLayer`."""
    grid = surrogate.grid
    n_outputs = surrogate.values_PO.shape[1]
    left = surrogate.values_PO.reshape(1, -1)
    for degree, count in zip(grid.spectrum.degrees_F, grid.counts_F, strict=True):
        at_points_LM = 2 * np.pi / count * np.arange(1, degree + 1)[:, None] * np.arange(count)
        ones_1M = np.ones((1, count))
        waves = [ones_1M, 2 * np.cos(at_points_LM), 2 * np.sin(at_points_LM)]
        to_coefficients = np.concatenate(waves) / count
        rest = left.reshape(len(left), count, -1)
        left = np.einsum("km,amr->akr", to_coefficients, rest)
        left = left.reshape(-1, rest.shape[2])
    return np.ascontiguousarray(left.reshape(-1, n_outputs))
