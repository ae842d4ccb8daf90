"""Fake devices: this machine simulates them with the primitives in local testing mode.

The primitives measure every qubit of a circuit, so a circuit over 156 qubits cannot be simulated.
The simulation on the circuit's active qubits alone, with their noise, gives the same outcomes; so
does one of each part of the circuit by itself, since the noise has no crosstalk.
"""

from dataclasses import replace
from functools import cache, cached_property
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.providers import BackendV2
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime import fake_provider
from qiskit_ibm_runtime.exceptions import IBMInputValueError
from qiskit_ibm_runtime.fake_provider.fake_backend import FakeBackendV2

from qmoe_qiskit.errors import InputError, unknown_name
from qmoe_qiskit.hardware.devices.pulses import has_u_gates, pulses_of, with_pulses
from qmoe_qiskit.hardware.independent_parts import independent_parts
from qmoe_qiskit.hardware.primitives import primitive_for, pubs_of, values_of
from qmoe_qiskit.hardware.work import Outcome, WorkUnit
from qmoe_qiskit.noise_profiles import NoiseProfile, capture
from qmoe_qiskit.noise_profiles.scheduling import scheduled
from qmoe_qiskit.noise_profiles.simulated import simulated

# Up to this number of qubits, a density matrix is cheaper than one trajectory per shot.
_MAX_DENSITY_QUBITS = 8
_MAX_QUBITS = 20
# Limit of one run: Aer keeps the outcome of each shot as a string.
_MAX_SHOTS_A_RUN = 2**20


class FakeDevice:
    """A fake device of qiskit-ibm-runtime: a simulation with a real device's old calibration.

    Args:
        source: The name of the fake, such as "fake_torino", or a backend of Qiskit with a target,
            whose calibration is simulated.
        seed: Seed of all shots. Each execution draws new shots; a reopened device repeats them.

    Raises:
        InputError: If no fake has this name.
    """

    name: str
    backend: Any
    is_local = True
    service = ""
    ledger = None

    def __init__(self, source: str | BackendV2, *, seed: int | None = None) -> None:
        kinds = _fakes()
        self._source = source
        if not isinstance(source, str):
            # A name in angle brackets opens nothing again.
            self.name = source.name if is_fake(source) else f"<{source.name}>"
            self.backend = source
        elif source in kinds:
            self.name, self.backend = source, kinds[source]()
        else:
            raise unknown_name("fake device", source, kinds)
        self._rng = np.random.default_rng(seed)
        self._simulators: dict[tuple[int, ...], AerSimulator] = {}

    def __repr__(self) -> str:
        return f"<FakeDevice {self.name!r}, {self.backend.num_qubits} qubits>"

    def reseed(self, *seeds: int) -> None:
        """Begin the shots anew, from other seeds: equal seeds give equal shots."""
        self._rng = np.random.default_rng(seeds)

    def profile(self) -> NoiseProfile:
        """Return the calibration of the device."""
        return self._profile

    def execute(self, work: WorkUnit) -> Outcome:
        """Simulate the work on its active qubits, part by part where no gate joins them.

        Raises:
            InputError: If there are too many active qubits, or the options contradict each other.
        """
        parts = independent_parts(work)
        if len(parts) == 1:
            return self._execute(parts[0].work)
        values_PO, std_errors_PO = np.zeros((2, work.n_points, len(work.observables)))
        executions = 0
        for part in parts:
            outcome = self._execute(part.work)
            outputs = list(part.outputs)
            values_PO[:, outputs] = outcome.values_PO
            std_errors_PO[:, outputs] = outcome.std_errors_PO
            executions = max(executions, outcome.executions)  # on the device all run at once
        return Outcome(
            values_PO=values_PO, std_errors_PO=std_errors_PO, seconds=0.0, executions=executions
        )

    def _execute(self, work: WorkUnit) -> Outcome:
        active, compact = _compact(work)
        if has_u_gates(self._profile):
            compact = replace(compact, circuit=pulses_of(compact.circuit))
        if len(active) > _MAX_QUBITS:
            raise InputError(
                f"the circuit takes {len(active)} qubits of {self.name}: this machine simulates "
                f"at most {_MAX_QUBITS}; use a smaller router (--qubits), or a device"
            )
        at_once = max(1, _MAX_SHOTS_A_RUN // work.shots)
        parts = [
            self._run(compact, start, min(start + at_once, work.n_points), active)
            for start in range(0, work.n_points, at_once)
        ]
        values, errors, executions = zip(*parts, strict=True)
        return Outcome(
            values_PO=np.concatenate(values),
            std_errors_PO=np.concatenate(errors),
            seconds=0.0,
            executions=sum(executions),
        )

    def _run(self, work: WorkUnit, start: int, stop: int, active: tuple[int, ...]) -> Any:  # noqa: ANN401
        """Return values, standard errors and executions of the points [start, stop)."""
        seed = int(self._rng.integers(2**31 - 1))
        primitive = primitive_for(self._simulator(active), work, seed=seed)
        try:
            job = primitive.run(pubs_of(work, start, stop))
        except IBMInputValueError as error:
            raise InputError(f"runtime options do not go together: {error.message}") from error
        program = job.inputs
        executions = program.shots * sum(item.size() for item in program.items)
        return *values_of(job.result(), work), executions

    def _simulator(self, active: tuple[int, ...]) -> AerSimulator:
        if active not in self._simulators:
            part = simulated(self._profile.subset(active))
            part = with_pulses(part) if has_u_gates(part) else part
            few = len(active) <= _MAX_DENSITY_QUBITS
            self._simulators[active] = _Scheduler(
                target=part.to_target(),
                method="density_matrix" if few else "statevector",
                noise_model=part.to_noise_model(),
                # More threads are slower at this size, and a seed's shots depend on their number.
                max_parallel_threads=1,
                runtime_parameter_bind_enable=few,
            )
        return self._simulators[active]

    @cached_property
    def _profile(self) -> NoiseProfile:
        # By its name the calibration is read once.
        return capture(self._source, name=self.name)


def is_fake(backend: BackendV2) -> bool:
    """Whether a backend is a fake of qiskit-ibm-runtime, which its name opens again."""
    return _fakes().get(str(backend.name)) is type(backend)


class _Scheduler(AerSimulator):  # type: ignore[misc]
    """Aer after a device's scheduler: waiting qubits get delays, during which they relax."""

    def run(self, circuits: Any, parameter_binds: Any = None, **options: Any) -> Any:  # noqa: ANN401
        return super().run(scheduled(circuits, self.target), parameter_binds, **options)


@cache
def _fakes() -> dict[str, type[BackendV2]]:
    kinds = (kind for kind in vars(fake_provider).values() if isinstance(kind, type))
    return {
        str(vars(kind)["backend_name"]): kind
        for kind in kinds
        if issubclass(kind, FakeBackendV2) and "backend_name" in vars(kind)
    }


def _compact(work: WorkUnit) -> tuple[tuple[int, ...], WorkUnit]:
    """Return the device qubits that work acts on or reads out, ascending, and it on them alone."""
    circuit = work.circuit
    steps = [(s.operation, [circuit.find_bit(q).index for q in s.qubits]) for s in circuit.data]
    acted = {q for gate, qubits in steps if gate.name not in {"barrier", "delay"} for q in qubits}
    active = tuple(sorted(acted | set(work.physical_qubits)))
    compact = QuantumCircuit(len(active))
    for operation, qubits in steps:
        if here := [active.index(q) for q in qubits if q in active]:
            compact.append(operation, here)
    physical_qubits = tuple(active.index(q) for q in work.physical_qubits)
    return active, replace(work, circuit=compact, physical_qubits=physical_qubits)
