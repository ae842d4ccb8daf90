"""The data sets that come with the project: generated from a seed, or shipped with scikit-learn."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qmoe_qiskit.data.dataset import Dataset
from qmoe_qiskit.data.sampling import require_seed, stratified_rows
from qmoe_qiskit.errors import DataError, require_positive

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_DEFAULT_SAMPLES = 500  # the paper's decision-boundary experiment

_Points = tuple[NDArray[np.float64], NDArray[np.int64], str]  # features, labels, source


def list_datasets() -> tuple[str, ...]:
    """Names of the built-in data sets."""
    return tuple(_BUILDERS)


def build_dataset(name: str, *, n_samples: int | None = None, seed: int = 42) -> Dataset:
    """Make a built-in data set.

    Args:
        name: One of `list_datasets()`.
        n_samples: Number of rows; by default 500 generated ones, or every image there is.
        seed: Decides the generated points, or which images are drawn.

    Raises:
        InputError: If `n_samples` or `seed` is not accepted.
        DataError: If there are fewer images than `n_samples`, or fewer rows than classes.
    """
    require_seed(seed)
    if n_samples is not None:
        require_positive("n_samples", n_samples)
    return _BUILDERS[name](name, n_samples, seed)


def draw(dataset: Dataset, n_samples: int, seed: int) -> Dataset:
    """Draw a stratified part of a data set that has a fixed number of rows.

    Raises:
        DataError: If there are fewer rows than `n_samples`, or fewer `n_samples` than classes.
    """
    n_rows = dataset.labels_N.size
    if n_samples > n_rows:
        raise DataError(f"{dataset.name} has {n_rows} rows, fewer than n_samples={n_samples}")
    _require_each_class(dataset.name, n_samples, len(np.unique(dataset.labels_N)))
    rows_K = stratified_rows(dataset.labels_N, n_samples, seed)
    return dataset.take(rows_K, f"{n_samples} of {n_rows} rows, stratified, seed={seed}")


def _require_each_class(name: str, n_samples: int, n_classes: int) -> None:
    if n_samples < n_classes:
        raise DataError(
            f"{name} has {n_classes} classes: n_samples must be at least that, got {n_samples}"
        )


def _moons(n_samples: int, seed: int) -> _Points:
    from sklearn.datasets import make_moons

    features_NF, labels_N = make_moons(n_samples=n_samples, noise=0.1, random_state=seed)
    settings = f"n_samples={n_samples}, noise=0.1, random_state={seed}"
    return features_NF, labels_N, f"sklearn.datasets.make_moons({settings})"


def _circles(n_samples: int, seed: int) -> _Points:
    from sklearn.datasets import make_circles

    features_NF, labels_N = make_circles(
        n_samples=n_samples, noise=0.1, factor=0.5, random_state=seed
    )
    settings = f"n_samples={n_samples}, noise=0.1, factor=0.5, random_state={seed}"
    return features_NF, labels_N, f"sklearn.datasets.make_circles({settings})"


def _xor(n_samples: int, seed: int) -> _Points:
    """Points of the square [-1, 1]^2, class 1 where the two signs differ; quadrants take turns."""
    rng = np.random.default_rng(seed)
    signs = np.array([(1, 1), (1, -1), (-1, -1), (-1, 1)])
    quadrant_N = np.arange(n_samples) % 4
    features_NF = signs[quadrant_N] * rng.uniform(size=(n_samples, 2))
    source = f"two uniform features, class 1 where their signs differ; n_samples={n_samples}, "
    return features_NF, quadrant_N % 2, f"{source}seed={seed}"


def _spirals(n_samples: int, seed: int) -> _Points:
    """Two arms of one and a half turns in the unit disc, one the other turned by 180 degrees."""
    rng = np.random.default_rng(seed)
    labels_N = np.arange(n_samples) % 2
    # The square root spreads the points evenly along the arm, whose length grows as angle squared;
    # the arms are 1/3 apart, the noise 0.03, so that they touch almost nowhere but at the centre.
    angles_N = 3 * np.pi * np.sqrt(rng.uniform(0.02, 1, size=n_samples))
    directions_NF = np.column_stack((np.cos(angles_N), np.sin(angles_N)))
    radii_N = angles_N / (3 * np.pi) * np.where(labels_N == 0, 1, -1)
    features_NF = radii_N[:, None] * directions_NF + rng.normal(scale=0.03, size=(n_samples, 2))
    source = f"two interleaved spirals of 1.5 turns, noise=0.03; n_samples={n_samples}, seed={seed}"
    return features_NF, labels_N, source


def _generated(
    points: Callable[[int, int], _Points],
) -> Callable[[str, int | None, int], Dataset]:
    def build(name: str, n_samples: int | None, seed: int) -> Dataset:
        n_points = _DEFAULT_SAMPLES if n_samples is None else n_samples
        _require_each_class(name, n_points, 2)
        features_NF, labels_N, source = points(n_points, seed)
        return Dataset(
            name=name,
            features_NF=features_NF,
            labels_N=labels_N,
            feature_names=("x0", "x1"),
            target_name="label",
            source=source,
        )

    return build


def _pooled_digits(n_classes: int) -> Callable[[str, int | None, int], Dataset]:
    def build(name: str, n_samples: int | None, seed: int) -> Dataset:
        from sklearn.datasets import load_digits

        pixels_NP, labels_N = load_digits(n_class=n_classes, return_X_y=True)
        pooled_NRC = pixels_NP.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4))
        dataset = Dataset(
            name=name,
            features_NF=pooled_NRC.reshape(-1, 16),
            labels_N=labels_N,
            feature_names=tuple(f"pixel_{row}_{column}" for row in range(4) for column in range(4)),
            target_name="digit",
            source=(
                f"sklearn.datasets.load_digits(n_class={n_classes}), 8x8 pixels pooled to 4x4 by "
                f"the mean of 2x2"
            ),
        )
        return dataset if n_samples is None else draw(dataset, n_samples, seed)

    return build


_BUILDERS: Mapping[str, Callable[[str, int | None, int], Dataset]] = MappingProxyType(
    {
        "moons": _generated(_moons),
        "circles": _generated(_circles),
        "xor": _generated(_xor),
        "spirals": _generated(_spirals),
        "digits": _pooled_digits(2),
        "digits10": _pooled_digits(10),
    }
)
