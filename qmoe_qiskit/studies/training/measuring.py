"""Evaluate a trained model, also on another backend, and look into its router."""

from dataclasses import replace
from typing import Any

from torch import nn

from qmoe_qiskit.backends import BackendSpec
from qmoe_qiskit.backends.transpile.placement import active_qubits
from qmoe_qiskit.data import Dataset
from qmoe_qiskit.runs.metrics import Observed, observe, summarize
from qmoe_qiskit.studies.engine.results import finite
from qmoe_qiskit.studies.training.circuit_execution import CircuitExecution
from qmoe_qiskit.train import QMoEClassifier, model_state, restore_model
from qmoe_qiskit.typing import FloatArray


def observe_rows(classifier: QMoEClassifier, rows: Dataset) -> Observed:
    """Evaluate a model once on labelled rows."""
    return observe(classifier, rows.features_NF, rows.labels_N)


def restore_on_backend(
    classifier: QMoEClassifier, setting: CircuitExecution, seed: int
) -> QMoEClassifier:
    """Return the same trained model with another execution of its circuit.

    On a device that has drifted the circuit stays on the qubits that the original calibration led
    to. Shots follow from the seed that the model was trained with, the same for all executions.

    Args:
        classifier: The trained model; a classical one is returned unchanged.
        setting: Execution of the circuit.
        seed: Seed of the drift of the device.
    """
    if classifier.compiled_router is None:
        return classifier
    qubits = None
    if setting.drift_hours:
        stored = replace(setting, drift_hours=0.0)
        before = restore_on_backend(classifier, stored, seed).compiled_router
        assert before is not None
        qubits = active_qubits(before.device_circuit(measured=True))
    where = BackendSpec(
        backend=setting.resolve_backend(seed),
        shots=setting.shots,
        mitigation=setting.mitigation,
        device_qubits=None if qubits is None else tuple(qubits),
    )
    return restore_model(model_state(classifier), where)


def measured(observed: Observed, exact: Observed) -> dict[str, Any]:
    """Return the metrics of a model on held-out rows, as a task's result stores them.

    Args:
        observed: Observations of the model with the execution to measure.
        exact: Observations of the same weights without noise or shots, on the same rows.

    Returns:
        accuracy; cross_entropy and routing_entropy (nat); expert_load (share of the rows on which
        an expert has the largest weight); routing_flips (share of the rows on which that is another
        expert than without noise and shots).
    """
    metrics = summarize(observed, "")
    load = metrics["expert_load"].value
    assert isinstance(load, list)
    return {
        **{
            name: finite(metrics[name].number)
            for name in ("accuracy", "cross_entropy", "routing_entropy")
        },
        "expert_load": load,
        "routing_flips": float((observed.experts_N != exact.experts_N).mean()),
    }


def router_of(classifier: QMoEClassifier) -> nn.Module:
    """Return a classifier's router without the projection before it."""
    router = classifier.module_.router
    inner: nn.Module = getattr(router, "router", router)
    return inner


def router_inputs(classifier: QMoEClassifier, features_NF: FloatArray) -> FloatArray:
    """Return the coordinates that a classifier's router sees for raw features, (N, K)."""
    features = classifier.feature_map_
    inputs_NK: FloatArray = features.scale(features_NF) @ features.matrix_FK + features.offset_K
    return inputs_NK
