"""Settings of IBM's primitives, validated before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from qiskit_ibm_runtime.executor_estimator.finalize_options import finalize_estimator_options
from qiskit_ibm_runtime.options_models.dynamical_decoupling import DynamicalDecouplingOptions
from qiskit_ibm_runtime.options_models.estimator import EstimatorOptions
from qiskit_ibm_runtime.options_models.execution import ExecutionOptions
from qiskit_ibm_runtime.options_models.resilience import ResilienceOptions
from qiskit_ibm_runtime.options_models.sampler import SamplerOptions
from qiskit_ibm_runtime.options_models.twirling import TwirlingOptions

from qmoe_qiskit import limits
from qmoe_qiskit.errors import InputError, quoted
from qmoe_qiskit.io.toml_file import check_values, read_toml

DEFAULT_SHOTS = 4096
# The sampler has all of them but the first.
_NESTED = ("resilience", "twirling", "dynamical_decoupling", "execution")


class RuntimeOptions(BaseModel):
    """Settings of the runtime backend; the nested ones are IBM's options under IBM's names.

    Attributes:
        primitive: "estimator" mitigates errors; "sampler" returns plain counts.
        mode: The execution mode: "job", "batch" or "session". The Open plan has no sessions.
        precision: Target standard error of each expectation value, in place of a number of shots:
            1 / precision^2 shots are taken.
        resilience_level: Error mitigation of the estimator. 0: none. 1: TREX (readout errors, by
            measurement twirling). 2: TREX, gate twirling and zero-noise extrapolation. The standard
            errors that IBM's estimator states at 1 and 2 are too small: by up to 1.24 times where
            it was measured, see docs/how-to/ibm-quantum.md.
        resilience: Details of error mitigation.
        twirling: Details of twirling.
        dynamical_decoupling: Pulse sequences on idle qubits.
        execution: Delay between executions, in seconds, and initialization of qubits.
        fractional_gates: Whether the circuit may use the device's fractional gates: rx, and rzz
            for fixed angles, which is not used where gates are twirled or folded.
        gradient: "parameter-shift" is exact in expectation; "spsa" takes two evaluations per
            random direction for the whole gradient.
        spsa_directions: Number of random directions that are averaged.
        spsa_step: Length of a step along a direction, in radians.
        session_seconds: Longest time that a session or batch stays open, in seconds.
        repetition: A number that distinguishes equal requests. Work that was paid for is not sent
            again unless this number is new.

    >>> RuntimeOptions(resilience_level=2).mitigation
    'TREX, gate twirling and ZNE'
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    primitive: Literal["estimator", "sampler"] = "estimator"
    mode: Literal["job", "batch", "session"] = "job"
    precision: Annotated[float, Field(gt=0, lt=1)] | None = None
    resilience_level: Literal[0, 1, 2] = 1
    resilience: ResilienceOptions = ResilienceOptions()
    twirling: TwirlingOptions = TwirlingOptions()
    dynamical_decoupling: DynamicalDecouplingOptions = DynamicalDecouplingOptions()
    execution: ExecutionOptions = ExecutionOptions()
    fractional_gates: bool = False
    gradient: Literal["parameter-shift", "spsa"] = "parameter-shift"
    spsa_directions: Annotated[int, Field(ge=1, le=limits.ITEMS)] = 1
    spsa_step: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.2
    session_seconds: Annotated[int, Field(ge=1, le=limits.COUNT)] = 3600
    repetition: Annotated[int, Field(ge=0)] = 0

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Show the settings that differ from the defaults."""
        known = type(self).model_fields
        return [(name, v) for name, v in super().__repr_args__() if v != known[str(name)].default]

    @model_validator(mode="after")
    def _refuse_unsupported(self) -> RuntimeOptions:
        resilience = self.resilience
        if resilience.pec_mitigation or resilience.zne.amplifier == "pea":
            raise ValueError(
                "PEC and PEA need a learned noise model, which is not offered: use the gate "
                "folding amplifiers"
            )
        factors = [*_numbers(resilience.zne.noise_factors)]
        factors += _numbers(resilience.zne.extrapolated_noise_factors)
        if len(factors) > limits.FACTORS or not all(f <= limits.FACTORS for f in factors):
            raise ValueError(
                f"zero-noise extrapolation takes at most {limits.FACTORS} noise factors, of at "
                f"most {limits.FACTORS} each"
            )
        delay = self.execution.rep_delay
        if delay is not None and not 0 <= delay < math.inf:
            raise ValueError(f"rep_delay is {delay}: it must be seconds, 0 or more")
        for name in ("num_randomizations", "shots_per_randomization"):
            number = getattr(self.twirling, name)
            if isinstance(number, int) and number > limits.SHOTS:
                raise ValueError(
                    f"twirling.{name} is {quoted(number)}: at most {limits.SHOTS} are accepted"
                )
        mitigates = resilience.measure_mitigation
        if mitigates is None:
            mitigates = self.primitive == "estimator" and self.resilience_level > 0
        if mitigates and self.twirling.enable_measure is False:
            raise ValueError(
                "measurement mitigation (TREX) needs measurement twirling: omit "
                "twirling.enable_measure, or use resilience_level 0"
            )
        if self.primitive == "sampler":
            mitigated = resilience.measure_mitigation or resilience.zne_mitigation
            if mitigated or "resilience_level" in self.model_fields_set:
                raise ValueError("mitigation is the estimator's: omit it, or primitive 'sampler'")
        return self

    @property
    def mitigation(self) -> str:
        """The active error mitigation and suppression, such as "TREX", or "none"."""
        names = self.active
        if len(names) > 1:
            return f"{', '.join(names[:-1])} and {names[-1]}"
        return names[0] if names else "none"

    @property
    def active(self) -> tuple[str, ...]:
        """The names of the active mitigations and suppressions."""
        twirling: Any = self.twirling
        trex = zne = False
        if self.primitive == "estimator":
            # IBM's rules decide what a resilience level switches on.
            final = finalize_estimator_options(self.for_primitive(DEFAULT_SHOTS))
            twirling = final.twirling
            trex = bool(final.resilience.measure_mitigation)
            zne = bool(final.resilience.zne_mitigation)
        active = {
            "TREX": trex,
            "measurement twirling": twirling.enable_measure and not trex,  # it is part of TREX
            "gate twirling": twirling.enable_gates,
            "ZNE": zne,
            "dynamical decoupling": self.dynamical_decoupling.enable,
        }
        return tuple(name for name, is_on in active.items() if is_on)

    @property
    def std_error_note(self) -> str | None:
        """What must be said of the standard errors that the primitive states, or None."""
        mitigations = [name for name in ("TREX", "ZNE") if name in self.active]
        if not mitigations:
            return None
        return (
            f"IBM's estimator states too small standard errors with {' and '.join(mitigations)}: "
            "repeated evaluations scattered up to 1.24 times as much where it was measured"
        )

    @property
    def twirls_or_folds(self) -> bool:
        """Whether two-qubit gates are twirled or folded, which only Clifford gates can be."""
        return not {"gate twirling", "ZNE"}.isdisjoint(self.active)

    def shots(self, shots: int | None) -> int:
        """Return the number of shots per point, from a number of shots or the precision.

        Raises:
            InputError: If both are given, or the precision takes too many shots.
        """
        if self.precision is None:
            return DEFAULT_SHOTS if shots is None else shots
        if shots is not None:
            raise InputError(
                f"shots {shots} and precision {self.precision} are two ways to say one thing: "
                "omit one"
            )
        if self.precision * math.sqrt(limits.SHOTS) < 1:
            raise InputError(
                f"precision {self.precision} takes more than {limits.shown('SHOTS')} shots: "
                "take a larger one"
            )
        return math.ceil(1 / self.precision**2)

    def key_settings(self, *, gradient: bool) -> dict[str, Any]:
        """Return the settings that are part of a work's key, as JSON types.

        They decide what is executed; the others only decide how it is sent. The gradient's
        settings belong to the work if it is a gradient.
        """
        aside = {"mode", "session_seconds", "precision"}  # precision has become a number of shots
        if not gradient:
            aside |= {"gradient", "spsa_directions", "spsa_step"}
        # Without defaults: an option that IBM's library adds must not change the key of old work.
        defaults = self._defaults()
        return self.model_dump(mode="json", exclude=aside | set(_NESTED)) | {
            name: changed
            for name in sorted(self._nested)
            if (changed := _changes(getattr(self, name).model_dump(mode="json"), *defaults[name]))
        }

    def _defaults(self) -> dict[str, tuple[dict[str, Any], ...]]:
        """Return the nested options of default settings: as unset, and as they take effect."""
        blank = {name: getattr(RuntimeOptions(), name).model_dump(mode="json") for name in _NESTED}
        effective = {"twirling": {"enable_gates": False, "enable_measure": False}}
        if self.primitive == "estimator":
            level = RuntimeOptions(resilience_level=self.resilience_level)
            final = finalize_estimator_options(level.for_primitive(DEFAULT_SHOTS))
            effective = final.model_dump(mode="json")
        return {name: (blank[name], effective.get(name, {})) for name in _NESTED}

    def for_primitive(self, shots: int) -> EstimatorOptions | SamplerOptions:
        """Return IBM's options for the estimator or sampler."""
        # Unset options are left out: IBM's defaults depend on the resilience level.
        given: dict[str, Any] = {
            name: getattr(self, name).model_dump(exclude_unset=True) for name in self._nested
        }
        if self.primitive == "sampler":
            return SamplerOptions(default_shots=shots, **given)
        level = self.resilience_level
        return EstimatorOptions(default_shots=shots, resilience_level=level, **given)

    @property
    def _nested(self) -> tuple[str, ...]:
        return _NESTED if self.primitive == "estimator" else _NESTED[1:]


def runtime_options(options: RuntimeOptions | Mapping[str, Any] | None) -> RuntimeOptions:
    """Return validated options; None means the defaults.

    Raises:
        InputError: If a name is unknown or a value is not accepted.
    """
    if isinstance(options, RuntimeOptions):
        return options
    given = {} if options is None else dict(options)
    check_values(given, "runtime options")
    try:
        return RuntimeOptions.model_validate(given)
    except ValidationError as error:
        raise InputError(f"runtime options: {_first(error)}") from error


def read_options(path: str | Path) -> dict[str, Any]:
    """Read options from a TOML file, without validation; see `runtime_options`.

    Raises:
        InputError: If the file cannot be read or is not TOML.
    """
    return read_toml(path, "options")


def _numbers(factors: Sequence[float] | str | None) -> list[float]:
    """Return noise factors; "auto" and None are none."""
    return [] if factors is None or isinstance(factors, str) else list(factors)


def _changes(found: dict[str, Any], *defaults: dict[str, Any]) -> dict[str, Any]:
    """Return the entries, nested ones too, that differ from every one of the defaults."""
    changes: dict[str, Any] = {}
    for name, value in found.items():
        others = [one[name] for one in defaults if name in one]
        if not isinstance(value, dict):
            if value not in others:
                changes[name] = value
        elif inner := _changes(value, *(one for one in others if isinstance(one, dict))):
            changes[name] = inner
    return changes


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = ", ".join(sorted(RuntimeOptions.model_fields))
        return f"unknown option {where!r}; known at the top level are {known}"
    text = problem["msg"].removeprefix("Value error, ")
    return f"{where} = {quoted(problem['input'])}: {text}" if where else text
