"""What a private training refuses: settings that would tell of its rows past the noise."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmoe_qiskit.backends import Backend
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.train.loop.optimization import CRITERIA, optimizer_class
from qmoe_qiskit.train.private.extra import require_extra
from qmoe_qiskit.train.private.settings import Privacy


def check_private(
    settings: Mapping[str, Any],
    *,
    has_weights: bool,
    incremental: bool,
) -> None:
    """Check the settings of a private training.

    Args:
        settings: The settings of the classifier.
        has_weights: Whether rows were given weights.
        incremental: Whether it is one of several `partial_fit`.

    Raises:
        InputError: If one is not accepted, or the extra `private` is not installed.
    """
    require_extra()
    for what in _refusals(settings, has_weights=has_weights, incremental=incremental):
        raise InputError(f"a private training cannot have {what}")
    if inspect.isclass(settings["criterion"]) and settings["criterion"] not in CRITERIA.values():
        raise InputError(
            "a private training takes a criterion by name, because one of yours may couple rows: "
            f"use one of {', '.join(CRITERIA)}"
        )
    if optimizer_class(settings["optimizer"]).__name__ == "LBFGS":
        raise InputError(
            "optimizer LBFGS evaluates the rows several times per step, which a private training "
            "cannot have: use another one, such as Adam"
        )


def check_rows(privacy: Privacy, labels_N: NDArray[Any]) -> None:
    """Check the rows against what was declared.

    Raises:
        InputError: If a label was not declared, or delta is not below one over the number of rows.
    """
    known_N = np.isin(labels_N, privacy.labels())
    if not known_N.all():
        raise InputError(
            f"y has the label {labels_N[~known_N].tolist()[0]!r}, which is none of the classes "
            f"that privacy declares, {privacy.labels().tolist()}: declare all labels"
        )
    if privacy.delta >= 1 / len(labels_N):
        raise InputError(
            f"privacy delta {privacy.delta:g} is not below 1/{len(labels_N)}, one over the number "
            "of rows: it would allow a whole row to be published; choose a smaller one"
        )


def check_exact(backend: Backend) -> None:
    """Check that the circuit is evaluated exactly, open backends included.

    Raises:
        InputError: If it is sampled.
    """
    if getattr(backend, "shots", None) is not None or hasattr(backend, "device"):
        raise InputError(
            f"a private training on {backend.name!r} cannot be measured with shots: shot noise "
            "never counts as privacy, and a row's shots depend on the rows before it; train with "
            "shots=None on a simulation, and evaluate with shots"
        )


def _refusals(
    settings: Mapping[str, Any], *, has_weights: bool, incremental: bool
) -> Iterator[str]:
    """Yield what is set and cannot be, with what to do instead."""
    given = settings.get
    if given("balance_weight") or given("bias_rate"):
        yield "a balance loss, which couples the rows of a batch: set balance_weight=0"
    if given("top_k") is not None:
        yield (
            "a choice of experts, which gives an expert some rows of a batch only: set top_k=None"
        )
    if given("projection") in {"pca", "linear"}:
        yield (
            f"projection {given('projection')!r}, which begins with components of private rows: "
            "give Privacy its own, projection='random', or fewer features"
        )
    if given("early_stopping"):
        yield (
            "early stopping, because the loss on private rows would decide when it ends: set "
            "early_stopping=False and choose max_epochs beforehand"
        )
    if has_weights or given("class_weight") is not None:
        yield (
            "weights of rows or classes, which change what a row can do: leave sample_weight and "
            "class_weight out"
        )
    if given("callbacks"):
        yield "callbacks, which see losses of private rows: set callbacks=None"
    if incremental or given("warm_start"):
        yield (
            "a beginning in a fitted model, whose own epsilon would have to be added: use fit with "
            "warm_start=False"
        )
    if given("hardware_training") is not None or given("shots") is not None:
        yield (
            "shots, because shot noise never counts as privacy, and a row's shots depend on the "
            "rows before it: train with shots=None on a simulation, and evaluate with shots"
        )
