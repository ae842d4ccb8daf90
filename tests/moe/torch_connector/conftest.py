"""Networks over the exact backend, and a compiled router that notes what it is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from qmoe_qiskit.backends import CompiledRouter, open_backend
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.moe.torch_connector import RouterNetwork

if TYPE_CHECKING:
    from collections.abc import Callable

    from qiskit import QuantumCircuit


@dataclass(kw_only=True)
class NotingRouter:
    """Hands everything on; notes the calls, and whether a pullback was to give input gradients."""

    inner: CompiledRouter
    calls: list[str] = field(default_factory=list)
    need_inputs: list[bool] = field(default_factory=list)

    @property
    def router(self) -> RouterCircuit:
        return self.inner.router

    @property
    def isa_circuit(self) -> QuantumCircuit:
        return self.inner.isa_circuit

    @property
    def expected_error(self) -> float | None:
        return self.inner.expected_error

    def device_circuit(self, *, measured: bool = False, scheduled: bool = False) -> QuantumCircuit:
        return self.inner.device_circuit(measured=measured, scheduled=scheduled)

    @property
    def physical_qubits(self) -> tuple[int, ...]:
        return self.inner.physical_qubits

    def expectations(self, inputs_BF: Any, weights_W: Any) -> Any:
        self.calls.append("expectations")
        return self.inner.expectations(inputs_BF, weights_W)

    def jacobian(self, inputs_BF: Any, weights_W: Any) -> Any:
        self.calls.append("jacobian")
        return self.inner.jacobian(inputs_BF, weights_W)

    def vjp(self, inputs_BF: Any, weights_W: Any) -> Any:
        self.calls.append("vjp")
        values, inner = self.inner.vjp(inputs_BF, weights_W)

        def pullback(gradient_BO: Any, *, need_inputs: bool = True) -> Any:
            self.need_inputs.append(need_inputs)
            return inner(gradient_BO, need_inputs=need_inputs)

        return values, pullback


@pytest.fixture(scope="session")
def paper_router() -> RouterCircuit:
    return angle_router(2, 3)


@pytest.fixture
def noting(paper_router: RouterCircuit) -> NotingRouter:
    return NotingRouter(inner=open_backend("statevector").compile(paper_router))


@pytest.fixture(params=["batched", "aer"])
def network(request: pytest.FixtureRequest, paper_router: RouterCircuit) -> RouterNetwork:
    return RouterNetwork(open_backend("statevector", engine=request.param).compile(paper_router))


@pytest.fixture(scope="session")
def network_of() -> Callable[[RouterCircuit], RouterNetwork]:
    return lambda router: RouterNetwork(open_backend("statevector").compile(router))
