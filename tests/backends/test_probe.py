"""The comparison with Aer when a router is compiled: it catches an engine that is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.errors import EngineMismatchError
from qmoe_qiskit.simulation import StatevectorProgram

if TYPE_CHECKING:
    from collections.abc import Callable

EXACT = StatevectorProgram.expectations


def off_by(error: float) -> Callable[..., Any]:
    """Expectations with an error in one output."""

    def expectations(program: StatevectorProgram, inputs: Any, weights: Any) -> Any:
        values = EXACT(program, inputs, weights).copy()
        values[0, -1] += error
        return values

    return expectations


@pytest.mark.parametrize("engine", ["auto", "batched"])
@pytest.mark.parametrize("error", [1e-6, -1e-6, 0.5, np.nan])
def test_a_wrong_engine_is_caught(
    engine: str, error: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StatevectorProgram, "expectations", off_by(error))
    with pytest.raises(EngineMismatchError, match=r"angle_router_2x1.*engine='aer'"):
        open_backend("statevector", engine=engine).compile(angle_router(2, 1))


def test_rounding_is_not_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StatevectorProgram, "expectations", off_by(1e-13))
    open_backend("statevector").compile(angle_router(2, 1))


def test_aer_alone_does_without_the_other_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StatevectorProgram, "expectations", off_by(0.5))
    compiled = open_backend("statevector", engine="aer").compile(angle_router(1, 1))
    values = compiled.expectations(np.array([[0.3]]), np.zeros(3)).values
    np.testing.assert_allclose(values, [[np.cos(0.3)]], atol=1e-12)


def test_the_probe_point_depends_on_every_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that leaves out the last rotation is caught wherever the probe falls."""

    def deaf(program: StatevectorProgram, inputs: Any, weights: Any) -> Any:
        heard = weights.copy()
        heard[1] = 0.0
        return EXACT(program, inputs, heard)

    monkeypatch.setattr(StatevectorProgram, "expectations", deaf)
    for seed in range(20):
        with pytest.raises(EngineMismatchError):
            open_backend("statevector", seed=seed).compile(angle_router(1, 1))
