"""The training task: paired, repeatable, and blind to what it is tested on."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pytest

from qmoe_qiskit.data import Split
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles import load_profile
from qmoe_qiskit.studies.training.circuit_execution import EXACT, CircuitExecution
from qmoe_qiskit.studies.training.measuring import observe_rows, restore_on_backend
from qmoe_qiskit.studies.training.routers import QUANTUM
from qmoe_qiskit.studies.training.train_task import SCALINGS, TrainTask, fit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SMALL = TrainTask(seed=3, n_samples=80, epochs=3)
ROUTERS = (*QUANTUM, "linear", "quadratic", "mlp:4", "fourier", "rff:8")


@dataclass(frozen=True, kw_only=True)
class SpoiltTask(TrainTask):
    """The same training; held-out rows that make no sense."""

    kind: ClassVar[str] = "spoilt"

    def load(self) -> Split:
        split = super().load()
        test = split.test
        return replace(
            split,
            test=replace(test, features_NF=test.features_NF * -50, labels_N=1 - test.labels_N),
        )


def without(result: Mapping[str, object], *names: str) -> dict[str, object]:
    return {name: value for name, value in result.items() if name not in names}


@pytest.mark.parametrize("router", ROUTERS)
def test_results_are_plain_and_repeat_bit_for_bit(router: str) -> None:
    task = replace(SMALL, router=router)
    task.check()
    result = task.run()
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert task.run() == result
    assert result["n_parameters"] >= result["effective_parameters"] > 0
    (measured,) = result["settings"]
    assert 0 <= measured["accuracy"] <= 1
    assert sum(measured["expert_load"]) == pytest.approx(1)
    assert measured["routing_flips"] == 0


def test_another_process_finds_the_same(python: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import json; from qmoe_qiskit.studies.training.train_task import TrainTask; "
        "print(json.dumps(TrainTask(seed=3, n_samples=80, epochs=3).run()))"
    )
    printed = subprocess.run(
        [python, str(program)], check=True, capture_output=True, text=True, timeout=240
    ).stdout
    assert json.loads(printed) == SMALL.run()


def test_a_seed_has_the_same_rows_for_every_router() -> None:
    reference = SMALL.load()
    for router in ROUTERS:
        for scaling in SCALINGS:
            split = replace(SMALL, router=router, scaling=scaling, learning_rates=(0.1,)).load()
            for part in ("train", "test"):
                ours, theirs = getattr(split, part), getattr(reference, part)
                np.testing.assert_array_equal(ours.features_NF, theirs.features_NF)
                np.testing.assert_array_equal(ours.labels_N, theirs.labels_N)
    other = replace(SMALL, seed=4).load()
    assert not np.isin(other.train.features_NF, reference.train.features_NF).any()


def test_scalings_are_those_of_all_parts() -> None:
    for name, ends in SCALINGS.items():
        fitted = fit(replace(SMALL, scaling=name))
        scaled = fitted.classifier.feature_map_.scale(fitted.split.train.features_NF)
        np.testing.assert_allclose([scaled.min(), scaled.max()], ends, atol=1e-12)
        assert ends[1] - ends[0] == pytest.approx(np.pi)


def test_held_out_rows_choose_nothing() -> None:
    rates = (0.01, 0.3)
    honest = TrainTask(seed=3, n_samples=80, epochs=3, learning_rates=rates).run()
    blind = SpoiltTask(seed=3, n_samples=80, epochs=3, learning_rates=rates).run()
    assert without(blind, "settings") == without(honest, "settings")
    assert blind["settings"] != honest["settings"]


def test_the_best_rate_is_used_on_all_training_rows() -> None:
    rates = (0.001, 0.1, 0.02)
    tuned = replace(SMALL, learning_rates=rates).run()
    assert [entry["learning_rate"] for entry in tuned["validation"]] == list(rates)
    best = min(tuned["validation"], key=lambda entry: entry["cross_entropy"])["learning_rate"]
    assert tuned["learning_rate"] == best
    plain = replace(SMALL, learning_rates=(best,)).run()
    assert plain["validation"] == []
    assert without(plain, "validation") == without(tuned, "validation")


def test_full_depolarization_sends_every_row_to_one_expert() -> None:
    task = replace(SMALL, settings=(EXACT, CircuitExecution(backend="noisy:depolarizing:0.75")))
    exact, noisy = task.run()["settings"]
    assert max(noisy["expert_load"]) == 1
    kept = exact["expert_load"][int(np.argmax(noisy["expert_load"]))]
    assert noisy["routing_flips"] == pytest.approx(1 - kept)


def test_training_under_noise_is_measured_there_and_exactly() -> None:
    noisy = CircuitExecution(backend="noisy:depolarizing:0.1")
    task = replace(SMALL, train_on=noisy, settings=(EXACT, noisy))
    fitted = fit(task)
    result = task.run()
    there = observe_rows(fitted.classifier, fitted.split.test)
    here = observe_rows(restore_on_backend(fitted.classifier, EXACT, task.seed), fitted.split.test)
    assert not np.array_equal(there.weights_NE, here.weights_NE)
    for setting, observed in zip(result["settings"], (here, there), strict=True):
        assert setting["accuracy"] == observed.hits_N.mean()
        assert setting["routing_flips"] == (observed.experts_N != here.experts_N).mean()


def test_shots_are_those_of_the_seed() -> None:
    task = replace(SMALL, settings=(CircuitExecution(backend="noisy:ideal", shots=16), EXACT))
    result = task.run()
    assert task.run() == result
    sampled, exact = result["settings"]
    assert sampled["cross_entropy"] != exact["cross_entropy"]
    assert exact["routing_flips"] == 0


def test_a_classical_router_does_not_care_where_circuits_run() -> None:
    settings = (EXACT, CircuitExecution(backend="noisy:depolarizing:0.2"))
    first, second = replace(SMALL, router="linear", settings=settings).run()["settings"]
    assert first == second


def test_a_drifted_device_keeps_the_qubits() -> None:
    model = fit(SMALL).classifier
    now = CircuitExecution(backend="noisy:ibm_lagos")
    before, after = (
        restore_on_backend(model, now, 3),
        restore_on_backend(model, replace(now, drift_hours=24.0), 3),
    )
    assert before.compiled_router is not None
    assert after.compiled_router is not None
    assert set(after.compiled_router.physical_qubits) <= set(before.compiled_router.physical_qubits)
    rows = SMALL.load().test
    assert not np.array_equal(
        observe_rows(before, rows).weights_NE, observe_rows(after, rows).weights_NE
    )


def test_factors_and_drift_change_the_calibration() -> None:
    stored = load_profile("ibm_lagos")
    assert CircuitExecution(backend="noisy:ibm_lagos").resolve_backend(1) == stored
    assert CircuitExecution(backend="noisy:ibm_lagos", readout=2.0).resolve_backend(
        1
    ) == stored.scale(readout=2.0)
    later = CircuitExecution(backend="noisy:ibm_lagos", gates=0.5, drift_hours=5.0)
    assert later.resolve_backend(1) == stored.scale(gates=0.5).drift(1, hours=5.0)
    assert later.resolve_backend(1) != later.resolve_backend(2)
    assert later.profiles() == {"noisy:ibm_lagos": stored.content_hash}
    task = replace(SMALL, settings=(EXACT, later))
    assert task.profiles() == later.profiles()
    assert SMALL.profiles() == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"router": "quantum:dephase"}, "did you mean 'quantum:dephased'"),
        ({"router": "mlp"}, "hidden units"),
        ({"router": "cubic"}, "unknown router 'cubic'"),
        ({"n_layers": 0}, "n_layers"),
        ({"n_experts": 0}, "n_experts"),
        ({"data": "moon"}, "did you mean 'moons'"),
        ({"n_samples": 1}, "n_samples"),
        ({"test_fraction": 1.0}, "test_fraction"),
        ({"scaling": "centered"}, "did you mean 'centred'"),
        ({"epochs": 0}, "max_epochs"),
        ({"learning_rates": (0.1, -1.0)}, "learning_rate must be a positive number, got -1.0"),
        ({"learning_rates": ()}, "needs a learning rate"),
        ({"settings": ()}, "a setting to measure it on"),
        ({"settings": (CircuitExecution(backend="statevecto"),)}, "did you mean 'statevector'"),
        ({"settings": (CircuitExecution(backend="runtime:ibm_fez"),)}, "no simulator"),
        ({"settings": (CircuitExecution(shots=100),)}, "shots"),
        ({"train_on": CircuitExecution(backend="noisy:ideal", gates=2.0)}, "no calibration"),
        (
            {"train_on": CircuitExecution(backend="noisy:ibm_lagos", readout=-1.0)},
            "readout of scale",
        ),
    ],
)
def test_impossible_settings_are_refused_beforehand(
    changes: Mapping[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        replace(SMALL, **changes).check()  # type: ignore[arg-type]
