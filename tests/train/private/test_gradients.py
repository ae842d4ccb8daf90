"""Gradients of rows from one sweep equal those of the rows one by one."""

from __future__ import annotations

import copy
import warnings
from typing import TYPE_CHECKING

import pytest
import torch
from opacus.grad_sample import GradSampleModule
from torch.nn.functional import cross_entropy

from qmoe_qiskit import MixtureOfExperts, QuantumRouter, angle_router, open_backend
from qmoe_qiskit.moe import build_experts
from qmoe_qiskit.train.private.gradients import no_rows, row_gradients

if TYPE_CHECKING:
    import numpy as np

ROWS, CLASSES, EXPERTS = 7, 3, 2
# Sums of a few hundred products of numbers of order one, in another order.
TOLERANCE = 1e-12
# Noisy circuits on density matrices are dear: few qubits show what there is to see.
CASES = [
    ("statevector", 2, "expectations", "linear"),
    ("statevector", 3, "probabilities", "mlp:3"),
    ("statevector", 6, "expectations", "mlp:3"),
    ("statevector", 6, "probabilities", "linear"),
    ("noisy:ibm_torino", 2, "expectations", "mlp:3"),
    ("noisy:ibm_torino", 3, "probabilities", "linear"),
    ("noisy:depolarizing:0.05", 4, "expectations", "linear"),
]


def mixture(backend: str, n_qubits: int, readout: str, expert: str, seed: int) -> MixtureOfExperts:
    generator = torch.Generator().manual_seed(seed)
    circuit = angle_router(n_qubits, 2, reuploads=2 if n_qubits == 2 else 1)
    router = QuantumRouter(
        circuit, EXPERTS, open_backend(backend), readout=readout, generator=generator
    )
    experts = build_experts(expert, EXPERTS, n_qubits, CLASSES, generator=generator)
    return MixtureOfExperts(router, experts).double()


def one_by_one(
    module: MixtureOfExperts, x_BF: torch.Tensor, y_B: torch.Tensor
) -> dict[str, torch.Tensor]:
    rows: dict[str, list[torch.Tensor]] = {}
    for x_1F, y_1 in zip(x_BF.split(1), y_B.split(1), strict=True):
        module.zero_grad()
        cross_entropy(module(x_1F), y_1).backward()
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None
            rows.setdefault(name, []).append(parameter.grad.clone())
    return {name: torch.stack(each) for name, each in rows.items()}


@pytest.fixture
def batch(rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    x_BF = torch.from_numpy(rng.uniform(-3, 3, (ROWS, 6)))
    return x_BF, torch.from_numpy(rng.integers(CLASSES, size=ROWS))


def in_one_sweep(
    module: torch.nn.Module, x_BF: torch.Tensor, y_B: torch.Tensor
) -> dict[str, torch.Tensor]:
    with row_gradients(module), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Full backward hook")
        cross_entropy(module(x_BF), y_B, reduction="sum").backward()
        return {name: p.grad_sample for name, p in module.named_parameters()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
def test_gradients_of_rows(
    case: tuple[str, int, str, str], batch: tuple[torch.Tensor, torch.Tensor], seed: int
) -> None:
    x_BF, y_B = batch[0][:, : case[1]], batch[1]
    module = mixture(*case, seed)
    expected = one_by_one(module, x_BF, y_B)
    found = in_one_sweep(module, x_BF, y_B)
    assert found.keys() == expected.keys()
    for name, rows in expected.items():
        assert (found[name] - rows).abs().max() <= TOLERANCE, name


def test_module_is_left_as_it_was(batch: tuple[torch.Tensor, torch.Tensor], seed: int) -> None:
    x_BF, y_B = batch[0][:, :2], batch[1]
    module = mixture("statevector", 2, "expectations", "linear", seed)
    before = one_by_one(copy.deepcopy(module), x_BF, y_B)
    in_one_sweep(module, x_BF, y_B)
    after = one_by_one(module, x_BF, y_B)
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert not any(hasattr(p, "grad_sample") for p in module.parameters())


def test_within_a_module_that_opacus_wraps(
    batch: tuple[torch.Tensor, torch.Tensor], seed: int
) -> None:
    x_BF, y_B = batch[0][:, :2], batch[1]
    module = mixture("statevector", 2, "expectations", "linear", seed)
    expected = one_by_one(module, x_BF, y_B)
    wrapped = GradSampleModule(module)
    with pytest.warns(UserWarning, match="Full backward hook"):
        cross_entropy(wrapped(x_BF), y_B).backward()
    for name, parameter in module.named_parameters():
        assert (parameter.grad_sample - expected[name]).abs().max() <= TOLERANCE, name


def test_circuit_after_a_trained_layer(batch: tuple[torch.Tensor, torch.Tensor], seed: int) -> None:
    # Its inputs need gradients: the sweep back that gives them comes first.
    x_BF, y_B = batch[0][:, :2], batch[1] % EXPERTS
    router = mixture("statevector", 2, "expectations", "linear", seed).router
    module = torch.nn.Sequential(torch.nn.Linear(2, 2).double(), router)
    expected = one_by_one(module, x_BF, y_B)  # type: ignore[arg-type]
    found = in_one_sweep(module, x_BF, y_B)
    for name, rows in expected.items():
        assert (found[name] - rows).abs().max() <= TOLERANCE, name


def test_empty_batch_has_no_gradients(seed: int) -> None:
    module = mixture("statevector", 2, "expectations", "linear", seed)
    no_rows(module)
    assert all(p.grad_sample.shape == (0, *p.shape) for p in module.parameters())
