"""What may follow "noisy:" in the name of a backend; add a noise by registering it here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

from qmoe_qiskit.errors import InputError, unknown_name
from qmoe_qiskit.registry import Entry, Registry

if TYPE_CHECKING:
    from qmoe_qiskit.backends.noisy.circuit import NoiseSource
    from qmoe_qiskit.noise_profiles import NoiseProfile


@dataclass(frozen=True, kw_only=True)
class NoiseKind(Entry):
    """A noise without a calibration, such as "depolarizing".

    Attributes:
        arguments: The names of the numbers that follow the name, such as "T1,T2".
        example: A specification with numbers.
        build: Takes the numbers to the noise; raises InputError if one is impossible.
    """

    arguments: str = ""
    example: str
    build: Callable[..., NoiseSource]

    @property
    def form(self) -> str:
        """The specification with names in place of numbers, such as "noisy:thermal:T1,T2"."""
        return f"noisy:{self.name}:{self.arguments}".rstrip(":")


def _depolarizing(probability: float, *, every_gate: bool = False) -> NoiseSource:
    from qmoe_qiskit.backends.noisy.depolarizing import Depolarizing

    return Depolarizing(probability=probability, every_gate=every_gate)


def _synthetic(**settings: float) -> NoiseSource:
    from qmoe_qiskit.backends.noisy.synthetic import Synthetic

    return Synthetic(**settings)


NOISES = Registry(
    "noise",
    [
        NoiseKind(
            name="depolarizing",
            arguments="P",
            example="noisy:depolarizing:0.05",
            help="on every qubit after the embedding and at the end",
            build=_depolarizing,
        ),
        NoiseKind(
            name="depolarizing-gates",
            arguments="P",
            example="noisy:depolarizing-gates:0.01",
            help="after every gate",
            build=partial(_depolarizing, every_gate=True),
        ),
        NoiseKind(
            name="thermal",
            arguments="T1,T2",
            example="noisy:thermal:100,80",
            help="relaxation, in microseconds",
            build=lambda t1_us, t2_us: _synthetic(t1_s=1e-6 * t1_us, t2_s=1e-6 * t2_us),
        ),
        NoiseKind(
            name="readout",
            arguments="P",
            example="noisy:readout:0.02",
            help="wrong outcomes only",
            build=lambda error: _synthetic(readout_error=error),
        ),
        NoiseKind(
            name="ideal",
            example="noisy:ideal",
            help="a device's gates without noise",
            build=_synthetic,
        ),
    ],
)


def noise_forms() -> dict[str, str]:
    """Return every form of a noisy backend's name, with what it is."""
    return {
        "noisy:DEVICE": "a stored calibration, see qmoe profiles list",
        "noisy:FILE.json": "a calibration of yours",
        "noisy:fake_DEVICE": "the calibration of a fake of qiskit-ibm-runtime",
        **{kind.form: kind.help for kind in NOISES},
    }


def noise_from(spec: str) -> NoiseProfile | NoiseSource:
    """Return the noise that a specification names, such as "noisy:thermal:100,80".

    Raises:
        InputError: If the noise or the calibration does not exist, or a number is impossible.
    """
    _, _, noise = spec.partition(":")
    name, colon, text = noise.partition(":")
    if name in NOISES.names and (noise == name or NOISES.get(name).arguments):
        kind = NOISES.get(name)
        return kind.build(*_numbers(spec, text, kind))
    if colon and not noise.endswith(".json"):
        raise unknown_name("noise", name, [kind.name for kind in NOISES if kind.arguments])
    if noise.startswith("fake_") and not noise.endswith(".json"):
        return _calibration_of_fake(noise)
    from qmoe_qiskit.noise_profiles import load_profile

    return load_profile(noise)


@cache
def _calibration_of_fake(name: str) -> NoiseProfile:
    from qmoe_qiskit.noise_profiles import capture

    return capture(name)


def _numbers(spec: str, text: str, kind: NoiseKind) -> list[float]:
    count = len(kind.arguments.split(",")) if kind.arguments else 0
    try:
        numbers = [float(part) for part in text.split(",")] if count else []
    except ValueError:
        numbers = []
    if len(numbers) != count:
        wanted = {1: "one number", 2: "two numbers"}.get(count, f"{count} numbers")
        raise InputError(
            f"backend {spec!r} needs {wanted} after its last colon, such as {kind.example}"
        )
    return numbers
