"""Noise that is a noise model of Aer: the user's own, or that of an AerSimulator."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from typing import Any

import numpy as np
from qiskit.circuit import Delay, Gate, Measure, Parameter
from qiskit.quantum_info import average_gate_fidelity
from qiskit.transpiler import InstructionProperties, Target
from qiskit_aer.noise import LocalNoisePass, NoiseModel, QuantumError

from qmoe_qiskit.backends.mitigation.folding import folded_on_device
from qmoe_qiskit.backends.noisy.circuit import NoisyCircuit, in_bases
from qmoe_qiskit.backends.noisy.device import NoiseChannels
from qmoe_qiskit.backends.transpile.isa_circuit import fit_to_target
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles.aer_noise import SharedNoise
from qmoe_qiskit.noise_profiles.standard_gates import standard_gates
from qmoe_qiskit.typing import FloatArray

# What Aer calls the error before a measurement.
_MEASURE = "measure"

Place = tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class AerNoise:
    """A noise model of Aer, on its first qubits.

    The circuit is in the basis gates of the model. A pair of qubits is coupled if the model has an
    error of a two-qubit gate for it; if it has errors for all pairs alike, or none, every pair is.
    So no two-qubit gate is silently free of the noise that the model has for others. Gates take no
    time.

    Attributes:
        model: The noise model.

    Raises:
        InputError: If the model has readout errors of several qubits at once, or noise by passes of
            other kinds than those of devices.
    """

    model: NoiseModel

    def __post_init__(self) -> None:
        if shared := [list(q) for q in self._local_readout if len(q) > 1]:
            raise InputError(
                f"the noise model has a readout error of qubits {shared[0]} together: give each "
                "qubit its own readout error"
            )
        for noise_pass in self.model._custom_noise_passes:  # noqa: SLF001 - Aer has no accessor
            if not isinstance(noise_pass, LocalNoisePass) or noise_pass._method != "append":  # noqa: SLF001
                raise InputError(
                    f"the noise model has a pass {type(noise_pass).__name__}, which is not noise "
                    "after an instruction: use LocalNoisePass with method='append'"
                )

    @property
    def _local(self) -> dict[str, dict[Place, QuantumError]]:
        return dict(self.model._local_quantum_errors)  # noqa: SLF001 - Aer has no accessors

    @property
    def _everywhere(self) -> dict[str, QuantumError]:
        return dict(self.model._default_quantum_errors)  # noqa: SLF001

    @property
    def _local_readout(self) -> dict[Place, Any]:
        return dict(self.model._local_readout_errors)  # noqa: SLF001

    @property
    def spec(self) -> str:
        """The name of a backend with this noise: it says the content, and opens nothing."""
        errors = self.model.to_dict(serializable=True)["errors"]
        for error in errors:
            error.pop("id", None)  # a random one
        passes = [
            {k: str(v) for k, v in vars(p).items() if k in {"_t1s", "_t2s", "_p1s", "_dt"}}
            for p in self.model._custom_noise_passes  # noqa: SLF001
        ]
        text = json.dumps([self.model.basis_gates, errors, passes], sort_keys=True, default=str)
        return f"noisy:<Aer noise model, hash {hashlib.sha256(text.encode()).hexdigest()[:12]}>"

    def add_to(
        self, router: RouterCircuit, *, noise_factors: Sequence[int], seed: int | None
    ) -> list[NoisyCircuit]:
        """See `NoiseSource.add_to`."""
        plain = fit_to_target(router, self.target(router.n_qubits), seed=seed)
        channels = NoiseChannels(self.model)
        circuits = []
        for basis, rotated in in_bases(router):
            placed = plain.in_basis(basis)
            for factor in noise_factors:
                circuit = folded_on_device(placed, factor).evaluated
                for qubit in plain.measured:
                    if (error := self._error(_MEASURE, (qubit,))) is not None:
                        circuit.append(error.to_instruction(), [qubit])
                circuits.append(
                    NoisyCircuit(
                        router=rotated,
                        circuit=circuit,
                        channels=channels,
                        noise_model=self._between_gates,
                        measured=plain.measured,
                        assignment=tuple(map(self._assignment, plain.measured)),
                        placed=folded_on_device(plain, factor),
                    )
                )
        return circuits

    def target(self, n_qubits: int) -> Target:
        """Return what the transpiler needs to know: gates, pairs, and average gate errors."""
        standard = standard_gates()
        gates = {
            name: standard[name]
            for name in self.model.basis_gates
            if isinstance(standard.get(name), Gate)
        }
        noisy = {*self._everywhere, *self._local}
        two = [name for name, gate in gates.items() if gate.num_qubits == 2]
        offered = [name for name in two if name in noisy] or two
        target = Target(description="the noise model", num_qubits=n_qubits)
        for name, gate in gates.items():
            if gate.num_qubits > 2 or (name in two and name not in offered):
                continue
            places: list[Place] = list(permutations(range(n_qubits), gate.num_qubits))
            if name in two and name in self._local and name not in self._everywhere:
                places = [place for place in places if place in self._local[name]]
            if places:
                target.add_instruction(
                    gate, {place: self._properties(name, place) for place in places}, name=name
                )
        target.add_instruction(
            Measure(),
            {
                (q,): InstructionProperties(error=float(1 - np.diag(self._assignment(q)).mean()))
                for q in range(n_qubits)
            },
        )
        target.add_instruction(Delay(Parameter("t")), {(q,): None for q in range(n_qubits)})
        return target

    def _error(self, name: str, qubits: Place) -> QuantumError | None:
        return self._local.get(name, {}).get(qubits, self._everywhere.get(name))

    def _properties(self, name: str, qubits: Place) -> InstructionProperties:
        error = self._error(name, qubits)
        infidelity = 0.0 if error is None else 1 - average_gate_fidelity(error.to_quantumchannel())
        return InstructionProperties(error=max(0.0, float(infidelity)))

    @cached_property
    def _between_gates(self) -> NoiseModel:
        """The model without errors before measurements, which stand in the circuit."""
        model = deepcopy(SharedNoise(self.model))
        for errors in (model._local_quantum_errors, model._default_quantum_errors):  # noqa: SLF001
            errors.pop(_MEASURE, None)
        return model

    def _assignment(self, qubit: int) -> FloatArray:
        """Return A[measured, true] = P(measured | true) of a qubit, (2, 2)."""
        everywhere = self.model._default_readout_error  # noqa: SLF001
        error = self._local_readout.get((qubit,), everywhere)
        return np.eye(2) if error is None else np.asarray(error.probabilities, dtype=float).T
