"""The device of a training: checked and opened, and the measurements on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qmoe_qiskit.backends.given import is_given
from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
from qmoe_qiskit.backends.runtime.compiled_router import RuntimeRouter
from qmoe_qiskit.backends.surrogate import SurrogatePlan
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.train.on_device.measuring import DeviceMeasurement, check_shifts

if TYPE_CHECKING:
    from qmoe_qiskit.backends import BackendSpec
    from qmoe_qiskit.moe import QuantumRouter
    from qmoe_qiskit.train.on_device.settings import HardwareTraining


def check_with_hardware(settings: Mapping[str, Any]) -> None:
    """Check the settings of a classifier that is trained on a device, before it is opened.

    Raises:
        InputError: If one cannot be used.
    """
    router, backend = settings["router"], settings["backend"]
    if not (router == "quantum" or isinstance(router, RouterCircuit)):
        raise InputError(
            f"router {router!r} is classical, and hardware_training measures a circuit: use router "
            "'quantum', or leave hardware_training out"
        )
    if isinstance(backend, str) and not backend.startswith("runtime:"):
        raise InputError(
            f"hardware_training is for a device, not {backend!r}: name one, such as "
            "'runtime:ibm_fez', or 'runtime:fake_torino' for a rehearsal"
        )
    if settings["slots"] is not None:
        raise InputError(
            f"slots={settings['slots']!r} would have no effect, because hardware_training chooses "
            "its own: set its slots, and leave slots of the classifier at None"
        )
    if settings["projection"] == "linear":
        raise InputError(
            "projection 'linear' is not trained on a device, which would be measured anew at the "
            "inputs of every step: use projection 'pca', or train without hardware_training"
        )
    for name in ("top_k", "bias_rate"):
        if settings[name]:
            raise InputError(
                f"{name}={settings[name]!r} is for a simulated training: a training on a device "
                "weights all experts; leave it out with hardware_training"
            )
    if settings["balance"] != "switch":
        raise InputError(
            f"balance={settings['balance']!r} is for a simulated training: use 'switch' with "
            "hardware_training"
        )
    if settings["callbacks"]:
        raise InputError(
            "callbacks see the epochs of a simulated training: leave them out with "
            "hardware_training"
        )


def open_device(spec: BackendSpec, hardware: HardwareTraining, *, seed: int) -> RuntimeBackend:
    """Open the device that settings choose; nothing is sent.

    Raises:
        HardwareError: If the service refuses.
        InputError: If it is no device, or a real device without a budget.
    """
    given: Any = spec.backend
    if isinstance(given, str) or is_given(given):
        spec = replace(spec, slots=hardware.slots, options=hardware.options)
    elif isinstance(given, RuntimeBackend) and hardware.options is not None:
        raise InputError(
            f"backend {given.name!r} is open already: options are set where it is opened, with "
            "open_backend"
        )
    backend = spec.open(seed=seed)
    if not isinstance(backend, RuntimeBackend):
        raise InputError(
            f"hardware_training is for a device, not {backend.name!r}: name one, such as "
            "'runtime:ibm_fez', or 'runtime:fake_torino' for a rehearsal"
        )
    if hardware.budget_s is None and not backend.device.is_local:
        raise InputError(
            f"a training on {backend.device.name} needs a budget: give budget_s in "
            "hardware_training, in seconds of QPU time"
        )
    return backend


def measurement_of(
    router: QuantumRouter, hardware: HardwareTraining, *, seed: int, spent_s: float
) -> DeviceMeasurement:
    """Return the measurements of a router on its device.

    Raises:
        InputError: If the circuit has no surrogate, or no exact derivative where it is asked for.
    """
    compiled = router.connector.compiled
    assert isinstance(compiled, RuntimeRouter)
    # A point of a check would cost an execution at every set of weights.
    plan = SurrogatePlan.make(compiled.router, points=hardware.points, checks=0)
    if hardware.method == "parameter-shift":
        check_shifts(compiled)
    return DeviceMeasurement(compiled, plan, seed=seed, spent_s=spent_s, budget_s=hardware.budget_s)
