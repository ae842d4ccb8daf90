"""A run whose router is a circuit from a user's file."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit.circuit.library import real_amplitudes, zz_feature_map

from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.runs import (
    TrainingRequest,
    evaluate_run,
    load_run,
    read_run,
    resume_run,
    train_run,
)
from qmoe_qiskit.train import QMoEClassifier

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def circuit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RouterCircuit:
    """In the file mine.qpy of the current folder."""
    monkeypatch.chdir(tmp_path)
    features = zz_feature_map(2, reps=1)
    router = RouterCircuit.from_circuit(
        features.compose(real_amplitudes(2, reps=1)),
        inputs=features.parameters,
        observables=["XX", "ZI"],
    )
    Path("mine.qpy").write_bytes(router.to_qpy())
    return router


REQUEST = TrainingRequest(n_samples=60, max_epochs=2, router="mine.qpy", control="linear", seed=3)


def test_a_run_holds_the_circuit(circuit: RouterCircuit) -> None:
    run = train_run(REQUEST, "runs/mine")
    assert run.router == f"circuit {circuit.content_hash[:8]}"
    assert run.load_circuit().content_hash == circuit.content_hash
    control = run.control()
    assert control is not None
    assert control.router == "linear"
    command = run.manifest.command
    assert command[command.index("--router") + 1] == "mine.qpy"

    _, split = REQUEST.load()
    model = QMoEClassifier(circuit, max_epochs=2, random_state=3, verbose=False)
    model.fit(split.train.features_NF, split.train.labels_N)
    rows = split.train.features_NF
    Path("mine.qpy").unlink()  # the run does without it
    loaded = load_run("runs/mine")
    np.testing.assert_array_equal(loaded.classifier.predict_proba(rows), model.predict_proba(rows))
    noisy = load_run("runs/mine", backend="noisy:depolarizing:0.1").classifier
    assert not np.allclose(noisy.predict_proba(rows), model.predict_proba(rows))
    evaluated = evaluate_run(loaded)
    assert evaluated.metrics["accuracy"].value == run.metrics["accuracy"].value


@pytest.mark.usefixtures("circuit")
def test_an_interrupted_run_goes_on(
    monkeypatch: pytest.MonkeyPatch,
    assert_same_run: Callable[[Path, Path], None],
) -> None:
    whole = train_run(REQUEST, "whole")

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    Path("below").mkdir()
    monkeypatch.chdir("below")
    request = dataclasses.replace(REQUEST, router="../mine.qpy")
    with monkeypatch.context() as patch:
        patch.setattr("qmoe_qiskit.train.loop.training.Training.run", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train_run(request, "cut")
    monkeypatch.chdir("..")
    content = Path("mine.qpy").read_bytes()
    Path("mine.qpy").write_bytes(angle_router(2, 1).to_qpy())
    with pytest.raises(InputError, match="checkpoint was made with router='circuit "):
        resume_run("below/cut")
    Path("mine.qpy").write_bytes(content)
    resume_run("below/cut")
    assert_same_run(Path("below/cut"), whole.path)


@pytest.mark.usefixtures("circuit")
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"n_layers": 2}, "n_layers=2 would have no effect"),
        ({"entanglement": "ring"}, "entanglement='ring' would have no effect"),
        ({"n_qubits": 1}, "n_qubits=1 would have no effect"),
        ({"router": "other.qpy"}, r"'other.qpy' cannot be read \(No such file"),
        ({"router": "foreign.qpy"}, r"'foreign.qpy' cannot be read \(not a router circuit"),
        ({"router": "wide.qpy"}, "takes 3 inputs, but the data has 2 feature"),
        ({"control": "mine.qpy"}, "is the router itself"),
    ],
    ids=str,
)
def test_requests_that_are_refused(changes: dict[str, Any], says: str) -> None:
    Path("foreign.qpy").write_bytes(b"QISKIT")
    Path("wide.qpy").write_bytes(angle_router(3, 1).to_qpy())
    with pytest.raises(InputError, match=says):
        train_run(dataclasses.replace(REQUEST, **changes), "run")
    assert not Path("run").exists()


@pytest.mark.usefixtures("circuit")
def test_from_the_command_line(qmoe: Callable[..., Any]) -> None:
    small = ("--samples", "60", "--epochs", "1")
    outcome = qmoe("train", *small, "--router", "mine.qpy")
    assert outcome.exit_code == 0, outcome.stderr
    run = read_run("runs/moons-mine")
    assert run.control() is not None
    assert run.router in outcome.stdout
    assert qmoe("info", "runs/moons-mine").exit_code == 0
    refused = qmoe("train", *small, "--router", "mine.qpy", "--layers", "1", "--out", "other")
    assert refused.exit_code == 2
    assert "n_layers=1 would have no effect" in " ".join(refused.stderr.split())
