"""The exact outputs of a router circuit, for comparison with what they should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from qmoe_qiskit.backends import open_backend

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.circuits import RouterCircuit
    from qmoe_qiskit.typing import FloatArray


@pytest.fixture(scope="session")
def outputs() -> Callable[[RouterCircuit, FloatArray, FloatArray], FloatArray]:
    def evaluate(router: RouterCircuit, inputs_BF: FloatArray, weights_W: FloatArray) -> FloatArray:
        compiled = open_backend("statevector").compile(router)
        return compiled.expectations(inputs_BF, weights_W).values

    return evaluate
