"""The points at which a surrogate is measured, and the interpolation between them.

With M evenly spaced points per period and frequencies up to L < M / 2, a trigonometric polynomial
is the sum of its values at the points, each times the Dirichlet kernel
(1 / M) (1 + 2 sum_{k = 1..L} cos(k u t)) of the distance t to the point.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from qmoe_qiskit.backends.surrogate.spectrum import Spectrum
from qmoe_qiskit.errors import InputError, require_positive
from qmoe_qiskit.typing import FloatArray

# Numbers of a partial sum that are held at once.
_BLOCK_NUMBERS = 1 << 22


@dataclass(frozen=True)
class Grid:
    """Evenly spaced points, a number per input, over one period of every input.

    Attributes:
        spectrum: The frequencies that the grid resolves.
        counts_F: The number of points of every input, at least 2 L + 1.

    Raises:
        InputError: If an input has fewer points than its frequencies need.
    """

    spectrum: Spectrum
    counts_F: tuple[int, ...]

    def __post_init__(self) -> None:
        needed_F = [2 * degree + 1 for degree in self.spectrum.degrees_F]
        if len(self.counts_F) != len(needed_F):
            raise InputError(
                f"points are {len(self.counts_F)} numbers, and the circuit has {len(needed_F)} "
                "inputs: give one number per input, or one in total"
            )
        for k, (count, needed) in enumerate(zip(self.counts_F, needed_F, strict=True)):
            if require_positive(f"points[{k}]", count) < needed:
                raise InputError(
                    f"points[{k}] is {count}: input {k} has frequencies up to "
                    f"{self.spectrum.degrees_F[k]}, which take at least {needed} points"
                )

    @classmethod
    def choose(
        cls, spectrum: Spectrum, points: int | Sequence[int] | None, *, max_points: int
    ) -> Grid:
        """Return the grid with the given number of points.

        Args:
            spectrum: The frequencies of the circuit.
            points: The number of points of every input; or in total, in which case the inputs get
                as many as fit, in equal proportion; None for the fewest.
            max_points: The largest accepted number of points in total.

        Raises:
            InputError: If the points are too few or too many.
        """
        require_positive("max_points", max_points)
        fewest_F = tuple(2 * degree + 1 for degree in spectrum.degrees_F)
        if points is None:
            counts_F = fewest_F
        elif isinstance(points, Sequence | np.ndarray):
            counts_F = tuple(require_positive("points", count) for count in points)
        else:
            total = require_positive("points", points)
            if total < spectrum.n_points:
                raise InputError(
                    f"points {total} are too few: the circuit's frequencies take at least "
                    f"{_shown(fewest_F)}"
                )
            if total > max_points:
                raise InputError(f"points {total} are more than max_points, {max_points}")
            counts_F = _spread(fewest_F, total)
        grid = cls(spectrum, counts_F)
        if grid.n_points > max_points:
            raise InputError(
                f"a surrogate of this circuit takes {_shown(counts_F)} points, which at 4096 shots "
                f"are {_rounded(4096 * grid.n_points)} executions: more than max_points, "
                f"{max_points}; raise it, or use a circuit with fewer inputs or uploads"
            )
        return grid

    @property
    def n_points(self) -> int:
        """Number of points, P."""
        return math.prod(self.counts_F)

    @cached_property
    def points_PF(self) -> FloatArray:
        """The points in radians, the last input's varying fastest."""
        axes = [
            2 * np.pi / unit * np.arange(count) / count
            for unit, count in zip(self.spectrum.units_F, self.counts_F, strict=True)
        ]
        mesh = np.meshgrid(*axes, indexing="ij") if axes else []
        return np.stack([axis.ravel() for axis in mesh], -1) if axes else np.zeros((1, 0))

    def random_points(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return points that are uniform over one period of every input, (count, F)."""
        periods_F = 2 * np.pi / np.array(self.spectrum.units_F)
        return rng.uniform(size=(count, len(self.counts_F))) * periods_F

    def interpolate(self, inputs_BF: FloatArray, values_PO: FloatArray) -> FloatArray:
        """Return the trigonometric polynomial through values at the points: (B, O)."""
        return _in_blocks(
            inputs_BF,
            values_PO,
            lambda x_BF: self._contract(values_PO, [k for k, _ in self._kernels(x_BF)]),
        )

    def variances(self, inputs_BF: FloatArray, variances_PO: FloatArray) -> FloatArray:
        """Return the variance of `interpolate` for independent values at the points: (B, O)."""
        return _in_blocks(
            inputs_BF,
            variances_PO,
            lambda x_BF: self._contract(variances_PO, [k**2 for k, _ in self._kernels(x_BF)]),
        )

    def slopes(self, inputs_BF: FloatArray, values_PO: FloatArray) -> FloatArray:
        """Return the derivatives of `interpolate` by the inputs: (B, O, F)."""

        def of_block(x_BF: FloatArray) -> FloatArray:
            kernels = self._kernels(x_BF)
            by_input = [
                self._contract(
                    values_PO,
                    [slope if k == f else kernel for k, (kernel, slope) in enumerate(kernels)],
                )
                for f in range(len(kernels))
            ]
            return np.stack(by_input, axis=-1)

        if not self.counts_F:
            return np.zeros((len(inputs_BF), values_PO.shape[1], 0))
        return _in_blocks(inputs_BF, values_PO, of_block)

    def weights(self, inputs_BF: FloatArray) -> FloatArray:
        """Return by how much the value of every point enters `interpolate`: (B, P)."""
        weights_BP = np.ones((len(inputs_BF), 1))
        for kernel_BM, _ in self._kernels(inputs_BF):
            weights_BP = (weights_BP[:, :, None] * kernel_BM[:, None]).reshape(len(inputs_BF), -1)
        return weights_BP

    def _kernels(self, inputs_BF: FloatArray) -> list[tuple[FloatArray, FloatArray]]:
        """Return the kernel of every input and its derivative, (B, M) each."""
        kernels = []
        for x_B, degree, unit, count in zip(
            inputs_BF.T, self.spectrum.degrees_F, self.spectrum.units_F, self.counts_F, strict=True
        ):
            orders_L = np.arange(1, degree + 1)
            at_points_LM = 2 * np.pi / count * orders_L[:, None] * np.arange(count)
            at_inputs_BL = (unit * x_B % (2 * np.pi))[:, None] * orders_L
            # cos(k u (x - x_m)) by the addition theorem: two small matrix products.
            cos_BL, sin_BL = np.cos(at_inputs_BL), np.sin(at_inputs_BL)
            cos_LM, sin_LM = np.cos(at_points_LM), np.sin(at_points_LM)
            kernel_BM = (1 + 2 * (cos_BL @ cos_LM + sin_BL @ sin_LM)) / count
            speeds_L = 2 * unit * orders_L / count
            slope_BM = (cos_BL * speeds_L) @ sin_LM - (sin_BL * speeds_L) @ cos_LM
            kernels.append((kernel_BM, slope_BM))
        return kernels

    def _contract(self, values_PO: FloatArray, kernels_BM: list[FloatArray]) -> FloatArray:
        """Sum values over the points, input by input, each weighted by its kernel: (B, O)."""
        n_outputs = values_PO.shape[1]
        if not kernels_BM:
            return values_PO
        first_BM, *others = kernels_BM
        sums = first_BM @ values_PO.reshape(first_BM.shape[1], -1)
        for kernel_BM in others:
            count = kernel_BM.shape[1]
            left = sums.reshape(len(sums), count, sums.shape[1] // count)
            sums = (kernel_BM[:, None] @ left)[:, 0]
        return sums.reshape(len(sums), n_outputs)


def _shown(counts_F: tuple[int, ...]) -> str:
    """Return a number of points with its factors, such as "9 (3 x 3)"."""
    factors = " x ".join(map(str, counts_F if len(counts_F) <= 6 else counts_F[:5]))
    return f"{_rounded(math.prod(counts_F))} ({factors}{' x ...' if len(counts_F) > 6 else ''})"


def _rounded(count: int) -> str:
    """Return a count in full up to a million, and beyond that as a power of ten."""
    digits = int(math.log10(count))
    return str(count) if digits < 7 else f"{count // 10 ** (digits - 1) / 10:g}e{digits}"


def _spread(fewest_F: tuple[int, ...], total: int) -> tuple[int, ...]:
    """Return the numbers of points per input, as many in total as fit, in equal proportion."""
    counts = list(fewest_F)
    growing = [k for k, fewest in enumerate(fewest_F) if fewest > 1]
    while growing:
        k = min(growing, key=lambda k: counts[k] / fewest_F[k])
        if math.prod(counts) // counts[k] * (counts[k] + 1) <= total:
            counts[k] += 1
        else:
            growing.remove(k)
    return tuple(counts)


def _in_blocks(
    inputs_BF: FloatArray,
    values_PO: FloatArray,
    evaluate: Callable[[FloatArray], FloatArray],
) -> FloatArray:
    if not inputs_BF.shape[1]:
        return np.broadcast_to(values_PO, (len(inputs_BF), values_PO.shape[1])).copy()
    size = max(1, _BLOCK_NUMBERS // max(1, values_PO.size))
    starts = range(0, max(1, len(inputs_BF)), size)
    return np.concatenate([evaluate(inputs_BF[start : start + size]) for start in starts])
