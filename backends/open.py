"""Opening a backend by name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qmoe_qiskit.backends.protocols import Backend
from qmoe_qiskit.backends.statevector import ENGINES, StatevectorBackend
from qmoe_qiskit.errors import InputError, require_positive, unknown_name

if TYPE_CHECKING:
    from pathlib import Path

    from qmoe_qiskit.backends.noisy.backend import NoisyBackend
    from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
    from qmoe_qiskit.hardware.devices.protocol import Device
    from qmoe_qiskit.hardware.options import RuntimeOptions

BACKENDS = (
    "noisy:DEVICE",
    "noisy:FILE.json",
    "noisy:depolarizing-gates:P",
    "noisy:depolarizing:P",
    "noisy:ideal",
    "noisy:readout:P",
    "noisy:thermal:T1,T2",
    "runtime:DEVICE",
    "runtime:fake_DEVICE",
    "runtime:least_busy",
    "statevector",
)


def open_backend(
    spec: str,
    *,
    shots: int | None = None,
    seed: int | None = None,
    qubits: Sequence[int] | None = None,
    mitigation: str = "none",
    engine: str = "auto",
    options: RuntimeOptions | Mapping[str, Any] | None = None,
    ledger: str | Path | None = None,
    budget_s: float | None = None,
    n_qubits: int | None = None,
) -> Backend:
    """Open the backend that a specification names.

    Args:
        spec: "statevector": exact and noiseless. "noisy:ibm_torino": a stored calibration, see
            `list_profiles`. "noisy:FILE.json": a calibration of yours. "noisy:depolarizing:0.05":
            the paper's noise, on every qubit behind the embedding and at the end.
            "noisy:depolarizing-gates:0.01": behind every gate. "noisy:thermal:100,80": T1 and T2
            in microseconds. "noisy:readout:0.02": wrong outcomes only. "noisy:ideal": a device's
            gates without noise. "runtime:ibm_fez": a device of IBM Quantum, by the account that
            qiskit-ibm-runtime has stored or finds in the environment. "runtime:least_busy": the
            one with the shortest queue. "runtime:fake_torino": its stored fake, on this machine,
            by the same primitives.
        shots: Shots per sample; None for exact values and derivatives, or a runtime backend's
            default.
        seed: Seeds shots, routing, and the point at which the engine is compared with Aer.
        qubits: Device qubits to run on; by default those with the smallest expected error.
        mitigation: "none", or "readout" to undo readout errors by the calibrated probabilities.
        engine: For "statevector": which simulator evaluates, "batched", "aer" or "auto".
        options: For "runtime": `RuntimeOptions`, or a dict of them.
        ledger: For a device of IBM Quantum: the file that its jobs are recorded in.
        budget_s: For "runtime": QPU time, in seconds, that all work given to the backend may take;
            a fake takes none.
        n_qubits: For "runtime:least_busy": how many qubits the device must have.

    Raises:
        InputError: If the specification or a setting is not accepted.
        HardwareError: If the service refuses or cannot be reached.
    """
    if seed is not None and (not hasattr(seed, "__index__") or seed < 0):
        raise InputError(f"seed must be a whole number of at least 0, got {seed!r}")
    seed = None if seed is None else int(seed)  # Qiskit takes no NumPy integers
    if engine not in ENGINES:
        raise unknown_name("engine", engine, ENGINES)
    kind, _, rest = spec.partition(":")
    if spec != "statevector" and not (kind in {"noisy", "runtime"} and rest):
        raise unknown_name("backend", spec, BACKENDS)
    if spec != "statevector" and engine != "auto":
        raise InputError(
            f"engine {engine!r} is for backend 'statevector': backend {spec!r} has one engine; "
            "omit it"
        )
    if kind == "runtime":
        if mitigation != "none":
            raise InputError(
                f"mitigation {mitigation!r} is for the noisy backends: backend {spec!r} mitigates "
                "by its options, see resilience_level"
            )
        return _open_runtime(
            spec,
            rest,
            shots=shots,
            seed=seed,
            qubits=None if qubits is None else tuple(qubits),
            options=options,
            ledger=ledger,
            budget_s=budget_s,
            n_qubits=n_qubits,
        )
    if options is not None or ledger is not None or budget_s is not None:
        raise InputError(
            f"backend {spec!r} has no options, ledger or budget: they are for the runtime "
            "backends, such as 'runtime:ibm_fez'"
        )
    if kind == "noisy":
        return _open_noisy(
            spec,
            rest,
            shots=shots,
            seed=seed,
            qubits=None if qubits is None else tuple(qubits),
            mitigation=mitigation,
        )
    if shots is not None or qubits is not None or mitigation != "none":
        raise InputError(
            "backend 'statevector' is exact and has no device: shots, qubits and mitigation are "
            "for the noisy backends, such as 'noisy:ibm_torino'"
        )
    return StatevectorBackend(engine=engine, seed=seed)


def _open_noisy(
    spec: str,
    noise: str,
    *,
    shots: int | None,
    seed: int | None,
    qubits: tuple[int, ...] | None,
    mitigation: str,
) -> NoisyBackend:
    from qmoe_qiskit.backends.noisy.backend import Depolarizing, NoisyBackend, Synthetic
    from qmoe_qiskit.noise_profiles import load_profile

    name, _, text = noise.partition(":")
    model: object
    if name in {"depolarizing", "depolarizing-gates"}:
        (probability,) = _numbers(spec, text, 1)
        model = Depolarizing(probability=probability, every_gate=name == "depolarizing-gates")
    elif name == "thermal":
        t1_us, t2_us = _numbers(spec, text, 2)
        model = Synthetic(t1_s=1e-6 * t1_us, t2_s=1e-6 * t2_us)
    elif name == "readout":
        (error,) = _numbers(spec, text, 1)
        model = Synthetic(readout_error=error)
    elif noise == "ideal":
        model = Synthetic()
    elif text and not noise.endswith(".json"):
        kinds = [known.split(":")[1] for known in BACKENDS if known.count(":") == 2]
        raise unknown_name("noise", name, kinds)
    else:
        model = load_profile(noise)
    return NoisyBackend(
        name=spec, noise=model, shots=shots, seed=seed, qubits=qubits, mitigation=mitigation
    )


def _open_runtime(
    spec: str,
    name: str,
    *,
    shots: int | None,
    seed: int | None,
    qubits: tuple[int, ...] | None,
    options: RuntimeOptions | Mapping[str, Any] | None,
    ledger: str | Path | None,
    budget_s: float | None,
    n_qubits: int | None,
) -> RuntimeBackend:
    from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
    from qmoe_qiskit.hardware.options import runtime_options

    settings = runtime_options(options)
    if budget_s is not None and not 0 < budget_s < math.inf:
        raise InputError(f"budget_s must be a number of seconds above 0, got {budget_s!r}")
    n_shots = require_positive("shots", settings.shots(shots))
    device: Device
    if name.startswith("fake_"):
        if ledger is not None:
            raise InputError(f"backend {spec!r} runs on this machine and has no ledger: omit it")
        from qmoe_qiskit.hardware.devices.fake import FakeDevice

        device = FakeDevice(name, seed=seed)
    else:
        from qmoe_qiskit.hardware.devices.ibm import open_device

        device = open_device(
            name,
            fractional_gates=settings.fractional_gates,
            ledger=ledger,
            budget_s=budget_s,
            n_qubits=n_qubits,
        )
    return RuntimeBackend(
        name=spec, device=device, options=settings, shots=n_shots, seed=seed, qubits=qubits
    )


def _numbers(spec: str, text: str, count: int) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        form = "two numbers, such as noisy:thermal:100,80" if count == 2 else "one number"
        raise InputError(f"backend {spec!r} needs {form} behind its last colon")
    return numbers
