"""The surrogate of a run's circuit from a simulation."""

from dataclasses import replace
from typing import Any

from qmoe_qiskit.backends.surrogate import FourierSurrogate, SurrogatePlan
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.runs.provenance import execution_of
from qmoe_qiskit.runs.store.loading import Run
from qmoe_qiskit.train.execution import profile_of
from qmoe_qiskit.train.model import circuit_weights


def measure_surrogate(run: Run, **settings: Any) -> FourierSurrogate:  # noqa: ANN401
    """Measure the circuit of a run where it runs, see `FourierSurrogate.measure`.

    Args:
        run: The run.
        **settings: Arguments of `SurrogatePlan.make`.

    Raises:
        InputError: If the router is classical, a setting is not accepted, or the circuit has no
            surrogate.
        SurrogateError: If the check fails.
    """
    classifier = run.classifier
    compiled = classifier.compiled_router
    if compiled is None:
        raise InputError(f"router {run.router!r} is classical: it has no circuit to measure")
    if isinstance(compiled, FourierSurrogate):
        raise InputError("a surrogate is measured where the circuit runs, not on a surrogate")
    plan = SurrogatePlan.make(compiled.router, **settings)
    profile = profile_of(classifier.backend_)
    surrogate = FourierSurrogate.from_plan(
        plan, compiled, circuit_weights(classifier.module_), profile=profile
    )
    execution = execution_of(classifier)
    assert execution is not None
    surrogate.record = replace(surrogate.record, mitigation=execution.mitigation)
    return surrogate
