"""What cannot run is found before the first task, and said without options that studies lack."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.studies.engine.task import unique_tasks
from qmoe_qiskit.studies.experts.task import ExpertsTask
from qmoe_qiskit.studies.noise.settings import NoiseSettings
from qmoe_qiskit.studies.noise.study import STUDY
from qmoe_qiskit.studies.training import feasibility as feasible
from qmoe_qiskit.studies.training.circuit_execution import EXACT, CircuitExecution
from qmoe_qiskit.studies.training.train_task import TrainTask

SMALL = TrainTask(seed=0, n_samples=80, epochs=1)
DIGITS = replace(SMALL, data="digits")
MANILA = CircuitExecution(backend="noisy:ibmq_manila")


@pytest.mark.parametrize(
    "task",
    [
        replace(DIGITS, train_on=MANILA),
        replace(DIGITS, settings=(EXACT, replace(MANILA, gates=3.0))),
        replace(DIGITS, settings=(replace(MANILA, drift_hours=24.0),)),
    ],
)
def test_a_device_that_is_too_small(task: TrainTask) -> None:
    with pytest.raises(InputError, match="has 6 qubits, ibmq_manila has 5: name larger") as raised:
        task.check()
    assert "--" not in str(raised.value)
    replace(task, router="mlp:4").check()  # has no circuit


def test_the_study_of_noise_finds_it_too() -> None:
    settings = NoiseSettings(data="digits", n_samples=80, devices=("ibmq_manila",))
    with pytest.raises(InputError, match="router 'quantum' on 'digits' has 6 qubits"):
        unique_tasks(STUDY.tasks(settings, (0,)))


def test_readout_errors_that_cannot_be_undone() -> None:
    plain = CircuitExecution(backend="noisy:ibmq_manila", readout=1000.0)
    replace(SMALL, settings=(plain,)).check()
    with pytest.raises(InputError, match="noisy:ibmq_manila times 1000 cannot be undone"):
        replace(SMALL, settings=(replace(plain, mitigation="readout"),)).check()
    settings = NoiseSettings(parts=("mitigation",), factors=(1.0, 1000.0))
    with pytest.raises(InputError, match="use a smaller factor on its noise"):
        unique_tasks(STUDY.tasks(settings, (0,)))


def test_a_quantum_expert_on_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    task = ExpertsTask(
        seed=0,
        data="digits",
        n_samples=100,
        test_fraction=0.5,
        model="qnn",
        n_experts=2,
        n_layers=1,
        backend="noisy:ibmq_manila",
        epochs=1,
        batch_size=32,
        learning_rates=(0.1,),
    )
    task.check()
    monkeypatch.setattr("qmoe_qiskit.studies.experts.task.N_FEATURES", 64)
    with pytest.raises(InputError, match="a quantum expert has 6 qubits, ibmq_manila has 5"):
        replace(task, n_layers=2).check()


def test_each_kind_of_setting_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[CircuitExecution] = []

    def count(_circuit: Any, _what: str, setting: CircuitExecution) -> None:
        looked.append(setting)

    monkeypatch.setattr(feasible, "check_circuit_runs", count)
    settings = tuple(replace(MANILA, gates=k / 7, drift_hours=k / 9) for k in range(1, 9))
    for seed in range(3):
        replace(SMALL, seed=seed, n_layers=7, settings=settings).check()
    assert looked == [MANILA]
