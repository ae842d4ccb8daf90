"""A noise model of Aer, made cheap for the jobs that run with it."""

from __future__ import annotations

import json
from copy import copy
from typing import TYPE_CHECKING, Any, Self

from qiskit_aer.noise import NoiseModel
from qiskit_aer.noise.noise_model import AerJSONEncoder

if TYPE_CHECKING:
    from qiskit_aer.noise import QuantumError


class SharedNoise(NoiseModel):  # type: ignore[misc]
    """A noise model whose errors are never copied, and written down once.

    In each job Aer copies the whole model, to add the errors of delays, and writes it down as JSON.
    With up to 144 terms in the error of a two-qubit gate, that takes longer than many simulations.
    No error changes after it is made, so copies of the model share them.

    Args:
        model: The model that has the noise.
    """

    def __init__(self, model: NoiseModel) -> None:
        self.__dict__.update(vars(model))
        self._written: dict[str, dict[str, Any]] = {}

    def __deepcopy__(self, _: object) -> Self:
        self.to_dict(serializable=True)  # what is written once here is not written by each copy
        new = copy(self)
        for name, value in vars(self).items():
            if isinstance(value, dict | list | set):
                setattr(new, name, copy(value))
        places = {name: dict(errors) for name, errors in self._local_quantum_errors.items()}
        new.__dict__["_local_quantum_errors"] = places
        return new

    def to_dict(self, serializable: bool = False) -> dict[str, Any]:
        """See `NoiseModel.to_dict`."""
        if not serializable:
            as_aer: dict[str, Any] = super().to_dict()
            return as_aer
        errors = [
            {**self._as_json(error), "operations": [name]}
            for name, error in self._default_quantum_errors.items()
        ]
        errors += [
            {**self._as_json(error), "operations": [name], "gate_qubits": [list(qubits)]}
            for name, places in self._local_quantum_errors.items()
            for qubits, error in places.items()
        ]
        if self._default_readout_error is not None:
            errors.append(self._default_readout_error.to_dict())
        errors += [
            {**error.to_dict(), "gate_qubits": [list(qubits)]}
            for qubits, error in self._local_readout_errors.items()
        ]
        return {"errors": errors}

    def _as_json(self, error: QuantumError) -> dict[str, Any]:
        if error.id not in self._written:
            text = json.dumps(error.to_dict(), cls=AerJSONEncoder)
            self._written[error.id] = json.loads(text)
        return self._written[error.id]
