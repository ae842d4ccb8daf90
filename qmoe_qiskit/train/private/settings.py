"""What a private training is asked to hold, and what is known before it sees a row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from qmoe_qiskit import limits
from qmoe_qiskit.errors import InputError, unknown_name
from qmoe_qiskit.typing import FloatArray

# A private training of a larger epsilon promises nothing: e^20 is half a billion.
MAX_EPSILON = 20.0
MIN_EPSILON = 0.1
PROJECTIONS = ("random",)

Bound = float | Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Privacy:
    """Settings of a differentially private training.

    Whoever has the trained weights, and all rows but one, learns almost nothing of that one:
    whether a row takes part changes the probability of any result by at most the factor e^epsilon,
    except with probability delta. Steps see rows that are drawn independently (Poisson sampling),
    each row's gradient is clipped, and Gaussian noise is added (DP-SGD, arXiv:1607.00133). The
    number of rows, and all settings here, count as public.

    Args:
        epsilon: The largest epsilon that the training may spend, 0.1 to 20.
        delta: The delta at which it is stated, above 0 and below one over the number of rows.
        bounds: Smallest and largest value that a feature can have: two numbers for all features, or
            two sequences (F,). Features are scaled by them, not by the rows; a value outside is
            scaled as well.
        classes: All labels that a row can have.
        max_grad_norm: Norm that the gradient of a row is clipped to.
        projection: What the router sees if there are more features than qubits: "random" for a
            fixed random projection. Principal components would be those of private rows.

    Raises:
        InputError: If a value is not accepted, or bounds or classes are missing.

    >>> Privacy(epsilon=4, delta=1e-5, bounds=(0, 16), classes=(0, 1)).max_grad_norm
    1.0
    >>> Privacy(epsilon=4, delta=1e-5, classes=(0, 1))
    Traceback (most recent call last):
    ...
    qmoe_qiskit.errors.InputError: privacy needs bounds, ...
    """

    epsilon: float
    delta: float
    bounds: tuple[Bound, Bound] | None = None
    classes: Sequence[Any] | None = None
    max_grad_norm: float = 1.0
    projection: str | None = None

    def __post_init__(self) -> None:
        for name in ("epsilon", "delta", "max_grad_norm"):
            value = getattr(self, name)
            is_number = isinstance(value, Real) and not isinstance(value, bool | np.bool_)
            if not is_number or not math.isfinite(value) or value <= 0:
                raise InputError(f"privacy {name} must be a positive number, got {value!r}")
            object.__setattr__(self, name, float(value))
        if not MIN_EPSILON <= self.epsilon <= MAX_EPSILON:
            raise InputError(
                f"privacy epsilon must be {MIN_EPSILON} to {MAX_EPSILON:g}, got {self.epsilon:g}: "
                "above that it promises nothing, below that noise leaves nothing to learn"
            )
        if self.delta >= 1:
            raise InputError(
                f"privacy delta must be below 1, got {self.delta:g}: choose less than one over the "
                "number of rows, such as 1e-5"
            )
        if self.projection is not None and self.projection not in PROJECTIONS:
            raise unknown_name("projection", self.projection, PROJECTIONS)
        object.__setattr__(self, "bounds", _bounds(self.bounds))
        object.__setattr__(self, "classes", _classes(self.classes))

    @classmethod
    def of(cls, given: object) -> Self | None:
        """Return settings from settings, from a mapping of them, or from None.

        Raises:
            InputError: If they are neither, or not accepted.
        """
        if given is None or isinstance(given, cls):
            return given
        if not isinstance(given, Mapping):
            raise InputError(
                f"privacy must be None, a Privacy or a dict of its settings, got {given!r}"
            )
        known = [field.name for field in fields(cls)]
        for name in given:
            if name not in known:
                raise unknown_name("setting of privacy", name, known)
        for name in ("epsilon", "delta"):
            if name not in given:
                raise InputError(f"privacy needs {name}: give it, such as {_EXAMPLES[name]}")
        return cls(**given)

    def labels(self) -> NDArray[Any]:
        """Return the declared classes, sorted, (C,)."""
        assert self.classes is not None
        text = any(isinstance(one, str) for one in self.classes)
        return np.unique(np.array(self.classes, dtype=object if text else None))

    def limits_of(self, n_features: int) -> tuple[FloatArray, FloatArray]:
        """Return the smallest and the largest value of every feature, (F,) each.

        Raises:
            InputError: If there is another number of bounds.
        """
        assert self.bounds is not None
        ends: list[FloatArray] = []
        for name, end in zip(("lower", "upper"), self.bounds, strict=True):
            values = np.asarray(end, dtype=np.float64)
            if values.ndim and len(values) != n_features:
                raise InputError(
                    f"privacy has {len(values)} {name} bounds, and the data {n_features} features: "
                    "give two numbers for all features, or two sequences of that length"
                )
            ends.append(np.broadcast_to(values, (n_features,)).copy())
        return ends[0], ends[1]

    def document(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        assert self.bounds is not None
        assert self.classes is not None
        bounds = [list(end) if isinstance(end, tuple) else end for end in self.bounds]
        return {
            **{field.name: getattr(self, field.name) for field in fields(self)},
            "bounds": bounds,
            "classes": list(self.classes),
        }


_EXAMPLES = {"epsilon": "epsilon=4", "delta": "delta=1e-5"}


def _bounds(given: Any) -> tuple[Bound, Bound]:  # noqa: ANN401 - whatever the user gave
    if given is None:
        raise InputError(
            "privacy needs bounds, the smallest and the largest value that a feature can have, "
            "such as bounds=(0, 16): scaling by the rows themselves would tell of them"
        )
    try:
        low, high = given
        ends: list[Any] = [np.asarray(end, dtype=np.float64) for end in (low, high)]
        accepted = all(end.ndim <= 1 and np.isfinite(end).all() for end in ends)
        accepted = accepted and bool(np.all(ends[0] < ends[1]))
    except (TypeError, ValueError):
        accepted = False
    if not accepted:
        raise InputError(
            "privacy bounds must be two finite numbers or two sequences of them, the smaller "
            f"first, got {given!r}"
        )
    first, second = (tuple(end.tolist()) if end.ndim else end.item() for end in ends)
    return first, second


def _classes(given: Any) -> tuple[Any, ...]:  # noqa: ANN401 - labels of any kind
    if given is None:
        raise InputError(
            "privacy needs classes, all labels that a row can have, such as classes=(0, 1): which "
            "of them occur would tell of the rows"
        )
    if isinstance(given, str) or not hasattr(given, "__len__"):
        raise InputError(f"privacy classes must be a sequence of labels, got {given!r}")
    listed = given.tolist() if isinstance(given, np.ndarray) else list(given)
    labels = tuple(one.item() if isinstance(one, np.generic) else one for one in listed)
    if not all(isinstance(one, str | int | float) for one in labels):
        raise InputError(f"privacy classes must be text or numbers, got {given!r}")
    if not 2 <= len(set(labels)) == len(labels) <= limits.CLASSES:
        raise InputError(
            f"privacy classes must be 2 to {limits.CLASSES} different labels, got {list(labels)}"
        )
    return labels
