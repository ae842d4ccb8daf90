"""The Fourier spectrum of a quantum router: which waves of its inputs decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qmoe_qiskit.backends.surrogate.plan import MAX_POINTS
from qmoe_qiskit.backends.surrogate.spectrum import Spectrum
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe import QuantumRouter
from qmoe_qiskit.train.export.classical_model import surrogate_of
from qmoe_qiskit.train.export.fourier_layer import coefficients

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qmoe_qiskit.train import QMoEClassifier
    from qmoe_qiskit.typing import FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class RouterSpectrum:
    """The power of the waves in what the router compares experts by, from its surrogate.

    With readout "expectations" these are the logits of the experts, less their mean over the
    experts, which decides nothing; with "probabilities", the weights. Power is the mean square over
    a period of every input, summed over the experts; the constant part is left out.

    Attributes:
        orders_TK: Orders of the T waves in the K inputs of the circuit, by falling power: order k
            is the frequency k times `units_K`, and order 0 does not depend on the input.
        shares_T: Shares of the power.
        units_K: Unit of each input's frequencies, per radian.
        names_K: Names of the inputs.
    """

    orders_TK: NDArray[np.intp]
    shares_T: FloatArray
    units_K: FloatArray
    names_K: tuple[str, ...]

    @property
    def input_shares_K(self) -> FloatArray:
        """Share of the power in waves that depend on each input; they overlap."""
        shares_K: FloatArray = (self.orders_TK > 0).T @ self.shares_T
        return shares_K

    @property
    def joint_share(self) -> float:
        """Share of the power in waves of two inputs or more, which no sum over inputs has."""
        return float(self.shares_T[(self.orders_TK > 0).sum(axis=1) > 1].sum())

    def name(self, term: int) -> str:
        """Return the name of a wave, such as "x0 · 2 x1"."""
        parts = [
            name if order == 1 else f"{order} {name}"
            for order, name in zip(self.orders_TK[term].tolist(), self.names_K, strict=True)
            if order
        ]
        return " · ".join(parts)


def measure_spectrum(model: QMoEClassifier, names_K: Sequence[str]) -> RouterSpectrum | None:
    """Return the spectrum of a fitted model's router; None if it is constant or classical.

    Raises:
        InputError: If the circuit has no surrogate, or one of too many points.
    """
    router = model.module_.router
    router = getattr(router, "router", router)
    if not isinstance(router, QuantumRouter):
        return None
    if router.embeds_amplitudes:
        raise InputError("its inputs are amplitudes, so that it is no sum of waves in the features")
    n_points = Spectrum.of(router.circuit).n_points
    if n_points > MAX_POINTS:
        raise InputError(
            f"it has {n_points:.3g} coefficients, more than the {MAX_POINTS} that are computed"
        )
    surrogate = surrogate_of(model, None)
    assert surrogate is not None
    waves_KE = coefficients(surrogate)
    if router.adapter is not None:
        adapter_EO = router.adapter.weight.detach().double().numpy()
        waves_KE = waves_KE @ (adapter_EO - adapter_EO.mean(axis=0)).T
    spectrum = surrogate.grid.spectrum
    power = _by_order((waves_KE**2).sum(axis=1), spectrum)
    orders_TK = np.indices(power.shape).reshape(power.ndim, -1).T[1:]  # the first is the constant
    power_T = power.ravel()[1:]
    total = power_T.sum()
    if total <= 1e-20:
        return None
    falling_T = np.argsort(-power_T, kind="stable")
    return RouterSpectrum(
        orders_TK=orders_TK[falling_T],
        shares_T=power_T[falling_T] / total,
        units_K=np.array(spectrum.units_F),
        names_K=tuple(names_K),
    )


def _by_order(squares: FloatArray, spectrum: Spectrum) -> FloatArray:
    """Return the power by order in every input, from squares in the order of `coefficients`."""
    power = squares.reshape([2 * degree + 1 for degree in spectrum.degrees_F])
    for axis, degree in enumerate(spectrum.degrees_F):
        # The mean squares of 1, cos and sin over a period; cos and sin of an order belong together.
        pairs = np.split(np.moveaxis(power, axis, 0), [1, degree + 1])
        power = np.moveaxis(np.concatenate([pairs[0], (pairs[1] + pairs[2]) / 2]), 0, axis)
    return power
