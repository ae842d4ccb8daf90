"""Noise models that are cheap to copy and to write down: Aer gets what it writes itself."""

from __future__ import annotations

import pickle
from copy import deepcopy

import pytest
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

from qmoe_qiskit.noise_profiles import load_profile


def model_of(name: str) -> NoiseModel:
    profile = load_profile(name)
    return profile.subset(range(3)).to_noise_model()


def as_aer_writes(model: NoiseModel) -> object:
    return NoiseModel.to_dict(model, serializable=True)


@pytest.mark.parametrize("name", ["ibmq_manila", "ibm_torino"])
def test_what_is_written_is_what_aer_writes(name: str) -> None:
    model = model_of(name)
    for _ in range(2):
        assert model.to_dict(serializable=True) == as_aer_writes(model)
    assert model.to_dict() == NoiseModel.to_dict(model)


def test_errors_may_be_added_later() -> None:
    """As Aer does to a copy, and a user to any model: errors of all kinds, and of old places."""
    model = model_of("ibmq_manila")
    before = as_aer_writes(model)
    read_again = pickle.loads(pickle.dumps(model))  # noqa: S301
    for each in (deepcopy(model), model_of("ibmq_manila"), read_again):
        assert each.to_dict(serializable=True) == before
        each.add_all_qubit_quantum_error(depolarizing_error(0.1, 1), "h")
        each.add_all_qubit_readout_error(ReadoutError([[0.9, 0.1], [0.2, 0.8]]))
        each.add_quantum_error(depolarizing_error(0.1, 1), "sx", [0], warnings=False)
        each.add_readout_error(ReadoutError([[0.9, 0.1], [0.2, 0.8]]), [1], warnings=False)
        assert each.to_dict(serializable=True) == as_aer_writes(each) != before
    assert model.to_dict(serializable=True) == before == as_aer_writes(model_of("ibmq_manila"))
