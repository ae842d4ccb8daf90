"""Programs that torch records: operators as torch demands them, and where the circuit is found."""

from __future__ import annotations

import copy
import gc
import pickle
import subprocess
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe import MixtureOfExperts, QuantumRouter, balance_loss, quantum_experts
from qmoe_qiskit.moe.amplitude_operator import recorded_angles
from qmoe_qiskit.moe.torch_connector import RouterNetwork
from qmoe_qiskit.moe.torch_connector.operator import expectations, pullback

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# torch says so of its tracer, and scripts its own formulas of forward mode.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.:DeprecationWarning")

GONE = "recorded from a router that does not exist in this process"


@pytest.fixture
def inputs_BF(seed: int) -> Tensor:
    return torch.rand(5, 2, generator=torch.Generator().manual_seed(seed))


def build() -> nn.Module:
    return QuantumRouter(angle_router(2, 1), 3, generator=torch.Generator().manual_seed(0))


def exported(module: nn.Module, inputs_BF: Tensor) -> Callable[[Tensor], Tensor]:
    program: Callable[[Tensor], Tensor] = torch.export.export(module, (inputs_BF,)).module()
    return program


def traced(module: nn.Module, inputs_BF: Tensor) -> Callable[[Tensor], Tensor]:
    program: Callable[[Tensor], Tensor] = torch.jit.trace(module, (inputs_BF,))
    return program


TRAINED = ("both", "weights", "inputs", "neither")
DTYPES = (torch.float32, torch.float64)
TOGETHER = dict(zip(TRAINED, 2 * DTYPES, strict=True))


@pytest.mark.parametrize(
    ("dtype", "trained"),
    [
        pytest.param(dtype, trained, marks=() if TOGETHER[trained] is dtype else pytest.mark.trial)
        for dtype in DTYPES
        for trained in TRAINED
    ],
)
def test_the_operators_are_as_torch_demands(
    dtype: torch.dtype, trained: str, network: RouterNetwork, inputs_BF: Tensor
) -> None:
    inputs = inputs_BF.to(dtype, copy=True).requires_grad_(trained in {"both", "inputs"})
    weights = torch.linspace(-1, 1, 18).requires_grad_(trained in {"both", "weights"})
    torch.library.opcheck(expectations, (inputs, weights, network.handle))
    arguments = inputs.new_ones(5, 2), inputs.detach(), weights.detach(), network.handle
    torch.library.opcheck(pullback, arguments)


def test_the_operator_of_amplitudes_is_as_torch_demands(inputs_BF: Tensor) -> None:
    torch.library.opcheck(recorded_angles, (inputs_BF + 1,))


@pytest.mark.parametrize("record", [exported, traced])
def test_a_program_may_outlive_its_model(
    record: Callable[..., Callable[[Tensor], Tensor]], inputs_BF: Tensor
) -> None:
    program = record(build(), inputs_BF)
    gc.collect()
    torch.testing.assert_close(program(inputs_BF + 1), build()(inputs_BF + 1))


def test_a_circuit_that_is_gone(network: RouterNetwork, inputs_BF: Tensor) -> None:
    another = copy.deepcopy(network)
    handle, weights_W = another.handle, torch.zeros(18)
    expectations(inputs_BF, weights_W, handle)
    del another
    gc.collect()
    with pytest.raises(InputError, match=GONE):
        expectations(inputs_BF, weights_W, handle)


def test_copies_have_handles_of_their_own(network: RouterNetwork) -> None:
    copies = [copy.deepcopy(network), pickle.loads(pickle.dumps(network))]  # noqa: S301
    assert len({network.handle, *(each.handle for each in copies)}) == 3
    assert network.handle.encode() not in pickle.dumps(network)


@pytest.mark.process
def test_an_exported_program_in_another_process(
    python: str, tmp_path: Path, inputs_BF: Tensor
) -> None:
    path = tmp_path / "router.pt2"
    torch.export.save(torch.export.export(build(), (inputs_BF,)), path)
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, torch\n"
        "from qmoe_qiskit.circuits import angle_router\n"
        "from qmoe_qiskit.errors import InputError\n"
        "from qmoe_qiskit.moe import QuantumRouter\n"
        "same = QuantumRouter(angle_router(2, 1), 3)\n"
        "program = torch.export.load(sys.argv[1]).module()\n"
        "try:\n"
        "    program(torch.zeros(5, 2))\n"
        "except InputError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([python, program, path], capture_output=True, text=True, check=False)
    assert GONE in done.stdout, done.stderr


def test_a_whole_model_with_quantum_experts(inputs_BF: Tensor) -> None:
    """With the loss that balances its router, compiled without a break."""
    model = MixtureOfExperts(build(), quantum_experts(3, 2, 2))

    def loss(inputs: Tensor) -> Tensor:
        total: Tensor = model(inputs).square().mean() + balance_loss(model.router(inputs))
        return total

    inputs_BF = inputs_BF + 1
    expected = torch.autograd.grad(loss(inputs_BF), list(model.parameters()))
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    actual = torch.autograd.grad(compiled(inputs_BF), list(model.parameters()))
    torch._dynamo.reset()
    torch.testing.assert_close(actual, expected)
    torch.testing.assert_close(exported(model, inputs_BF)(inputs_BF[:5]), model(inputs_BF[:5]))


def test_derivatives_of_experts_by_features_in_forward_mode(inputs_BF: Tensor) -> None:
    (expert,) = quantum_experts(1, 2, 2)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(inputs_BF + 1, inputs_BF)
        forward = torch.autograd.forward_ad.unpack_dual(expert(dual)).tangent
    _, backward = torch.autograd.functional.jvp(expert, inputs_BF + 1, inputs_BF)
    torch.testing.assert_close(forward, backward)


def test_mapped_quantum_experts(inputs_BF: Tensor) -> None:
    (expert,) = quantum_experts(1, 2, 2)
    inputs = (inputs_BF + 1).expand(3, 5, 2)
    torch.testing.assert_close(
        torch.func.vmap(expert, in_dims=1)(inputs), expert(inputs).movedim(1, 0)
    )
