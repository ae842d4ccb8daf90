"""The outputs of a model's circuit with their standard errors, as one evaluation gave them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qmoe_qiskit.backends import CompiledRouter, Expectations
    from qmoe_qiskit.train import QMoEClassifier
    from qmoe_qiskit.typing import FloatArray


@dataclass(kw_only=True)
class RecordedOutputs:
    """What a model's circuit returned, call by call.

    Attributes:
        calls: The results of the calls.
    """

    calls: list[Expectations] = field(default_factory=list)

    def joined(self) -> Expectations | None:
        """Return the results of all calls as one; None for a classical router."""
        import numpy as np

        from qmoe_qiskit.backends import Expectations

        if not self.calls:
            return None
        return Expectations(
            values=np.concatenate([call.values for call in self.calls]),
            std_errors=np.concatenate([call.std_errors for call in self.calls]),
            shots=self.calls[0].shots,
        )


@contextmanager
def recorded_outputs(classifier: QMoEClassifier) -> Iterator[RecordedOutputs]:
    """Record what a fitted classifier's circuit returns meanwhile: shots are drawn only once."""
    from qmoe_qiskit.moe.torch_connector import RouterNetwork

    recorded = RecordedOutputs()
    router = classifier.module_.router
    connector = getattr(getattr(router, "router", router), "connector", None)
    if connector is None:
        yield recorded
        return
    network = connector.neural_network
    assert isinstance(network, RouterNetwork)
    compiled = network.compiled
    network.compiled = _Recording(compiled, recorded)
    try:
        yield recorded
    finally:
        network.compiled = compiled


class _Recording:
    """A compiled router that records the results of `expectations`."""

    def __init__(self, compiled: CompiledRouter, recorded: RecordedOutputs) -> None:
        self._compiled, self._recorded = compiled, recorded

    def expectations(self, inputs_BF: FloatArray, weights_W: FloatArray) -> Expectations:
        result = self._compiled.expectations(inputs_BF, weights_W)
        self._recorded.calls.append(result)
        return result

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the router has
        return getattr(self._compiled, name)
