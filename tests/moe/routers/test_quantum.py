"""The quantum router: both readouts, its parameters, and where their gradients flow."""

from __future__ import annotations

import copy
import io
import math
from typing import Any

import numpy as np
import pytest
import torch
from qiskit.quantum_info import Statevector
from torch import Tensor, nn

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe import READOUTS, QuantumRouter


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def angles(seed: int, *shape: int) -> Tensor:
    return 2 * math.pi * torch.rand(shape, generator=seeded(seed), dtype=torch.float64) - math.pi


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def probabilities(router: QuantumRouter, inputs_BF: Tensor) -> np.ndarray:
    """|<i|U|psi>|^2 for every sample and basis state, by Qiskit: shape (B, 2^n)."""
    weights_W = router.connector.weight.detach().double().numpy()
    states = [Statevector(router.circuit.bind(x.numpy(), weights_W)) for x in inputs_BF]
    return np.array([state.probabilities() for state in states])


@pytest.mark.parametrize(
    ("n_layers", "readout", "expected"),
    [(3, "expectations", 24), (1, "expectations", 12), (3, "probabilities", 18)],
)
def test_parameter_counts_are_the_papers(n_layers: int, readout: str, expected: int) -> None:
    assert count(QuantumRouter(angle_router(2, n_layers), 2, readout=readout)) == expected


def test_expectations_go_through_the_adapter_and_a_softmax(seed: int) -> None:
    circuit = angle_router(3, 2)
    router = QuantumRouter(circuit, 4, generator=seeded(seed)).double()
    inputs_BF = angles(seed, 5, 3)
    compiled = open_backend("statevector", engine="aer").compile(circuit)
    weights_W = router.connector.weight.detach().numpy()
    values_BO = compiled.expectations(inputs_BF.numpy(), weights_W).values
    state = {name: tensor.numpy() for name, tensor in router.state_dict().items()}
    logits_BE = values_BO @ state["adapter.weight"].T + state["adapter.bias"]
    expected = np.exp(logits_BE) / np.exp(logits_BE).sum(1, keepdims=True)
    np.testing.assert_allclose(router(inputs_BF).detach(), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("n_qubits", "n_experts"), [(1, 2), (2, 4), (3, 8)])
def test_probabilities_of_the_whole_register_are_qiskits(
    n_qubits: int, n_experts: int, seed: int
) -> None:
    router = QuantumRouter(
        angle_router(n_qubits, 2), n_experts, readout="probabilities", generator=seeded(seed)
    ).double()
    inputs_BF = angles(seed, 4, n_qubits)
    expected = probabilities(router, inputs_BF)
    np.testing.assert_allclose(router(inputs_BF).detach(), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("n_qubits", "n_experts"), [(1, 1), (2, 2), (2, 3), (3, 5)])
def test_fewer_experts_share_the_first_states(n_qubits: int, n_experts: int, seed: int) -> None:
    """State 1 is qubit 0 alone in |1>: the order is little-endian."""
    router = QuantumRouter(
        angle_router(n_qubits, 2), n_experts, readout="probabilities", generator=seeded(seed)
    ).double()
    inputs_BF = angles(seed, 4, n_qubits)
    kept = probabilities(router, inputs_BF)[:, :n_experts]
    expected = kept / kept.sum(1, keepdims=True)
    np.testing.assert_allclose(router(inputs_BF).detach(), expected, rtol=0, atol=1e-10)


def test_experts_are_numbered_little_endian() -> None:
    """X on qubit 0 alone gives state 1, on qubit 1 alone state 2."""
    router = QuantumRouter(angle_router(2, 1, entanglement="none"), 4, readout="probabilities")
    with torch.no_grad():
        router.connector.weight.zero_()
    inputs_BF = math.pi * torch.tensor([[0.0, 0], [1, 0], [0, 1], [1, 1]])
    torch.testing.assert_close(router(inputs_BF).detach(), torch.eye(4), rtol=0, atol=1e-6)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("shape", [(7, 2), (2,), (3, 4, 2), (0, 2)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rows_are_distributions(
    readout: str, shape: tuple[int, ...], dtype: torch.dtype, seed: int
) -> None:
    router = QuantumRouter(angle_router(2, 3), 3, readout=readout, generator=seeded(seed))
    weights = router.to(dtype)(angles(seed, *shape).to(dtype))
    assert weights.shape == (*shape[:-1], 3)
    assert weights.dtype == dtype
    assert (weights >= 0).all()
    rounding = 4 * torch.finfo(dtype).eps
    torch.testing.assert_close(weights.sum(-1), weights.new_ones(shape[:-1]), rtol=0, atol=rounding)


def test_states_that_cannot_occur_give_no_nan() -> None:
    """At zero angles all probability is in state 3, which belongs to none of three experts."""
    router = QuantumRouter(angle_router(2, 1, entanglement="none"), 3, readout="probabilities")
    with torch.no_grad():
        router.connector.weight.zero_()
    inputs_BF = torch.full((2, 2), math.pi, requires_grad=True)
    weights = router(inputs_BF)
    weights[:, 0].sum().backward()
    torch.testing.assert_close(weights.sum(-1), torch.ones(2))
    assert inputs_BF.grad is not None
    assert inputs_BF.grad.isfinite().all()


@pytest.mark.parametrize("readout", READOUTS)
def test_gradients_reach_all_but_the_last_rz_angles(readout: str, seed: int) -> None:
    n_qubits, n_layers = 3, 2
    router = QuantumRouter(
        angle_router(n_qubits, n_layers), 4, readout=readout, generator=seeded(seed)
    ).double()
    inputs_BF = angles(seed, 6, n_qubits).requires_grad_()
    (router(inputs_BF) * angles(seed + 1, 6, 4)).sum().backward()
    gradient_W = router.connector.weight.grad
    assert gradient_W is not None
    by_angle = gradient_W.reshape(n_layers, n_qubits, 3).abs()
    assert by_angle[-1, :, 2].max() < 1e-12
    others = torch.cat([by_angle[:-1].flatten(), by_angle[-1, :, :2].flatten()])
    assert others.min() > 1e-6
    if router.adapter is not None:
        for parameter in router.adapter.parameters():
            assert parameter.grad is not None
            assert parameter.grad.abs().min() > 1e-6
    assert inputs_BF.grad is not None
    assert inputs_BF.grad.abs().min() > 1e-6


@pytest.mark.parametrize("readout", READOUTS)
def test_gradcheck(readout: str, seed: int) -> None:
    router = QuantumRouter(angle_router(2, 2), 3, readout=readout, generator=seeded(seed)).double()
    inputs_BF = angles(seed, 3, 2).requires_grad_()
    parameters = tuple(router.parameters())

    def evaluate(inputs: Tensor, *_: Tensor) -> Any:
        return router(inputs)

    # gradcheck moves the parameters in place.
    assert torch.autograd.gradcheck(evaluate, (inputs_BF, *parameters))


@pytest.mark.parametrize("readout", READOUTS)
def test_initial_weights_come_from_the_generator_alone(readout: str) -> None:
    torch_state, numpy_state = torch.get_rng_state(), str(np.random.get_state())  # noqa: NPY002
    one, same, other = (
        QuantumRouter(angle_router(2, 3), 2, readout=readout, generator=seeded(s)).state_dict()
        for s in (5, 5, 6)
    )
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert str(np.random.get_state()) == numpy_state  # noqa: NPY002
    for name, tensor in one.items():
        assert torch.equal(tensor, same[name])
        assert not torch.equal(tensor, other[name])


def test_initial_angles_fill_the_circle() -> None:
    router = QuantumRouter(angle_router(4, 30), 2, generator=seeded(0))
    weights_W = router.connector.weight.detach()
    assert weights_W.abs().max() <= math.pi
    # The standard error of the mean of 360 angles is 0.096, of their mean square 0.16: 5 of each.
    assert abs(weights_W.mean()) < 0.48
    assert abs(weights_W.square().mean() - math.pi**2 / 3) < 0.78


def test_backend_is_a_name_or_an_object(seed: int) -> None:
    inputs_BF = angles(seed, 3, 2)
    routers = [
        QuantumRouter(angle_router(2, 2), 2, backend, generator=seeded(seed)).double()
        for backend in ("statevector", open_backend("statevector", engine="aer"))
    ]
    torch.testing.assert_close(routers[0](inputs_BF), routers[1](inputs_BF), rtol=0, atol=1e-12)


def test_circuit_is_the_one_that_runs() -> None:
    circuit = angle_router(2, 1)
    assert QuantumRouter(circuit, 2).circuit.content_hash == circuit.content_hash
    read = QuantumRouter(circuit, 3, readout="probabilities").circuit
    assert read.n_outputs == 3
    assert read.circuit == circuit.circuit


@pytest.mark.parametrize("readout", READOUTS)
def test_state_comes_back(readout: str, seed: int) -> None:
    circuit = angle_router(2, 2)
    router, other = (
        QuantumRouter(circuit, 3, readout=readout, generator=seeded(s)) for s in (1, 2)
    )
    inputs_BF = angles(seed, 4, 2).float()
    buffer = io.BytesIO()
    torch.save(router.state_dict(), buffer)
    buffer.seek(0)
    other.load_state_dict(torch.load(buffer, weights_only=True))
    assert torch.equal(router(inputs_BF), other(inputs_BF))


def test_copies_compute_the_same(seed: int) -> None:
    router = QuantumRouter(angle_router(2, 2), 2, generator=seeded(seed))
    inputs_BF = angles(seed, 4, 2).float()
    assert torch.equal(copy.deepcopy(router)(inputs_BF), router(inputs_BF))


@pytest.mark.parametrize("n_experts", [0, -1, 1.5, True])
@pytest.mark.parametrize("readout", READOUTS)
def test_experts_must_be_counted(n_experts: int, readout: str) -> None:
    with pytest.raises(InputError, match="n_experts"):
        QuantumRouter(angle_router(2, 1), n_experts, readout=readout)


def test_experts_must_fit_in_the_register() -> None:
    QuantumRouter(angle_router(2, 1), 4, readout="probabilities")
    with pytest.raises(InputError, match=r"5 experts.*2 qubits have 4"):
        QuantumRouter(angle_router(2, 1), 5, readout="probabilities")
    QuantumRouter(angle_router(2, 1), 5)


def test_unknown_names_are_answered_with_those_that_exist() -> None:
    with pytest.raises(InputError, match=r"'probability'.*expectations, probabilities"):
        QuantumRouter(angle_router(2, 1), 2, readout="probability")
    with pytest.raises(InputError, match=r"unknown backend 'abacus'.*statevector"):
        QuantumRouter(angle_router(2, 1), 2, "abacus")
