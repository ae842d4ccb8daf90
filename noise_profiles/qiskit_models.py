"""Profiles as Qiskit and Aer understand them: a Target and a NoiseModel."""

from __future__ import annotations

import math
from collections import defaultdict
from copy import deepcopy
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn

from qiskit.circuit import Delay, Instruction, Measure, Parameter
from qiskit.providers import BackendV2, Options, QubitProperties
from qiskit.transpiler import InstructionProperties, Target
from qiskit_aer.noise import NoiseModel

from qmoe_qiskit.errors import ProfileError
from qmoe_qiskit.noise_profiles.aer_noise import SharedNoise
from qmoe_qiskit.noise_profiles.standard_gates import standard_gates
from qmoe_qiskit.noise_profiles.thermal import modelled_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qmoe_qiskit.noise_profiles.calibration import QubitCalibration
    from qmoe_qiskit.noise_profiles.profile import NoiseProfile


# The angles that IBM's devices accept, in radians; others are brought into this range by Qiskit.
BOUNDS = {"rzz": (0.0, math.pi / 2)}
# Noise models of at most this many qubits are kept: one of a whole device takes 100 MiB.
_KEPT_QUBITS = 20


class ReadoutProperties(InstructionProperties):  # type: ignore[misc]
    """Properties of a measurement with both probabilities of a wrong outcome, for Aer.

    Plain `InstructionProperties` lose additional attributes when they are copied, and Aer would
    then silently take readout errors for symmetric ones.
    """

    def __init__(self, duration: float | None, error: float, p1_0: float, p0_1: float) -> None:
        super().__init__(duration, error)
        self.prob_meas1_prep0 = p1_0
        self.prob_meas0_prep1 = p0_1

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.duration, self.error, self.prob_meas1_prep0, self.prob_meas0_prep1)


def build_target(profile: NoiseProfile) -> Target:
    """Return what the transpiler needs to know, see `NoiseProfile.to_target`."""
    usable = [qubit for qubit in profile.qubits if qubit.operational]
    target = Target(
        description=profile.device,
        num_qubits=profile.n_qubits,
        dt=profile.dt,
        qubit_properties=[
            QubitProperties(t1=qubit.t1, t2=qubit.t2, frequency=qubit.frequency)
            for qubit in profile.qubits
        ],
    )
    for name, properties in _gates(profile).items():
        instruction = _instruction(name, properties)
        if name in BOUNDS:
            target.add_instruction(instruction, properties, name=name, angle_bounds=[BOUNDS[name]])
        else:
            target.add_instruction(instruction, properties, name=name)
    target.add_instruction(Measure(), {(q.qubit,): _readout(q) for q in usable})
    target.add_instruction(Delay(Parameter("t")), {(q.qubit,): None for q in usable})
    return target


def build_noise_model(profile: NoiseProfile) -> NoiseModel:
    """Return Aer's noise model, see `NoiseProfile.to_noise_model`."""
    if profile.n_qubits > _KEPT_QUBITS:
        return _noise_model(profile)
    return deepcopy(_kept_noise_model(profile))  # whoever gets it may add to it


def _noise_model(profile: NoiseProfile) -> SharedNoise:
    relaxes = any(qubit.t1 is not None or qubit.t2 is not None for qubit in profile.qubits)
    device = _Device(build_target(profile))
    return SharedNoise(NoiseModel.from_backend(device, thermal_relaxation=relaxes))


_kept_noise_model = lru_cache(maxsize=16)(_noise_model)


class _Device(BackendV2):  # type: ignore[misc]
    """The device from whose target Aer makes a noise model. It runs nothing."""

    def __init__(self, target: Target) -> None:
        super().__init__(name=target.description)
        self._target = target

    max_circuits = None

    @property
    def target(self) -> Target:
        return self._target

    @classmethod
    def _default_options(cls) -> Options:
        return Options()

    def run(self, run_input: object, **_: object) -> NoReturn:
        raise NotImplementedError(f"cannot run {run_input!r}: this is calibration data only")


_Properties = dict[tuple[int, ...], InstructionProperties]


def _gates(profile: NoiseProfile) -> dict[str, _Properties]:
    offered = {*profile.basis_gates, "reset"}
    gates: dict[str, _Properties] = defaultdict(dict)
    for gate in profile.gates:
        qubits = [profile.qubits[q] for q in gate.qubits]
        if gate.name in offered and all(qubit.operational for qubit in qubits):
            error = modelled_error(gate, qubits)
            gates[gate.name][gate.qubits] = InstructionProperties(gate.duration, error)
    return gates


def _instruction(name: str, places: Mapping[tuple[int, ...], object]) -> Instruction:
    instruction = standard_gates().get(name)
    n_qubits = {len(qubits) for qubits in places}
    if instruction is None or n_qubits != {instruction.num_qubits}:
        raise ProfileError(
            f"gates.{name} on {' or '.join(map(str, sorted(n_qubits)))} qubits is not one of "
            "Qiskit's standard gates"
        )
    return instruction


def _readout(qubit: QubitCalibration) -> InstructionProperties:
    if qubit.p_meas1_prep0 is None or qubit.p_meas0_prep1 is None or qubit.readout_error is None:
        # Without the two attributes Aer would read an error of None, and fail.
        return ReadoutProperties(qubit.readout_length, 0.0, 0.0, 0.0)
    return ReadoutProperties(
        qubit.readout_length, qubit.readout_error, qubit.p_meas1_prep0, qubit.p_meas0_prep1
    )
