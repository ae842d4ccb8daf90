"""The built-in data sets, by name: generated from a seed, or shipped with scikit-learn.

Add one by registering it here. NumPy and scikit-learn are loaded where they are used: help texts
import the names from here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from qmoe_qiskit import limits
from qmoe_qiskit.errors import require_positive
from qmoe_qiskit.registry import Entry, Registry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from qmoe_qiskit.data.dataset import Dataset
    from qmoe_qiskit.typing import FloatArray

    Points = tuple[FloatArray, NDArray[np.int64], str]  # features, labels, source
    PointMaker = Callable[[int, int], Points]  # from the number of rows and the seed

_DEFAULT_SAMPLES = 500  # the paper's decision-boundary experiment


@dataclass(frozen=True, kw_only=True)
class DatasetEntry(Entry):
    """A built-in data set.

    Attributes:
        load: Takes the name, a number of rows (None for the default: 500 generated ones, or all)
            and a seed to the data set; raises DataError if it does not have that many rows, or
            fewer rows than classes are asked for.
        generated: Whether every seed gives other points. Otherwise the rows are fixed, and a seed
            decides which of them are drawn.
    """

    load: Callable[[str, int | None, int], Dataset]
    generated: bool


def generate(points: PointMaker, name: str, n_samples: int | None, seed: int) -> Dataset:
    """Generate a data set with two features and two classes, see `DatasetEntry.load`."""
    from qmoe_qiskit.data.dataset import Dataset
    from qmoe_qiskit.data.sampling import require_each_class

    n_points = _DEFAULT_SAMPLES if n_samples is None else n_samples
    require_positive("n_samples", n_points, at_most=limits.SAMPLES)
    require_each_class(name, n_points, 2)
    features_NF, labels_N, source = points(n_points, seed)
    return Dataset(
        name=name,
        features_NF=features_NF,
        labels_N=labels_N,
        feature_names=("x0", "x1"),
        target_name="label",
        source=source,
    )


def pooled_digits(n_classes: int, name: str, n_samples: int | None, seed: int) -> Dataset:
    """Load scikit-learn's images of the first digits, 8x8 pixels pooled to 4x4."""
    from sklearn.datasets import load_digits

    from qmoe_qiskit.data.dataset import Dataset
    from qmoe_qiskit.data.sampling import draw

    pixels_NP, labels_N = load_digits(n_class=n_classes, return_X_y=True)
    pooled_NRC = pixels_NP.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4))
    dataset = Dataset(
        name=name,
        features_NF=pooled_NRC.reshape(-1, 16),
        labels_N=labels_N,
        feature_names=tuple(f"pixel_{row}_{column}" for row in range(4) for column in range(4)),
        target_name="digit",
        source=f"sklearn.datasets.load_digits(n_class={n_classes}), 8x8 pixels pooled to 4x4 by "
        "the mean of 2x2",
    )
    return dataset if n_samples is None else draw(dataset, n_samples, seed)


def moons(n_samples: int, seed: int) -> Points:
    """Generate two interleaved half circles."""
    from sklearn.datasets import make_moons

    source = f"sklearn.datasets.make_moons(n_samples={n_samples}, noise=0.1, random_state={seed})"
    return *make_moons(n_samples=n_samples, noise=0.1, random_state=seed), source


def circles(n_samples: int, seed: int) -> Points:
    """Generate a circle within another of twice its radius."""
    from sklearn.datasets import make_circles

    settings = f"n_samples={n_samples}, noise=0.1, factor=0.5, random_state={seed}"
    points = make_circles(n_samples=n_samples, noise=0.1, factor=0.5, random_state=seed)
    return *points, f"sklearn.datasets.make_circles({settings})"


def xor(n_samples: int, seed: int) -> Points:
    """Generate points of the square [-1, 1]^2, class 1 where the two signs differ, by quadrant."""
    import numpy as np

    rng = np.random.default_rng(seed)
    signs = np.array([(1, 1), (1, -1), (-1, -1), (-1, 1)])
    quadrant_N = np.arange(n_samples) % 4
    features_NF = signs[quadrant_N] * rng.uniform(size=(n_samples, 2))
    source = f"two uniform features, class 1 where their signs differ; n_samples={n_samples}, "
    return features_NF, quadrant_N % 2, f"{source}seed={seed}"


def spirals(n_samples: int, seed: int) -> Points:
    """Generate two arms of 1.5 turns in the unit disc; one is the other turned by 180 degrees."""
    import numpy as np

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


def _generated(name: str, help: str, points: PointMaker) -> DatasetEntry:  # noqa: A002
    load = partial(generate, points)
    return DatasetEntry(name=name, help=help, load=load, generated=True)


def _images(name: str, help: str, n_classes: int) -> DatasetEntry:  # noqa: A002
    load = partial(pooled_digits, n_classes)
    return DatasetEntry(name=name, help=help, load=load, generated=False)


DATASETS = Registry(
    "dataset",
    [
        _generated("moons", "two interleaved half circles, of scikit-learn", moons),
        _generated("circles", "a circle within another, of scikit-learn", circles),
        _generated("xor", "a square whose quadrants alternate between classes", xor),
        _generated("spirals", "two interleaved spirals of one and a half turns", spirals),
        _images("digits", "scikit-learn's images of 0 and 1, pooled to 4x4 pixels", 2),
        _images("digits10", "scikit-learn's images of all digits, pooled to 4x4 pixels", 10),
    ],
)


def list_datasets() -> tuple[str, ...]:
    """Return the names of the built-in data sets.

    >>> list_datasets()
    ('moons', 'circles', 'xor', 'spirals', 'digits', 'digits10')
    """
    return DATASETS.names
