"""The options of a private training: what they ask for together, and which go with others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qmoe_qiskit.runs.request import TrainingRequest
    from qmoe_qiskit.train import Privacy

# Fields of a request, with --epsilon first; the setting of `Privacy` that each gives.
OF_PRIVACY = {
    "epsilon": "epsilon",
    "delta": "delta",
    "bounds": "bounds",
    "classes": "classes",
    "clip": "max_grad_norm",
}
# The value of --projection that only a private training has.
RANDOM = "random"


def check_privacy(request: TrainingRequest) -> None:
    """Check which options of privacy a request has.

    Raises:
        InputError: If one is missing, or would have no effect; or if there are controls.
    """
    given = {name: getattr(request, name) for name in OF_PRIVACY}
    if request.epsilon is None:
        for name, value in given.items():
            if value is not None:
                shown = ",".join(map(str, value)) if isinstance(value, tuple) else value
                raise InputError(
                    f"--{name} {shown} is for a private training: give --epsilon as well, or leave "
                    "it out"
                )
        if request.projection == RANDOM:
            raise InputError(
                "--projection random is for a private training: give --epsilon as well, or choose "
                "another projection"
            )
        return
    if request.task != "classification":
        raise InputError(
            "--epsilon is for a classification, whose classes can be declared: leave it out, or "
            "train with --task classification"
        )
    for name, example in (("delta", "--delta 1e-5"), ("bounds", "--bounds 0,16")):
        if given[name] is None:
            raise InputError(
                f"--epsilon {request.epsilon:g} needs --{name} as well, such as {example}"
            )
    if request.is_file and request.classes is None:
        raise InputError(
            "--epsilon with a file of yours needs --classes as well, all labels that a row can "
            "have, such as --classes 0,1: which of them occur would tell of the rows"
        )
    if request.controls:
        raise InputError(
            f"control {request.controls[0]!r} would be trained on the same private rows, and its "
            "epsilon added to the model's: leave it out, or train it as a run of its own"
        )


def privacy_of(request: TrainingRequest, labels_N: NDArray[Any]) -> Privacy | None:
    """Return the settings of a private training, or None.

    Classes of built-in data, which are public, are those of all its rows.

    Args:
        request: The request.
        labels_N: The labels of all rows, whose type that of the classes is.

    Raises:
        InputError: If a value is not accepted.
    """
    if request.epsilon is None:
        return None
    from qmoe_qiskit.train import Privacy

    given = {
        setting: getattr(request, name)
        for name, setting in OF_PRIVACY.items()
        if getattr(request, name) is not None
    }
    given["classes"] = _typed(request.classes, labels_N)
    if request.projection == RANDOM:
        given["projection"] = RANDOM
    return Privacy(**given)


def privacy_fields(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a request that give the settings of privacy of a stored model."""
    stored = settings.get("privacy") or {}
    found = {name: stored.get(setting) for name, setting in OF_PRIVACY.items()}
    if stored:
        found["bounds"] = tuple(stored["bounds"])
        found["classes"] = tuple(map(str, stored["classes"]))
    if stored.get("projection"):
        found["projection"] = RANDOM
    return found


def _typed(classes: tuple[str, ...] | None, labels_N: NDArray[Any]) -> list[Any]:
    """Return classes in the type of the labels."""
    if classes is None:
        return sorted(set(labels_N.tolist()))
    kind = labels_N.dtype.kind
    try:
        if kind in "iu":
            return [int(one) for one in classes]
        if kind == "f":
            return [float(one) for one in classes]
    except ValueError:
        raise InputError(
            f"--classes {','.join(classes)} must be numbers, as the labels are"
        ) from None
    if kind == "b":
        return [one.lower() in {"1", "true"} for one in classes]
    return list(classes)
