"""A module in other processes: sent there, evaluated there, and trained by several."""

from __future__ import annotations

import socket
from multiprocessing import forkserver
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch_subjects import Evaluated, answer, close, gradients, train_in_group

if TYPE_CHECKING:
    from collections.abc import Iterator

# What torch does with its own modules needs whole processes to show: trials.
# A process that is spawned imports all anew; one of a fork server receives the same, and need not.
STARTS = [
    *((start, "layer") for start in ("fork", "forkserver")),
    pytest.param("spawn", "layer", marks=pytest.mark.trial),
    *(pytest.param(start, "linear", marks=pytest.mark.trial) for start in ("fork", "forkserver")),
]


@pytest.fixture(scope="module", autouse=True)
def fork_server() -> Iterator[None]:
    context = torch.multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["qmoe_qiskit.moe", "torch._dynamo", "torch.distributed.fsdp"])
    yield
    forkserver._forkserver._stop()


@pytest.mark.process
@pytest.mark.parametrize(("start", "name"), STARTS, indirect=["name"])
def test_child_processes(start: str, module: nn.Module, inputs_BF: Tensor) -> None:
    context = torch.multiprocessing.get_context(start)
    queue = context.SimpleQueue()
    process = context.Process(target=answer, args=(module, inputs_BF, queue))
    process.start()
    values, slopes = queue.get()
    process.join()
    assert process.exitcode == 0
    np.testing.assert_array_equal(values, module(inputs_BF).detach())
    for actual, wanted in zip(slopes, gradients(module, inputs_BF), strict=True):
        np.testing.assert_array_equal(actual, wanted)


@pytest.mark.process
@pytest.mark.parametrize(("start", "name"), STARTS, indirect=["name"])
def test_workers_of_a_data_loader(start: str, module: nn.Module, inputs_BF: Tensor) -> None:
    loader = torch.utils.data.DataLoader(
        Evaluated(module, inputs_BF), batch_size=2, num_workers=1, multiprocessing_context=start
    )
    close(torch.cat(list(loader)), module(inputs_BF))


@pytest.mark.process
@pytest.mark.parametrize(
    "name", [pytest.param("linear", marks=pytest.mark.trial), "sparse"], indirect=True
)
@pytest.mark.parametrize("size", [pytest.param(1, marks=pytest.mark.trial), 2])
def test_training_in_parallel(size: int, name: str, module: nn.Module) -> None:
    """The rows of the two processes choose different experts of the sparse layer."""
    inputs_BF = torch.tensor([[-4.5, -4.6], [-4.4, -4.5], [1.3, -5.0], [1.2, -4.9]]).double()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = torch.multiprocessing.get_context("forkserver")
    queue = context.Queue()
    processes = [
        context.Process(target=train_in_group, args=(rank, (size, port), name, inputs_BF, queue))
        for rank in range(size)
    ]
    for process in processes:
        process.start()
    whole, shards = queue.get(timeout=300)
    for process in processes:
        process.join()
        assert process.exitcode == 0
    module(inputs_BF).square().mean().backward()
    for slopes in (whole, shards):
        for actual, parameter in zip(slopes, module.parameters(), strict=True):
            wanted = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            close(torch.from_numpy(actual), wanted)
