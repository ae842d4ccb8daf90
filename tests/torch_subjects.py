"""The modules of `moe/test_torch_behaviour.py`, and what child processes do with them.

A module of its own, because child processes import it by its name.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import Dataset

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.moe import QMoELayer
from qmoe_qiskit.moe.torch_connector import RouterConnector, RouterNetwork

if TYPE_CHECKING:
    from collections.abc import Callable


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
