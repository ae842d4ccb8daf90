"""Which settings the estimator accepts."""

import math
import os
from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from qmoe_qiskit import limits
from qmoe_qiskit.backends import BackendSpec
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.circuits.angle import ENTANGLEMENTS, ROTATIONS
from qmoe_qiskit.circuits.families import CIRCUITS, DEVICE
from qmoe_qiskit.errors import InputError, require_positive, unknown_name
from qmoe_qiskit.moe import INITIALIZATIONS, READOUTS, ROUTINGS
from qmoe_qiskit.moe.balance.registry import check_balance
from qmoe_qiskit.moe.experts.registry import check_expert
from qmoe_qiskit.moe.routing_settings import check_sparse_routing
from qmoe_qiskit.train.features import PROJECTIONS, scaled_range
from qmoe_qiskit.train.loop.optimization import LIKELIHOODS, criterion_class, name_of
from qmoe_qiskit.train.on_device.settings import HardwareTraining

if TYPE_CHECKING:
    from qmoe_qiskit.train.tasks.protocol import Task

# The counts among the settings, with their largest values.
_COUNTS = {
    "n_experts": limits.EXPERTS,
    "n_layers": limits.ANGLES,
    "reuploads": limits.ANGLES,
    "max_epochs": limits.COUNT,
    "batch_size": limits.COUNT,
    "patience": limits.COUNT,
}
# The settings that choose a backend.
BACKEND_SETTINGS = ("backend", "shots", "mitigation", "device_qubits", "slots")
# The settings that choose some of the experts per row, see `MixtureOfExperts`.
SPARSE_SETTINGS = ("top_k", "capacity_factor", "router_noise")
# Settings of the circuit that a circuit of the user's has itself, with their defaults.
_OF_OUR_CIRCUIT = {
    "circuit": "angle",
    "n_layers": 3,
    "rotation": "x",
    "reuploads": 1,
    "entanglement": "strong",
    "input_scaling": False,
}
_NAMES = {
    "projection": PROJECTIONS,
    "rotation": ROTATIONS,
    "entanglement": (*ENTANGLEMENTS, DEVICE),
    "readout": READOUTS,
    "routing": ROUTINGS,
}


def check_settings(settings: Mapping[str, Any], task: "Task[Any]") -> None:
    """Check all that needs neither data nor an open backend; routers check their own names.

    Raises:
        InputError: If a setting is not accepted; the message names it and quotes its value.
    """
    for name, at_most in _COUNTS.items():
        require_positive(name, settings[name], at_most=at_most)
    if settings["n_qubits"] is not None:
        require_positive("n_qubits", settings["n_qubits"])
    # Names may have been registered since.
    added = {"circuit": CIRCUITS.names, "initialization": INITIALIZATIONS.names}
    for name, known in {**_NAMES, **added}.items():
        if settings[name] not in known:
            raise unknown_name(name, settings[name], known)
    _check_task(settings, task)
    _check_numbers(settings)
    _check_mixture(settings)
    if "n_votes" in settings:
        _check_votes(settings)
    for name in ("early_stopping", "input_scaling", "warm_start"):
        if not isinstance(settings[name], bool | np.bool_):
            raise InputError(f"{name} must be True or False, got {settings[name]!r}")
    weight_of = settings.get("class_weight")
    if not (weight_of is None or isinstance(weight_of, Mapping) or str(weight_of) == "balanced"):
        raise InputError(
            f"class_weight must be None, 'balanced' or weights by label, got {weight_of!r}"
        )
    _check_circuit(settings)
    scaled_range(settings["feature_range"])
    HardwareTraining.of(settings["hardware_training"])
    backend_spec_of(settings)
    checkpoint = settings["checkpoint"]
    if checkpoint is not None and not isinstance(checkpoint, str | os.PathLike):
        raise InputError(f"checkpoint must be a file's path or None, got {checkpoint!r}")
    if settings["callbacks"] is not None:
        from qmoe_qiskit.train.loop.net import check_callbacks

        check_callbacks(settings["callbacks"])
    if checkpoint is not None and settings["callbacks"]:
        raise InputError(
            "a checkpoint does not hold what callbacks know: set checkpoint=None, or callbacks=None"
        )


def backend_spec_of(settings: Mapping[str, Any]) -> BackendSpec:
    """Return the choice of a backend that settings of a classifier make.

    Raises:
        InputError: If a setting has a wrong type or value.
    """
    return BackendSpec(**{name: plain(settings[name]) for name in BACKEND_SETTINGS})


def plain(value: Any) -> Any:  # noqa: ANN401
    """Return a NumPy scalar as a Python number, for JSON; any other value as it is."""
    return value.item() if isinstance(value, np.generic) else value


def json_value(value: Any) -> Any:  # noqa: ANN401
    """Return arrays, tensors and nested values in JSON types; what JSON lacks, as text."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(name): json_value(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)


def _check_numbers(settings: Mapping[str, Any]) -> None:
    rate = settings["learning_rate"]
    if not (_is_number(rate) and math.isfinite(rate) and rate > 0):
        raise InputError(f"learning_rate must be a positive number, got {rate!r}")
    fraction = settings["validation_fraction"]
    if not (_is_number(fraction) and 0 < fraction < 1):
        raise InputError(f"validation_fraction must lie between 0 and 1, got {fraction!r}")


def _check_task(settings: Mapping[str, Any], task: "Task[Any]") -> None:
    routing, criterion = settings["routing"], settings["criterion"]
    if routing not in task.routings:
        raise InputError(
            f"routing {routing!r} is not for {task.name}: drawn experts give probabilities of "
            f"labels; use {' or '.join(map(repr, task.routings))}"
        )
    if isinstance(criterion, str) and criterion not in task.criteria:
        raise unknown_name("criterion", criterion, task.criteria)


def _check_mixture(settings: Mapping[str, Any]) -> None:
    check_expert(settings["expert"])
    check_sparse_routing(
        settings["n_experts"],
        routing=settings["routing"],
        **{name: plain(settings[name]) for name in SPARSE_SETTINGS},
    )
    names = ("balance", "balance_weight", "bias_rate", "top_k")
    check_balance(**{name: plain(settings[name]) for name in names})


def _check_votes(settings: Mapping[str, Any]) -> None:
    n_votes, routing = settings["n_votes"], settings["routing"]
    is_sampled = routing == "sampled"
    if n_votes is not None:
        require_positive("n_votes", n_votes, at_most=limits.SHOTS)
    if not is_sampled and n_votes != 1:
        raise InputError(
            f"n_votes={n_votes!r} would have no effect, because routing {routing!r} draws no "
            "votes: use routing 'sampled', or leave n_votes at 1"
        )
    chosen = criterion_class(settings["criterion"])
    if is_sampled and chosen not in LIKELIHOODS:
        known = " or ".join(one.__name__ for one in LIKELIHOODS)
        raise InputError(
            f"criterion {name_of(chosen)!r} is no likelihood, and routing 'sampled' trains that of "
            f"the mixture: use {known}, or routing 'weighted'"
        )


def _check_circuit(settings: Mapping[str, Any]) -> None:
    """Refuse settings of the circuit, or groups of features, that do not go with it."""
    if isinstance(settings["router"], RouterCircuit):
        _check_own_circuit(settings["router"], settings)
        return
    if settings["projection"] != "groups":
        return
    circuit = settings["circuit"]
    able = [family.name for family in CIRCUITS if "n_qubits" not in family.unused]
    if circuit not in able:
        raise InputError(
            f"projection 'groups' is for circuit {' or '.join(map(repr, able))}, not {circuit!r}, "
            "which takes all of its inputs at once: choose one of them, or another projection"
        )


def _check_own_circuit(circuit: RouterCircuit, settings: Mapping[str, Any]) -> None:
    """Refuse settings that would have no effect, since the circuit is the user's."""
    for name, default in _OF_OUR_CIRCUIT.items():
        if settings[name] != default:
            raise InputError(
                f"{name}={settings[name]!r} would have no effect, because router is a circuit of "
                f"your own: change the circuit, or leave {name} at {default!r}"
            )
    if settings["projection"] == "groups":
        raise InputError(
            "projection 'groups' spreads the features over the uploads of our circuit, and router "
            "is a circuit of your own: use another projection, or give your circuit one input per "
            "feature"
        )
    if settings["n_qubits"] not in (None, circuit.n_inputs):
        raise InputError(
            f"n_qubits={settings['n_qubits']!r} would have no effect, because router is a circuit "
            f"of your own, which takes {circuit.n_inputs} inputs: leave n_qubits at None"
        )


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
