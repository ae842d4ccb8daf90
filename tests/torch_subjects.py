"""The modules of `moe/torch_behaviour`, what its tests do with them, and what child processes do.

A module of its own, because child processes import it by its name.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from torch.func import functional_call
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import Dataset

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.moe import QMoELayer
from qmoe_qiskit.moe.torch_connector import RouterConnector, RouterNetwork

if TYPE_CHECKING:
    from collections.abc import Callable

# Sums of up to 100 numbers around 1, in double precision and in another order.
close = partial(torch.testing.assert_close, rtol=0, atol=1e-13)


def linear() -> nn.Module:
    return nn.Linear(2, 2)


def router() -> nn.Module:
    return RouterConnector(RouterNetwork(open_backend("statevector").compile(angle_router(2, 1))))


def layer() -> nn.Module:
    """A layer that is a dense mixture; `sparse_layer` has other promises, see `test_layer.py`."""
    return QMoELayer(2, 2, None, hidden=3, n_qubits=2, n_layers=1)


def sparse_layer() -> nn.Module:
    return QMoELayer(2, 3, 1, hidden=3, n_qubits=2, n_layers=1)


SUBJECTS: dict[str, Callable[[], nn.Module]] = {
    "linear": linear,
    "router": router,
    "layer": layer,
}


def subject(name: str, seed: int = 0) -> nn.Module:
    """A module in float64, whose weights the seed determines."""
    module = (SUBJECTS | {"sparse": sparse_layer})[name]().double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.uniform_(-1, 1, generator=generator)
    return module


def draw(seed: int, *shape: int) -> Tensor:
    return 2 * torch.rand(shape, generator=torch.Generator().manual_seed(seed)).double() - 1


def loss_of(module: nn.Module, inputs: Tensor) -> Tensor:
    loss: Tensor = module(inputs).square().sum()
    return loss


def gradients(module: nn.Module, inputs: Tensor) -> list[Tensor]:
    """What autograd gives for the loss, in the order of the parameters."""
    return list(torch.autograd.grad(loss_of(module, inputs), list(module.parameters())))


def owner_of_weight(module: nn.Module) -> nn.Module:
    """The module itself, or the connector in a layer."""
    return module.mixture.router.router.connector if hasattr(module, "mixture") else module


def as_function(module: nn.Module) -> tuple[Callable[..., Tensor], dict[str, Tensor]]:
    """The module as a function of its parameters and an input, and the parameters."""
    parameters = {key: value.detach() for key, value in module.named_parameters()}
    return (lambda given, inputs: functional_call(module, given, (inputs,))), parameters


class Evaluated(Dataset[Tensor]):
    """A data set that calls a module, in the worker process that asks for a row."""

    def __init__(self, module: nn.Module, inputs_BF: Tensor) -> None:
        self.module, self.inputs_BF = module, inputs_BF

    def __len__(self) -> int:
        return len(self.inputs_BF)

    def __getitem__(self, row: int) -> Tensor:
        with torch.no_grad():
            values: Tensor = self.module(self.inputs_BF[row])
        return values


def answer(module: nn.Module, inputs_BF: Tensor, queue: Any) -> None:
    """Send back the values and the gradients of a module."""
    torch.set_num_threads(1)
    values = module(inputs_BF)
    values.square().sum().backward()
    gradients = [parameter.grad.numpy() for parameter in module.parameters()]
    queue.put((values.detach().numpy(), gradients))


def train_in_group(
    rank: int, group: tuple[int, int], name: str, inputs_BF: Tensor, queue: Any
) -> None:
    """Differentiate a mean over this process' share of a batch, in parallel; rank 0 answers.

    It does so under `DistributedDataParallel`, then under `fully_shard`. `group` is the number of
    processes and the port on this machine at which they meet.
    """
    size, port = group
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.distributed.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=size
    )
    share_BF = inputs_BF.chunk(size)[rank]
    parallel = DistributedDataParallel(subject(name))
    parallel(share_BF).square().mean().backward()
    whole = [parameter.grad for parameter in parallel.module.parameters()]
    mesh = torch.distributed.init_device_mesh("cpu", (size,))
    sharded = fully_shard(subject(name), mesh=mesh)
    sharded(share_BF).square().mean().backward()
    shards = [parameter.grad.full_tensor() for parameter in sharded.parameters()]
    if rank == 0:
        queue.put([[gradient.numpy() for gradient in each] for each in (whole, shards)])
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()
