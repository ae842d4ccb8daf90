"""What the angle router's outputs can be, how it is drawn, and what it refuses."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import ENTANGLEMENTS, ROTATIONS, RouterCircuit, angle_router
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from qmoe_qiskit.typing import FloatArray

    Outputs = Callable[[RouterCircuit, FloatArray, FloatArray], FloatArray]


def waves(inputs_BF: FloatArray, degree: int) -> NDArray[np.complex128]:
    """exp(i k.x) for every k in {-degree..degree}^F: shape (B, (2 degree + 1)^F)."""
    frequencies = np.arange(-degree, degree + 1)
    return np.stack(
        [
            np.exp(1j * inputs_BF @ np.array(k))
            for k in itertools.product(frequencies, repeat=inputs_BF.shape[1])
        ],
        axis=1,
    )


@pytest.mark.parametrize(("n_features", "degree"), [(1, 1), (1, 3), (2, 1), (2, 2), (3, 1)])
def test_as_many_points_as_waves_determine_the_outputs_everywhere(
    n_features: int, degree: int, outputs: Outputs, rng: np.random.Generator
) -> None:
    router = angle_router(n_features, 2, reuploads=degree)
    assert router.degree == degree
    weights_W = rng.uniform(-np.pi, np.pi, router.n_weights)
    points = 2 * np.pi * np.arange(2 * degree + 1) / (2 * degree + 1)
    grid_BF = np.array(list(itertools.product(points, repeat=n_features)))
    elsewhere_BF = rng.uniform(-np.pi, np.pi, (40, n_features))
    expected = outputs(router, elsewhere_BF, weights_W)

    fitted = np.linalg.solve(waves(grid_BF, degree), outputs(router, grid_BF, weights_W))
    np.testing.assert_allclose(waves(elsewhere_BF, degree) @ fitted, expected, atol=1e-11)
    if degree > 1:  # and no lower degree would do
        fewer = waves(elsewhere_BF, degree - 1)
        residual = expected - fewer @ np.linalg.lstsq(fewer, expected, rcond=None)[0]
        assert np.abs(residual).max() > 1e-3


@pytest.mark.parametrize("entanglement", ENTANGLEMENTS)
@pytest.mark.parametrize("n_features", [1, 2, 3])
def test_last_rz_angles_and_no_others_have_zero_gradient(
    entanglement: str, n_features: int, rng: np.random.Generator
) -> None:
    n_layers = 2
    router = angle_router(n_features, n_layers, entanglement=entanglement, reuploads=2)
    inputs_BF = rng.uniform(-np.pi, np.pi, (5, n_features))
    weights_W = rng.uniform(-np.pi, np.pi, router.n_weights)
    _, by_weights = open_backend("statevector").compile(router).jacobian(inputs_BF, weights_W)
    largest = np.abs(by_weights).max(axis=(0, 1)).reshape(2 * n_layers, n_features, 3)
    idle = largest < 1e-12
    assert idle[-1, :, 2].all()
    idle[-1, :, 2] = False
    assert not idle.any()


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_sizes_and_names(rotation: str) -> None:
    router = angle_router(3, 2, rotation=rotation, reuploads=2)
    assert (router.n_qubits, router.n_inputs, router.n_outputs) == (3, 3, 3)
    assert router.n_weights == 2 * 2 * 3 * 3
    assert [p.name for p in router.inputs] == ["x[0]", "x[1]", "x[2]"]
    assert [o.to_list() for o in router.observables] == [[("IIZ", 1)], [("IZI", 1)], [("ZII", 1)]]


def test_barriers_separate_embeddings_and_layers() -> None:
    router = angle_router(2, 2, reuploads=2)
    parts: list[set[str]] = [set()]
    for step in router.circuit.data:
        if step.operation.name == "barrier":
            parts.append(set())
        else:
            parts[-1].add(step.operation.name)
    layer = {"rz", "ry", "cx"}
    assert parts == [{"rx"}, layer, layer, {"rx"}, layer, layer]


def test_drawing_names_every_parameter_and_shows_barriers() -> None:
    router = angle_router(2, 2)
    text = str(router.draw(fold=-1))
    assert all(p.name in text for p in [*router.inputs, *router.weights])
    assert "░" in text


@pytest.mark.parametrize("count", [0, -1, 1.0, 2.5, "2", None, True])
@pytest.mark.parametrize("name", ["n_features", "n_layers", "reuploads"])
def test_counts_must_be_positive_whole_numbers(name: str, count: object) -> None:
    settings: dict[str, Any] = {"n_features": 2, "n_layers": 1, name: count}
    with pytest.raises(InputError) as caught:
        angle_router(**settings)
    assert name in str(caught.value)
    assert repr(count) in str(caught.value)


def test_numpy_counts_are_whole_numbers_too() -> None:
    counts: list[Any] = [np.int64(2), np.int32(3)]
    router = angle_router(*counts)
    assert router.content_hash == angle_router(2, 3).content_hash


@pytest.mark.parametrize(
    ("setting", "value", "known"),
    [
        ("rotation", "w", ["x", "y", "z"]),
        ("rotation", "X", ["x", "y", "z"]),
        ("entanglement", "strng", ["linear", "none", "ring", "strong"]),
        ("entanglement", "", ["linear", "none", "ring", "strong"]),
    ],
)
def test_unknown_names_are_answered_with_those_that_exist(
    setting: str, value: str, known: list[str]
) -> None:
    settings: dict[str, Any] = {setting: value}
    with pytest.raises(InputError) as caught:
        angle_router(2, 1, **settings)
    message = str(caught.value)
    assert f"unknown {setting} {value!r}" in message
    assert ", ".join(known) in message
