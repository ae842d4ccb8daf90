"""What a data set is identified by, and what importing the package costs."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from qmoe_qiskit.data import Dataset
from qmoe_qiskit.errors import DataError

SMALL = Dataset(
    name="small",
    features_NF=np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]),
    labels_N=np.array([0, 1, 0]),
    feature_names=("a", "b"),
    target_name="y",
    source="here",
)


@pytest.mark.parametrize(
    "change",
    [
        {"features_NF": np.nextafter(SMALL.features_NF, 9)},
        {"features_NF": SMALL.features_NF[:, ::-1]},
        {"features_NF": SMALL.features_NF[::-1]},
        {"labels_N": np.array([0, 1, 1])},
        {"labels_N": np.array(["0", "1", "0"])},
        {"labels_N": np.array([False, True, False])},
        {"feature_names": ("a", "c")},
        {"feature_names": ("b", "a")},
        {"target_name": "z"},
        {
            "features_NF": SMALL.features_NF.reshape(2, 3),
            "labels_N": np.array([0, 1]),
            "feature_names": ("a", "b", "c"),
        },
    ],
)
def test_the_hash_changes_with_the_content(change: dict[str, object]) -> None:
    assert replace(SMALL, **change).content_hash != SMALL.content_hash  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"name": "renamed"},
        {"source": "elsewhere"},
        {"features_NF": np.asfortranarray(SMALL.features_NF)},
        {"features_NF": SMALL.features_NF.astype(">f8")},
        {"labels_N": SMALL.labels_N.astype(np.uint8)},
    ],
)
def test_the_hash_is_of_the_content_alone(change: dict[str, object]) -> None:
    assert replace(SMALL, **change).content_hash == SMALL.content_hash  # type: ignore[arg-type]


def test_the_hash_is_64_hex_digits() -> None:
    assert len(SMALL.content_hash) == 64
    int(SMALL.content_hash, 16)


@pytest.mark.parametrize(
    "change",
    [
        {"features_NF": np.zeros(3)},
        {"labels_N": np.zeros(2, dtype=int)},
        {"labels_N": np.zeros((3, 1), dtype=int)},
        {"feature_names": ("a",)},
    ],
)
def test_shapes_that_do_not_fit_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(DataError, match=r"features \(N, F\), labels \(N,\) and F feature names"):
        replace(SMALL, **change)  # type: ignore[arg-type]


@pytest.mark.process
def test_importing_and_listing_load_no_heavy_library() -> None:
    program = (
        "import sys, qmoe_qiskit.data as data; data.list_datasets();"
        "print(*{'sklearn', 'scipy', 'pandas', 'torch', 'qiskit'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
