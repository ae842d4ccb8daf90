"""Opening a backend by name; add a kind of backend by registering it here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qmoe_qiskit import limits
from qmoe_qiskit.backends.given import meaning_of, refuse_description
from qmoe_qiskit.backends.noisy.registry import noise_forms, noise_from
from qmoe_qiskit.backends.slots.request import SlotRequest, slot_request
from qmoe_qiskit.errors import InputError, require_positive, unknown_name
from qmoe_qiskit.registry import Entry, Registry

if TYPE_CHECKING:
    from pathlib import Path

    from qiskit.providers import BackendV2

    from qmoe_qiskit.backends.given import Given
    from qmoe_qiskit.backends.noisy.circuit import NoiseSource
    from qmoe_qiskit.backends.protocols import Backend
    from qmoe_qiskit.hardware.devices.protocol import Device
    from qmoe_qiskit.hardware.options import RuntimeOptions
    from qmoe_qiskit.noise_profiles import NoiseProfile


@dataclass(frozen=True, kw_only=True)
class BackendSettings:
    """The arguments of `open_backend`, see there.

    `given` is what the name `spec` stands for, if that was an object.
    """

    spec: str
    shots: int | None
    seed: int | None
    qubits: tuple[int, ...] | None
    mitigation: str
    engine: str
    options: RuntimeOptions | Mapping[str, Any] | None
    ledger: str | Path | None
    budget_s: float | None
    n_qubits: int | None
    given: NoiseProfile | NoiseSource | BackendV2 | None = None
    slots: SlotRequest | None = None

    def refuse_engine(self) -> None:
        """Raise InputError if an engine is chosen: only the statevector has several."""
        if self.engine != "auto":
            raise InputError(
                f"engine {self.engine!r} is for backend 'statevector': backend {self.spec!r} has "
                "one engine; omit it"
            )

    def refuse_runtime_settings(self) -> None:
        """Raise InputError if a setting is given that only the runtime backends have."""
        if self.options is not None or self.ledger is not None or self.budget_s is not None:
            raise InputError(
                f"backend {self.spec!r} has no options, ledger or budget: they are for the runtime "
                "backends, such as 'runtime:ibm_fez'"
            )


@dataclass(frozen=True, kw_only=True)
class BackendKind(Entry):
    """A kind of backend: the part of a specification before its first colon.

    Attributes:
        forms: Returns every form of a specification, with what it is.
        open: Opens the backend; raises InputError if it does not accept a setting.
    """

    forms: Callable[[], Mapping[str, str]]
    open: Callable[[BackendSettings], Backend]


def open_backend(
    spec: str | Given,
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
    slots: str | int | None = None,
    spacing: int | None = None,
    max_error: float | None = None,
) -> Backend:
    """Open the backend that a specification names, or that an object of Qiskit means.

    Args:
        spec: "statevector": exact and noiseless. "noisy:ibm_torino": a stored calibration, see
            `list_profiles`. "noisy:FILE.json": a calibration of yours. "noisy:depolarizing:0.05":
            the paper's noise, on every qubit after the embedding and at the end.
            "noisy:depolarizing-gates:0.01": after every gate. "noisy:thermal:100,80": T1 and T2
            in microseconds. "noisy:readout:0.02": wrong outcomes only. "noisy:ideal": a device's
            gates without noise. "runtime:ibm_fez": a device of IBM Quantum, by the account that
            qiskit-ibm-runtime has stored or finds in the environment. "runtime:least_busy": the
            device with the shortest queue. "runtime:fake_torino": its stored fake, on this machine,
            by the same primitives. "noisy:fake_torino": the calibration of that fake.
            "surrogate:FILE": what `FourierSurrogate.save` wrote, for the circuit that was measured.
            Or an object: a `BackendV2`, such as a fake, runs on this machine by IBM's primitives;
            the noise of a `NoiseProfile` (`NoiseProfile.from_backend(backend)`), of a `Target`, of
            an Aer `NoiseModel` or `AerSimulator` is simulated, exactly or by shots. The last two
            have no device qubits: the circuit is in the basis gates of the model.
        shots: The number of shots per sample; None for exact values and derivatives, or for a
            runtime backend's default.
        seed: The seed of shots, of routing, and of the point at which the engine is compared with
            Aer.
        qubits: The device qubits to run on; None for those with the smallest expected error.
        mitigation: How a noisy backend undoes errors: "none", "readout" (by the calibrated
            probabilities) or "zne" (zero-noise extrapolation by gate folding: three circuits, each
            with all shots).
        engine: The simulator that evaluates a "statevector": "batched", "aer" or "auto".
        options: The `RuntimeOptions` of a "runtime" backend, or a dict of them.
        ledger: The file that records the jobs of a device of IBM Quantum.
        budget_s: The QPU time, in seconds, that all work given to a "runtime" backend may take; a
            fake takes none.
        n_qubits: The number of qubits that the device of "runtime:least_busy" must have.
        slots: How many samples to evaluate at once, each on device qubits of its own: a number, or
            "auto" for as many as pay, see `qmoe_qiskit.backends.slots.finding.find_slots`. None for
            one at a time.
        spacing: The number of idle qubits between two slots; 1 by default.
        max_error: The largest expected error of a slot; by default "auto" allows 0.1 more than that
            of the best slot, and a number of slots any.

    Raises:
        InputError: If the specification or a setting is not accepted.
        HardwareError: If the service refuses or cannot be reached.

    >>> from qmoe_qiskit import angle_router
    >>> compiled = open_backend("statevector").compile(angle_router(2, 1))
    >>> compiled.expectations([[0.0, 0.0]], [0.0] * 6).values
    array([[1., 1.]])
    """
    if seed is not None and (not hasattr(seed, "__index__") or seed < 0):
        raise InputError(f"seed must be a whole number of at least 0, got {seed!r}")
    from qmoe_qiskit.backends.statevector import ENGINES

    if engine not in ENGINES:
        raise unknown_name("engine", engine, ENGINES)
    packed = slot_request(slots, spacing, max_error)
    given: NoiseProfile | NoiseSource | BackendV2 | None = None
    if not isinstance(spec, str):
        spec, given = meaning_of(spec)
    else:
        refuse_description(spec)
    name, _, rest = spec.partition(":")
    forms = BACKENDS.get(name).forms() if name in BACKENDS.names else {}
    if spec not in forms and not (rest and any(":" in form for form in forms)):
        raise unknown_name("backend", spec, list_backends())
    return BACKENDS.get(name).open(
        BackendSettings(
            spec=spec,
            shots=shots,
            seed=None if seed is None else int(seed),  # Qiskit takes no NumPy integers
            qubits=None if qubits is None else tuple(qubits),
            mitigation=mitigation,
            engine=engine,
            options=options,
            ledger=ledger,
            budget_s=budget_s,
            n_qubits=n_qubits,
            given=given,
            slots=packed,
        )
    )


def list_backends() -> tuple[str, ...]:
    """Return every form of a specification for `open_backend`, sorted.

    >>> "noisy:thermal:T1,T2" in list_backends()
    True
    """
    return tuple(sorted(form for kind in BACKENDS for form in kind.forms()))


def backends_help(*kinds: str) -> str:
    """Return every form of these kinds of backends with its explanation, for a help text."""
    forms = {form: text for kind in kinds for form, text in BACKENDS.get(kind).forms().items()}
    return ", ".join(f"{form} ({text})" for form, text in forms.items())


def _open_statevector(settings: BackendSettings) -> Backend:
    from qmoe_qiskit.backends.statevector import StatevectorBackend

    settings.refuse_runtime_settings()
    if settings.slots is not None:
        raise InputError(
            "backend 'statevector' has no device to pack slots on: omit slots, or name a device, "
            "such as 'noisy:ibm_torino' or 'runtime:ibm_fez'"
        )
    if (settings.shots, settings.qubits, settings.mitigation) != (None, None, "none"):
        raise InputError(
            "backend 'statevector' is exact and has no device: shots, qubits and mitigation are "
            "for the noisy backends, such as 'noisy:ibm_torino'"
        )
    return StatevectorBackend(engine=settings.engine, seed=settings.seed)


def _open_noisy(settings: BackendSettings) -> Backend:
    from qmoe_qiskit.backends.noisy.backend import NoisyBackend

    settings.refuse_engine()
    settings.refuse_runtime_settings()
    return NoisyBackend(
        name=settings.spec,
        noise=noise_from(settings.spec) if settings.given is None else settings.given,
        shots=settings.shots,
        seed=settings.seed,
        qubits=settings.qubits,
        mitigation=settings.mitigation,
        slots=settings.slots,
    )


def _open_runtime(settings: BackendSettings) -> Backend:
    from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
    from qmoe_qiskit.hardware.options import runtime_options

    settings.refuse_engine()
    spec, budget_s = settings.spec, settings.budget_s
    if settings.mitigation != "none":
        raise InputError(
            f"mitigation {settings.mitigation!r} is for the noisy backends: backend {spec!r} "
            "mitigates by its options, see resilience_level"
        )
    options = runtime_options(settings.options)
    if budget_s is not None and not 0 < budget_s < math.inf:
        raise InputError(f"budget_s must be a number of seconds above 0, got {budget_s!r}")
    shots = require_positive("shots", options.shots(settings.shots), at_most=limits.SHOTS)
    name = spec.partition(":")[2]
    device: Device
    if name.startswith("fake_") or settings.given is not None:
        if settings.ledger is not None:
            raise InputError(f"backend {spec!r} runs on this machine and has no ledger: omit it")
        from qmoe_qiskit.hardware.devices.fake import FakeDevice

        source: Any = name if settings.given is None else settings.given
        device = FakeDevice(source, seed=settings.seed)
    else:
        from qmoe_qiskit.hardware.devices.ibm import IBMDevice

        device = IBMDevice(
            name,
            fractional_gates=options.fractional_gates,
            ledger=settings.ledger,
            budget_s=budget_s,
            n_qubits=settings.n_qubits,
        )
    return RuntimeBackend(
        name=spec,
        device=device,
        options=options,
        shots=shots,
        seed=settings.seed,
        qubits=settings.qubits,
        slots=settings.slots,
    )


def _open_surrogate(settings: BackendSettings) -> Backend:
    from qmoe_qiskit.backends.surrogate.backend import SurrogateBackend

    settings.refuse_engine()
    settings.refuse_runtime_settings()
    if (settings.shots, settings.qubits, settings.mitigation) != (None, None, "none"):
        raise InputError(
            f"backend {settings.spec!r} was measured already: shots, qubits and mitigation are "
            "those of the measurement; omit them"
        )
    if settings.slots is not None:
        raise InputError(
            f"backend {settings.spec!r} was measured already: its slots are those of the "
            "measurement; omit slots"
        )
    return SurrogateBackend(settings.spec.partition(":")[2])


BACKENDS = Registry(
    "kind of backend",
    [
        BackendKind(
            name="statevector",
            help="exact and noiseless",
            forms=lambda: {"statevector": "exact, no noise"},
            open=_open_statevector,
        ),
        BackendKind(
            name="noisy",
            help="a device's calibration or another noise, exact or by shots",
            forms=noise_forms,
            open=_open_noisy,
        ),
        BackendKind(
            name="runtime",
            help="a device of IBM Quantum or its fake, by IBM's primitives",
            forms=lambda: {
                "runtime:DEVICE": "a device of IBM Quantum",
                "runtime:fake_DEVICE": "its stored fake, on this machine",
                "runtime:least_busy": "the device with the shortest queue",
            },
            open=_open_runtime,
        ),
        BackendKind(
            name="surrogate",
            help="measured values of one trained circuit",
            forms=lambda: {"surrogate:FILE": "a file of qmoe surrogate"},
            open=_open_surrogate,
        ),
    ],
)
