"""Data sets that are generated from a seed, or shipped with scikit-learn.

NumPy and scikit-learn are loaded where they are used: help texts import the names from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from qmoe_qiskit.data.dataset import Dataset
    from qmoe_qiskit.typing import FloatArray

    Points = tuple[FloatArray, NDArray[np.int64], str]  # features, labels, source
    PointMaker = Callable[[int, int], Points]  # from the number of rows and the seed

_DEFAULT_SAMPLES = 500  # the paper's decision-boundary experiment


def generate(points: PointMaker, name: str, n_samples: int | None, seed: int) -> Dataset:
    """Generate a data set with two features and two classes.

    Args:
        points: Takes the number of rows and the seed to features, labels and their source.
        name: The name of the data set.
        n_samples: The number of rows; None for 500.
        seed: The seed of the points.

    Raises:
        DataError: If `n_samples` is below the number of classes.
    """
    from qmoe_qiskit.data.dataset import Dataset
    from qmoe_qiskit.data.sampling import require_each_class

    n_points = _DEFAULT_SAMPLES if n_samples is None else n_samples
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
    """Load scikit-learn's images of the first digits, 8x8 pixels pooled to 4x4.

    Args:
        n_classes: The number of digits: 0, 1, ...
        name: The name of the data set.
        n_samples: The number of images, drawn class by class; None for all.
        seed: The seed of the draw.

    Raises:
        DataError: If there are fewer images than `n_samples`, or more classes.
    """
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
        source=(
            f"sklearn.datasets.load_digits(n_class={n_classes}), 8x8 pixels pooled to 4x4 by "
            f"the mean of 2x2"
        ),
    )
    return dataset if n_samples is None else draw(dataset, n_samples, seed)


def moons(n_samples: int, seed: int) -> Points:
    """Generate two interleaved half circles."""
    from sklearn.datasets import make_moons

    features_NF, labels_N = make_moons(n_samples=n_samples, noise=0.1, random_state=seed)
    settings = f"n_samples={n_samples}, noise=0.1, random_state={seed}"
    return features_NF, labels_N, f"sklearn.datasets.make_moons({settings})"


def circles(n_samples: int, seed: int) -> Points:
    """Generate a circle within another of twice its radius."""
    from sklearn.datasets import make_circles

    features_NF, labels_N = make_circles(
        n_samples=n_samples, noise=0.1, factor=0.5, random_state=seed
    )
    settings = f"n_samples={n_samples}, noise=0.1, factor=0.5, random_state={seed}"
    return features_NF, labels_N, f"sklearn.datasets.make_circles({settings})"


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
